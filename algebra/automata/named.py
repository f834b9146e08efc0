"""Automata with names: the tasks on which state tracking is tested.

A plain name is the published task, with its letters, its start and its answers; docs/automata.md says of each where it
comes from and what is not as published. Sources: Tomita 1982 (`tomita`); Delétang and others, *Neural Networks and the
Chomsky Hierarchy*, ICLR 2023 (`parity-check`, `even-pairs`, `cycle-navigation`, `modular-arithmetic`); Liu and others,
*Transformers Learn Shortcuts to Automata*, ICLR 2023, and the data set that goes with it (`parity`, `flip-flop`,
`grid`, `abab`, `adder`, permutation-reset automata); Liu and others, *Exposing Attention Glitches with Flip-Flop
Language Modeling*, NeurIPS 2023 (`flip-flop-language`); Hewitt and others 2020 (`dyck`, brackets of bounded depth).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

import numpy as np

from ...common.errors import InputError
from ..arithmetic.permutations import cycles
from ..groups.group import Group
from .automaton import MAX_LETTERS, MAX_STATES, Automaton

BRACKETS = ("()", "[]", "{}", "<>")

TASKS = (
    "parity", "flip-flop(2)", "flip-flop(8)", "flip-flop-language", *(f"tomita({i})" for i in range(1, 8)),
    "even-pairs", "cycle-navigation(5)", "modular-arithmetic(5)", "modular-arithmetic(4,left-to-right)",
    "modular-arithmetic(7,left-to-right)", "grid(4)", "grid(5,5)", "dyck(1,3)", "dyck(2,2)", "dyck(2,4)", "abab",
    "adder", "counter(5,reset)", "permutation-reset(S3)", "permutation-reset(S3,all)", "permutation-reset(S4)",
    "group(S4)",
)  # fmt: skip
"""The named tasks of the tables in docs/, small and large."""


def _require(condition: bool, name: str, wanted: str) -> None:
    if not condition:
        raise InputError(f"{name}: wanted {wanted}")


def parity() -> Automaton:
    """Words over 0, 1 with an odd number of ones."""
    return Automaton.make("parity", [[0, 1], [1, 0]], "01", ("even", "odd"), 0, [1])


def parity_check() -> Automaton:
    """Words over a, b with an even number of `b`."""
    return Automaton.make("parity-check", [[0, 1], [1, 0]], "ab", ("even", "odd"), 0, [0])


def flip_flop(n: int) -> Automaton:
    """A register of n values: letter `w` with a value writes it, `keep` leaves it; the state is the output."""
    name = f"flip-flop({n})"
    _require(2 <= n < MAX_LETTERS, name, f"2 to {MAX_LETTERS - 1} values, e.g. flip-flop(2)")
    table = [[*range(n), q] for q in range(n)]
    return Automaton.make(name, table, [*(f"w{v}" for v in range(n)), "keep"])


def flip_flop_language() -> Automaton:
    """Words of instructions and bits in turns: `w` writes its bit, `r` reads and must be followed by the bit written
    last, `i` is followed by any bit and ignores it. The first instruction writes; a word ends with a bit.

    The states are the start, `w`, the bit that is stored, that bit with `r` or `i` waiting for one, and dead.
    """
    states = ("start", "w", "0", "1", "0r", "1r", "0i", "1i", "dead")
    number = {state: i for i, state in enumerate(states)}
    dead = number["dead"]
    table = [[dead] * 5 for _ in states]  # letters w r i 0 1
    table[number["start"]][0] = number["w"]
    for bit in (0, 1):
        stored = number[str(bit)]
        table[number["w"]][3 + bit] = stored
        table[stored][:3] = [number["w"], number[f"{bit}r"], number[f"{bit}i"]]
        table[number[f"{bit}r"]][3 + bit] = stored
        table[number[f"{bit}i"]][3:] = [stored, stored]
    return Automaton.make("flip-flop-language", table, "wri01", states, 0, [number["0"], number["1"]])


def tomita(number: int) -> Automaton:
    """Tomita's seven languages over 0, 1; their minimal automata."""
    name = f"tomita({number})"
    _require(1 <= number <= 7, name, "1 to 7, e.g. tomita(5)")
    tables: dict[int, tuple[list[list[int]], list[int]]] = {
        1: ([[1, 0], [1, 1]], [0]),  # 1*
        2: ([[2, 1], [0, 2], [2, 2]], [0]),  # (10)*
        # no odd run of zeros after an odd run of ones: 0 safe, 1 odd run of ones, then 2 odd, 3 even run of zeros
        3: ([[0, 1], [2, 0], [3, 4], [2, 1], [4, 4]], [0, 1, 3]),
        4: ([[1, 0], [2, 0], [3, 0], [3, 3]], [0, 1, 2]),  # no three zeros in a row
        5: ([[1, 2], [0, 3], [3, 0], [2, 1]], [0]),  # even numbers of zeros and of ones
        6: ([[1, 2], [2, 0], [0, 1]], [0]),  # as many zeros as ones modulo 3
        7: ([[0, 1], [2, 1], [2, 3], [4, 3], [4, 4]], [0, 1, 2, 3]),  # 0*1*0*1*
    }
    table, accepting = tables[number]
    return Automaton.make(name, table, "01", None, 0, accepting)


