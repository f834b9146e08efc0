"""Automata with names: the tasks on which state tracking is tested.

Sources: Tomita 1982 (`tomita`); Delétang and others, *Neural Networks and the Chomsky Hierarchy*, ICLR 2023 (`parity`,
`even-pairs`, `cycle-navigation`, modular arithmetic); Liu and others, *Transformers Learn Shortcuts to Automata*, ICLR
2023 (`flip-flop`, `grid`, permutation-reset automata); Hewitt and others 2020 (`dyck`, brackets of bounded depth).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np

from ...common.errors import InputError
from ..arithmetic.permutations import cycles
from ..groups.group import Group
from .automaton import MAX_LETTERS, MAX_STATES, Automaton

BRACKETS = ("()", "[]", "{}", "<>")

TASKS = (
    "parity", "flip-flop(2)", "flip-flop(8)", *(f"tomita({i})" for i in range(1, 8)), "even-pairs",
    "cycle-navigation(5)", "modular-arithmetic(4)", "modular-arithmetic(7)", "grid(4)", "grid(5,5)", "dyck(1,3)",
    "dyck(2,2)", "dyck(2,4)", "counter(5,reset)", "permutation-reset(S3)", "permutation-reset(S4)", "group(S4)",
)  # fmt: skip
"""The named tasks of the tables in docs/, small and large."""


def _require(condition: bool, name: str, wanted: str) -> None:
    if not condition:
        raise InputError(f"{name}: wanted {wanted}")


def parity() -> Automaton:
    """Words over 0, 1 with an odd number of ones."""
    return Automaton.make("parity", [[0, 1], [1, 0]], "01", ("even", "odd"), 0, [1])


def flip_flop(n: int) -> Automaton:
    """A register of n values: letter `w` with a value writes it, `keep` leaves it; the state is the output."""
    name = f"flip-flop({n})"
    _require(2 <= n < MAX_LETTERS, name, f"2 to {MAX_LETTERS - 1} values, e.g. flip-flop(2)")
    table = [[*range(n), q] for q in range(n)]
    return Automaton.make(name, table, [*(f"w{v}" for v in range(n)), "keep"])


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


def even_pairs() -> Automaton:
    """Words over a, b with an even number of `ab` and `ba`: the first and the last letter agree."""
    table = [[1, 4], [1, 2], [1, 2], [3, 4], [3, 4]]
    return Automaton.make("even-pairs", table, "ab", ("start", "a…a", "a…b", "b…a", "b…b"), 0, [0, 1, 4])


def cycle_navigation(n: int) -> Automaton:
    """A place on a cycle of n, and steps of -1, 0 and +1."""
    name = f"cycle-navigation({n})"
    _require(2 <= n <= MAX_STATES, name, f"2 to {MAX_STATES} places, e.g. cycle-navigation(5)")
    return Automaton.make(name, [[(q - 1) % n, q, (q + 1) % n] for q in range(n)], ("-1", "0", "+1"))


def modular_arithmetic(n: int) -> Automaton:
    """A value modulo n and the operation that digits are taken with, from left to right: `+`, `-` and `*` choose the
    operation, a digit is added, subtracted or multiplied. It starts with value 0 and `+`."""
    name = f"modular-arithmetic({n})"
    _require(2 <= n <= 80, name, "a modulus of 2 to 80, e.g. modular-arithmetic(5)")
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


def counter(n: int, reset: bool) -> Automaton:
    """A counter modulo n with the letter `+1`, and with `reset` where one is wanted."""
    name = f"counter({n},reset)" if reset else f"counter({n})"
    _require(2 <= n <= MAX_STATES, name, f"a modulus of 2 to {MAX_STATES}, e.g. counter(5,reset)")
    table = [[(q + 1) % n, 0][: 1 + reset] for q in range(n)]
    return Automaton.make(name, table, ("+1", "reset")[: 1 + reset])


def cayley(group: Group) -> Automaton:
    """A group as an automaton: its elements are the states and, up to 64 of them, the letters; else its generators."""
    letters = list(range(group.order)) if group.order <= 64 else list(group.generators)
    return _on_elements(f"group({group.name})", group, letters, reset=False)


def permutation_reset(group: Group) -> Automaton:
    """A group with its generators as letters, and one letter more that leads every element to the identity."""
    return _on_elements(f"permutation-reset({group.name})", group, list(group.generators), reset=True)


def _on_elements(name: str, group: Group, letters: list[int], reset: bool) -> Automaton:
    _require(1 < group.order <= MAX_STATES, name, f"a group of order 2 to {MAX_STATES:,}")
    elements = np.arange(group.order)
    columns = [group.multiply(elements, letter) for letter in letters] + [np.zeros_like(elements)] * reset
    named = [cycles(group.elements[letter]) for letter in letters] + ["reset"] * reset
    return Automaton.make(name, np.stack(columns, axis=1), named, [cycles(row) for row in group.elements])