def tomita_later(number: int) -> Automaton:
    """Tomita's third language as some data sets have it: no odd run of zeros *anywhere* after an odd run of ones, where
    `tomita(3)` looks at the run of zeros next to it. It holds 10011, as that does, and not 100110."""
    _require(number == 3, f"tomita({number},later)", "tomita(3,later)")
    # 0 no odd run of ones, 1 in one, then 2 an odd run of zeros, 3 none that is odd, 4 dead
    table = [[0, 1], [2, 0], [3, 4], [2, 3], [4, 4]]
    return Automaton.make("tomita(3,later)", table, "01", None, 0, [0, 1, 3])


def even_pairs() -> Automaton:
    """Words over a, b with an even number of `ab` and `ba`: the first and the last letter agree."""
    table = [[1, 4], [1, 2], [1, 2], [3, 4], [3, 4]]
    return Automaton.make("even-pairs", table, "ab", ("start", "a…a", "a…b", "b…a", "b…b"), 0, [0, 1, 4])


def cycle_navigation(n: int = 5) -> Automaton:
    """A place on a cycle of n, and steps of -1, 0 and +1."""
    name = f"cycle-navigation({n})"
    _require(2 <= n <= MAX_STATES, name, f"2 to {MAX_STATES} places, e.g. cycle-navigation(5)")
    return Automaton.make(name, [[(q - 1) % n, q, (q + 1) % n] for q in range(n)], ("-1", "0", "+1"))


def modular_arithmetic(n: int = 5) -> Automaton:
    """Digits and operations in turns, as in `1+2*3`, modulo n. Multiplication binds tighter, equals go from left.

    A state is the sum s of the finished terms with the product p of the current one, which carries its sign; its name
    says what follows from it: `s+p` after a digit, `s+p*`, `s+` or `s-` after an operation. So the value of an
    expression is that of the state's name: `1+2*3` ends in `1+1` modulo 5. The start is `0+`. Words that are no
    expressions have a state too: digits side by side are multiplied, of two operations in a row the later counts, and
    `*` after `+` or `-` does nothing.
    """
    name = f"modular-arithmetic({n})"
    wanted = "a modulus of 2 to 22, e.g. modular-arithmetic(5), or modular-arithmetic(5,left-to-right)"
    _require(2 <= n <= 22, name, wanted)
    pairs = list(product(range(n), range(n)))
    plus, minus = ([f"{s}{sign}" for s in range(n)] for sign in "+-")
    states = [*plus, *minus, *(f"{s}+{p}" for s, p in pairs), *(f"{s}+{p}*" for s, p in pairs)]
    number = {state: i for i, state in enumerate(states)}

    def row(s: int, p: int | None, sign: int) -> list[int]:
        """Where a state leads; p is None just after `+` or `-`, whose sign the next product takes."""
        closed = s if p is None else (s + p) % n
        factor = sign if p is None else p
        digits = [number[f"{s}+{factor * d % n}"] for d in range(n)]
        starred = f"{s}{'+' if sign > 0 else '-'}" if p is None else f"{s}+{p}*"
        return [*digits, number[f"{closed}+"], number[f"{closed}-"], number[starred]]

    table = [row(s, None, sign) for sign in (1, -1) for s in range(n)] + [row(s, p, 1) for s, p in pairs] * 2
    return Automaton.make(name, table, [*map(str, range(n)), *"+-*"], states)


def left_to_right(n: int) -> Automaton:
    """Modular arithmetic without precedence: a value modulo n and the operation that digits are taken with. `+`, `-`
    and `*` choose the operation, a digit is added, subtracted or multiplied. It starts with value 0 and `+`."""
    name = f"modular-arithmetic({n},left-to-right)"
    _require(2 <= n <= 80, name, "a modulus of 2 to 80, e.g. modular-arithmetic(5,left-to-right)")
    operations: tuple[tuple[str, Callable[[int, int], int]], ...] = (
        ("+", lambda v, d: v + d),
        ("-", lambda v, d: v - d),
        ("*", lambda v, d: v * d),
    )
    table = [
        [*(o * n + act(v, d) % n for d in range(n)), *(other * n + v for other in range(3))]
        for o, (_, act) in enumerate(operations)
        for v in range(n)
    ]
    states = [f"{v}{sign}" for sign, _ in operations for v in range(n)]
    return Automaton.make(name, table, [*map(str, range(n)), *(sign for sign, _ in operations)], states)


def grid(m: int, n: int | None = None) -> Automaton:
    """A walk on a line of m places (L, R), or on a grid of m × n (L, R, U, D); walls hold it back. It starts at 0."""
    name = f"grid({m})" if n is None else f"grid({m},{n})"
    rows = 1 if n is None else n
    wanted = f"sides of 2 or more and at most {MAX_STATES:,} places, e.g. grid(5,5)"
    _require(m >= 2 and (n is None or n >= 2) and m * rows <= MAX_STATES, name, wanted)
    steps = ((-1, 0), (1, 0)) if n is None else ((-1, 0), (1, 0), (0, -1), (0, 1))
    places = list(product(range(rows), range(m)))
    table = [[min(max(y + dy, 0), rows - 1) * m + min(max(x + dx, 0), m - 1) for dx, dy in steps] for y, x in places]
    return Automaton.make(name, table, "LRUD"[: len(steps)], [str(x) if n is None else f"{x},{y}" for y, x in places])


def dyck(kinds: int, depth: int) -> Automaton:
    """Balanced words of some kinds of brackets, nested no deeper than a bound: the state is the stack, or dead."""
    name = f"dyck({kinds},{depth})"
    _require(1 <= kinds <= len(BRACKETS) and depth >= 1, name, "1 to 4 kinds and a depth of 1 or more, e.g. dyck(2,3)")
    count = depth + 2 if kinds == 1 else sum(kinds**i for i in range(min(depth, 10) + 1)) + 1  # 2¹⁰ are too many
    _require(count <= MAX_STATES, name, f"at most {MAX_STATES:,} stacks, e.g. dyck(2,3)")
    stacks = ["".join(stack) for length in range(depth + 1) for stack in product("abcd"[:kinds], repeat=length)]
    number = {stack: i for i, stack in enumerate(stacks)}
    dead = len(stacks)
    table = []
    for stack in stacks:
        row = []
        for kind in "abcd"[:kinds]:
            row += [number.get(stack + kind, dead), number[stack[:-1]] if stack.endswith(kind) else dead]
        table.append(row)
    table.append([dead] * (2 * kinds))
    opened = str.maketrans("abcd", "([{<")
    states = [stack.translate(opened) or "empty" for stack in stacks] + ["dead"]
    return Automaton.make(name, table, "".join(BRACKETS[:kinds]), states, 0, [0])


def abab() -> Automaton:
    """Prefixes of 01010101…: the place in 0101, from 3 where a block of four is complete, or 4 for ever after."""
    table = [[4, 1], [2, 4], [4, 3], [0, 4], [4, 4]]
    return Automaton.make("abab", table, "01", None, 3)


def adder() -> Automaton:
    """Two binary numbers, lowest digits first: letter a + 2b is a column of them, the state the digit of their sum and
    the carry."""
    table = [[(a + b + carry) % 2 + (a + b + carry) // 2 * 2 for b in (0, 1) for a in (0, 1)] for carry in (0, 0, 1, 1)]
    return Automaton.make("adder", table, "0123", [f"digit{q % 2}carry{q // 2}" for q in range(4)])


def counter(n: int, reset: bool) -> Automaton:
    """A counter modulo n with the letter `+1`, and with `reset` where one is wanted."""
    name = f"counter({n},reset)" if reset else f"counter({n})"
    _require(2 <= n <= MAX_STATES, name, f"a modulus of 2 to {MAX_STATES}, e.g. counter(5,reset)")
    table = [[(q + 1) % n, 0][: 1 + reset] for q in range(n)]
    return Automaton.make(name, table, ("+1", "reset")[: 1 + reset])


def cayley(group: Group) -> Automaton:
    """A group as an automaton: its elements are the states and, up to 64 of them, the letters; else its generators."""
    letters = list(range(group.order)) if group.order <= 64 else list(group.generators)
    return _on_elements(f"group({group.name})", group, letters)


def permutation_reset(group: Group, everywhere: bool = False) -> Automaton:
    """A group with its generators as letters, and one letter more that leads every element to the identity; with
    `everywhere` one for each element before them, `=g`, that leads there."""
    name = f"permutation-reset({group.name}{',all' if everywhere else ''})"
    return _on_elements(name, group, list(group.generators), range(group.order) if everywhere else [0], everywhere)


def _on_elements(
    name: str, group: Group, letters: list[int], resets: Sequence[int] = (), first: bool = False
) -> Automaton:
    """The elements as states: letters multiply, resets lead to one element; `first` says that they are named, and stand
    before the others."""
    _require(1 < group.order <= MAX_STATES, name, f"a group of order 2 to {MAX_STATES:,}")
    _require(len(letters) + len(resets) <= MAX_LETTERS, name, f"at most {MAX_LETTERS} letters, e.g. a smaller group")
    elements = np.arange(group.order)
    turns = [(cycles(group.elements[x]), group.multiply(elements, x)) for x in letters]
    sets = [(f"={cycles(group.elements[x])}" if first else "reset", np.full_like(elements, x)) for x in resets]
    columns = [*sets, *turns] if first else [*turns, *sets]
    named, moves = zip(*columns, strict=True)
    return Automaton.make(name, np.stack(moves, axis=1), named, [cycles(row) for row in group.elements])
