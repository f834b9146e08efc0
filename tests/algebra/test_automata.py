"""Automata: names against independent definitions, expressions against Python's `re`, monoids against GAP."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from itertools import islice, pairwise, product
from pathlib import Path

import numpy as np
import pytest

from subnormal.algebra.automata import components as component_loops
from subnormal.algebra.automata.automaton import Automaton
from subnormal.algebra.automata.components import components
from subnormal.algebra.automata.congruences import generated_congruence, quotient, separating_congruences
from subnormal.algebra.automata.holonomy import Holonomy
from subnormal.algebra.automata.monoid import COMPILED_FROM, TransitionMonoid, listed
from subnormal.algebra.automata.regular_expression import regular_expression
from subnormal.algebra.groups.identify import small_group_id
from subnormal.algebra.input.parser import parse_machine
from subnormal.common.errors import InputError

DATA = Path(__file__).parent.parent / "data"


def words(letters: int, longest: int):
    for length in range(longest + 1):
        yield from product(range(letters), repeat=length)


def runs(word):
    """Runs of equal letters as (letter, length)."""
    found = []
    for letter in word:
        if found and found[-1][0] == letter:
            found[-1][1] += 1
        else:
            found.append([letter, 1])
    return found


def balanced(word, kinds, depth):
    stack = []
    for letter in word:
        kind, closes = divmod(letter, 2)
        if not closes:
            stack.append(kind)
            if len(stack) > depth:
                return False
        elif not stack or stack.pop() != kind:
            return False
    return not stack


def odd_zeros_later(found):
    """Whether an odd run of zeros comes anywhere after an odd run of ones."""
    ones = [i for i, (letter, length) in enumerate(found) if letter == 1 and length % 2]
    return any(letter == 0 and length % 2 for letter, length in found[ones[0] :]) if ones else False


def flip_flop_word(word):
    """The definition of the flip-flop language, pair by pair."""
    if not re.fullmatch("w[01]([wri][01])*", word):
        return False
    pairs = [word[i : i + 2] for i in range(0, len(word), 2)]
    written = [next(p[1] for p in reversed(pairs[: i + 1]) if p[0] == "w") for i in range(len(pairs))]
    return all(pair[1] == bit for pair, bit in zip(pairs, written, strict=True) if pair[0] == "r")


LANGUAGES = {
    "parity": lambda w: sum(w) % 2 == 1,
    "tomita(1)": lambda w: 0 not in w,
    "tomita(2)": lambda w: w == (1, 0) * (len(w) // 2),
    "tomita(3)": lambda w: not any(a[0] == 1 and a[1] % 2 and b[1] % 2 for a, b in pairwise(runs(w))),
    "tomita(4)": lambda w: not any(letter == 0 and length > 2 for letter, length in runs(w)),
    "tomita(5)": lambda w: w.count(0) % 2 == 0 and w.count(1) % 2 == 0,
    "tomita(6)": lambda w: (w.count(0) - w.count(1)) % 3 == 0,
    "tomita(7)": lambda w: re.fullmatch("0*1*0*1*", "".join(map(str, w))) is not None,
    "tomita(3,later)": lambda w: not odd_zeros_later(runs(w)),
    "even-pairs": lambda w: sum(a != b for a, b in pairwise(w)) % 2 == 0,
    "parity-check": lambda w: w.count(1) % 2 == 0,
    "flip-flop-language": lambda w: flip_flop_word("".join("wri01"[x] for x in w)),
    "dyck(1,3)": lambda w: balanced(w, 1, 3),
    "dyck(2,2)": lambda w: balanced(w, 2, 2),
}


@pytest.mark.parametrize("name", LANGUAGES)
def test_languages(name):
    automaton = parse_machine(name)
    minimal = automaton.minimal()
    assert minimal.count == automaton.count  # the tables are minimal as they stand
    for word in words(automaton.width, 10 if automaton.width == 2 else 6):
        assert automaton.accepts(word) == minimal.accepts(word) == LANGUAGES[name](word)


def flip_flop_values(word):
    writes = [letter for letter in word if letter != "keep"]
    return writes[-1][1:] if writes else "0"


def cycle(word, places=5):
    return str(sum(map(int, word)) % places)


def on_grid(word, wide, high=None):
    x = y = 0
    for letter in word:
        x = min(max(x + {"L": -1, "R": 1}.get(letter, 0), 0), wide - 1)
        y = min(max(y + {"U": -1, "D": 1}.get(letter, 0), 0), (high or 1) - 1)
    return f"{x}" if high is None else f"{x},{y}"


def added(word):
    """The digit and the carry of the columns read so far, by adding the two numbers."""
    a, b = (sum((int(x) >> i & 1) << t for t, x in enumerate(word)) for i in (0, 1))
    return f"digit{(a + b) >> (len(word) - 1) & 1}carry{(a + b) >> len(word)}" if word else "digit0carry0"


def stepped(word):
    """The data set's own states: the place in 0101, 3 before it and after four, 4 for what is no prefix of 0101…"""
    return str((len(word) + 3) % 4) if "0101010101010101".startswith("".join(word)) else "4"


def left_to_right(word, n=4):
    total, sign = 0, "+"
    for letter in word:
        if letter in "+-*":
            sign = letter
        else:
            total = eval(f"({total}){sign}{letter}") % n
    return f"{total}{sign}"


def permuted(word, everywhere):
    """Products in S3 of permutations that are composed from left to right, since the last reset."""
    images = {"()": (0, 1, 2), "(2,3)": (0, 2, 1), "(1,2)": (1, 0, 2), "(1,2,3)": (1, 2, 0), "(1,3,2)": (2, 0, 1)}
    images |= {"(1,3)": (2, 1, 0)}
    state: tuple[int, ...] = (0, 1, 2)
    for letter in word:
        if letter == "reset" or letter.startswith("="):
            assert everywhere == letter.startswith("=")
            state = images[letter[1:] if everywhere else "()"]
        else:
            state = tuple(images[letter][i] for i in state)
    return next(name for name, image in images.items() if image == state)


TRACKED = {
    "flip-flop(2)": (flip_flop_values, 7),
    "flip-flop(3)": (flip_flop_values, 6),
    "cycle-navigation": (cycle, 7),
    "cycle-navigation(3)": (lambda word: cycle(word, 3), 6),
    "grid(4)": (lambda word: on_grid(word, 4), 10),
    "grid(3,4)": (lambda word: on_grid(word, 3, 4), 6),
    "abab": (stepped, 10),
    "adder": (added, 6),
    "counter(3)": (lambda word: str(len(word) % 3), 8),
    "counter(4,reset)": (lambda word: str([*word[::-1], "reset"].index("reset") % 4), 8),
    "modular-arithmetic(4,left-to-right)": (left_to_right, 5),
    "permutation-reset(S3)": (lambda word: permuted(word, everywhere=False), 7),
    "permutation-reset(S3,all)": (lambda word: permuted(word, everywhere=True), 5),
}
"""Tasks whose state is the answer: what a word of letters leads to, by the definition; and the longest words tried."""


@pytest.mark.parametrize("name", TRACKED)
def test_tasks(name):
    answer, longest = TRACKED[name]
    automaton = parse_machine(name)
    for word in words(automaton.width, longest):
        state = automaton.after(automaton.start, word)
        assert automaton.states[state] == answer([automaton.letters[x] for x in word])


def expressions(n, longest):
    for terms in range(1, (longest + 1) // 2 + 1):
        for digits in product(map(str, range(n)), repeat=terms):
            for signs in product("+-*", repeat=terms - 1):
                yield "".join(a + b for a, b in zip(digits, [*signs, ""], strict=True))


@pytest.mark.parametrize(("n", "longest"), [(2, 9), (3, 7), (5, 7), (10, 5)])
def test_modular_arithmetic_multiplies_first(n, longest):
    """Every expression against Python's own precedence; the benchmark's own examples among them."""
    automaton = parse_machine(f"modular-arithmetic({n})")
    assert automaton.letters == (*map(str, range(n)), "+", "-", "*")
    number = {letter: i for i, letter in enumerate(automaton.letters)}
    for text in expressions(n, longest):
        name = automaton.states[automaton.after(automaton.start, [number[x] for x in text])]
        assert eval(name) % n == eval(text) % n, text


def test_modular_arithmetic_is_the_benchmarks():
    automaton = parse_machine("modular-arithmetic(5)")
    assert (automaton.count, automaton.reachable().count) == (60, 60)
    assert parse_machine("modular-arithmetic").name == "modular-arithmetic(5)"
    for text, value in (("1+2*3", 2), ("1-1-1", 4), ("0*1+4*3-2", 0)):
        word = [automaton.letters.index(x) for x in text]
        assert eval(automaton.states[automaton.after(automaton.start, word)]) % 5 == value
    ours = parse_machine("modular-arithmetic(5,left-to-right)")
    word = [ours.letters.index(x) for x in "1+2*3"]
    assert ours.states[ours.after(ours.start, word)] == "4*"


def test_modular_arithmetic_on_words_that_are_no_expressions():
    automaton = parse_machine("modular-arithmetic(7)")
    for text, value in (("23", 6), ("1+-2", 6), ("1-+2", 3), ("1+*2", 3), ("2*+3", 5), ("-3", 4), ("*3", 3), ("", 0)):
        word = [automaton.letters.index(x) for x in text]
        assert eval(automaton.states[automaton.after(automaton.start, word)].rstrip("+-*")) % 7 == value, text


@pytest.mark.parametrize(
    "name",
    [
        "bucket-sort", "bucket-sort(5)", "odds-first", "duplicate-string", "missing-duplicate", "reverse-string",
        "stack-manipulation", "modular-arithmetic-brackets(5)", "solve-equation", "binary-addition",
        "binary-multiplication", "compute-sqrt", "dyck(2)", "majority", "copy",
    ],
)  # fmt: skip
def test_tasks_that_are_not_finite_say_why(name):
    with pytest.raises(
        InputError, match=r"finitely many states: .*(;|,) |infinitely many states; .* dyck\(2,3\)"
    ) as caught:
        parse_machine(name)
    named = re.findall(r"[a-z-]+\(\d[^)]*\)|`adder`", str(caught.value).split(";", 1)[-1])
    for example in named:
        parse_machine(example.strip("`"))
    assert named or "counter(n)" in str(caught.value) or "flip-flop(n)" in str(caught.value)


EXPRESSIONS = ["(ab|b)*a", "a(a|b)*b", "(a|b)*abb", "a?b+", "a{2,3}b*", "(ab)*|(ba)*", ".a.", "((a)|b)*a.b"]


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_expressions_against_python(text):
    automaton = regular_expression(text)
    pattern = re.compile(text)
    for word in words(automaton.width, 7):
        assert automaton.accepts(word) == bool(pattern.fullmatch("".join(automaton.letters[x] for x in word)))


def test_states_are_counted_after_they_are_merged():
    automaton = regular_expression("(a|b)*a(a|b){9}")
    assert automaton.count == 1024  # the last ten letters
    word = np.random.default_rng(2).integers(2, size=300).tolist()
    for end in range(10, 300):
        assert automaton.accepts(word[:end]) == (word[end - 10] == 0)
    assert parse_machine("dyck(1,11)").count == 13
    assert parse_machine("dyck(1,1022)").count == 1024


def test_expressions_are_minimal():
    automaton = regular_expression("(a|b)*a(a|b)(a|b)")
    assert automaton.count == 8  # the last three letters; the textbook example
    again = automaton.minimal()
    assert np.array_equal(again.table, automaton.table)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(a", "a parenthesis without its other half"),
        ("a)(b", "a parenthesis without its other half"),
        ("a{2,1}", "wanted the smaller number first"),
        ("*a", r"nothing before '\*' to repeat"),
        ("a|{2}", "nothing before '{' to repeat"),
        ("(+)", "nothing before"),
        ("a&", "nothing on one side of '&'"),
        ("(&a)", "nothing on one side of '&'"),
        ("a&|b", "nothing on one side of '&'"),
        ("a+?", r"'\?' after '\+', which has two readings; wanted parentheses".replace(";", " in .*;")),
        ("a{2}?", "two readings"),
        ("a*+", "two readings"),
        ("(?:a)", "wanted plain parentheses"),
        ("^a$", "the whole word is matched without it"),
        (r"\s", "before a sign"),
        ("a\\", "before a sign"),
        ("[]", "a class without a letter"),
        ("[^]a", "a class without a letter"),
        ("[a", "a bracket '\\[' without its other half"),
        ("[z-a]", "the smaller sign first"),
        ("[a-]", "the sign"),
        ("a]", r"the sign '\]'"),
        ("a{,}", "the braces .{,}"),
        ("a{ 2}", "the braces"),
        ("a{-1}", "the braces"),
        ("(" * 60 + "a" + ")" * 60, "nested deeper than 50"),
        ("(((a{99}){99}){99}){99}", "more than 8,000 states when it is written out"),
        ("()" + "{999999999}" * 9 + "a", "more than 8,000 states when it is written out"),
        ("|", "has no letter"),
        ("", "of 0 signs"),
        ("a" * 500, "of 500 signs"),
        ("a_b", "the sign '_'"),
        ("a{", "the braces"),
        ("a{9999}", "more than 8,000 states when it is written out"),
        ("(a{40}){40}", "needs 1,602 states; at most 1,024 are handled"),
        ("()", "has no letter"),
        ("a&b", "the language is empty"),
        ("(a|b)*", "every word is accepted"),
        ("(a|b)*a(a|b){15}", "more than 20,000 states"),
        ("(a|b)*a(a|b){10}", "needs 2,048 states; at most 1,024"),
    ],
)
def test_broken_expressions(text, message):
    with pytest.raises(InputError, match=message) as caught:
        regular_expression(text)
    assert "\n" not in str(caught.value)


def gap_facts():
    lines = (DATA / "automata.tsv").read_text(encoding="ascii").splitlines()[1:]
    for line in lines:
        letters, order, r, left, d, groups = line.split("\t")
        yield np.array(json.loads(letters)).T, (int(order), int(r), int(left), int(d)), json.loads(groups)


def test_monoids_against_gap():
    for table, counts, groups in gap_facts():
        monoid = TransitionMonoid.of(Automaton.make("random", table))
        classes = (monoid.r_classes, monoid.l_classes, monoid.j_classes)
        assert monoid.order is not None
        assert (monoid.order, *(int(c.max()) + 1 for c in classes)) == counts
        assert sorted(list(small_group_id(sub.listed) or ()) for sub in monoid.maximal_subgroups) == groups
        assert monoid.is_r_trivial == (counts[1] == counts[0])
        assert monoid.is_l_trivial == (counts[2] == counts[0])
        for s in range(monoid.order):
            image = np.arange(len(table))
            for x in monoid.word(s):
                image = table[image, x]
            assert np.array_equal(image, monoid.elements[s])


def test_subgroups_are_where_the_monoid_says():
    for name in ("tomita(3)", "modular-arithmetic(4,left-to-right)", "modular-arithmetic(3)", "permutation-reset(S3)"):
        monoid = TransitionMonoid.of(parse_machine(name).minimal())
        for sub in monoid.maximal_subgroups:
            points = np.array(sub.points)
            for g, row in enumerate(sub.listed.elements):
                assert np.array_equal(monoid.automaton.action(sub.word(g))[points], points[row])
            for row, word in islice(sub.some(), 50):
                assert np.array_equal(monoid.automaton.action(word)[points], points[row])


def random_automata(count, seed):
    """Random automata of 2 to 7 states and 1 to 3 letters, some of which permute the states."""
    generator = np.random.default_rng(seed)
    for i in range(count):
        n, m = int(generator.integers(2, 8)), int(generator.integers(1, 4))
        table = generator.integers(n, size=(n, m))
        for x in range(m):
            if i % 3 == 0 and generator.random() < 0.7:
                table[:, x] = generator.permutation(n)
        yield Automaton.make(f"random {i}", table).reachable()


def test_subgroups_without_the_list_by_their_definition():
    """The H-class of the first idempotent of each J-class, restricted to its image, by way of the listed monoid."""
    groups = 0
    for automaton in random_automata(150, 21):
        monoid = TransitionMonoid.of(automaton, 4_000)
        if monoid.order is None or monoid.order > 4_000:
            continue
        pair = monoid.r_classes.astype(np.int64) * monoid.order + monoid.l_classes
        wanted, seen = [], set()
        for e in monoid.idempotents:
            if monoid.j_classes[e] not in seen:
                seen.add(monoid.j_classes[e])
                own = np.flatnonzero(pair == pair[e])
                if len(own) > 1:
                    points = np.unique(monoid.elements[e])
                    orders = Counter(order_of(monoid.elements[s], points) for s in own)
                    wanted.append((len(points), len(own), sorted(orders.items())))
        found = [
            (len(sub.points), sub.order, sorted(Counter(sub.listed.element_orders.tolist()).items()))
            for sub in monoid.maximal_subgroups
        ]
        assert sorted(found) == sorted(wanted)
        assert monoid.is_r_trivial == (int(monoid.r_classes.max()) + 1 == monoid.order)
        assert monoid.is_l_trivial == (int(monoid.l_classes.max()) + 1 == monoid.order)
        assert monoid.is_j_trivial == (int(monoid.j_classes.max()) + 1 == monoid.order)
        groups += len(found)
    assert groups > 60


def order_of(element, points):
    power, order = element[points], 1
    while not np.array_equal(power, points):
        power, order = element[power], order + 1
    return order


def test_listing_compiled_and_plain():
    """The same elements in the same order with the same numbers, and the same components up to their names."""
    pytest.importorskip("numba")
    sizes = set()
    for automaton in [*random_automata(25, 8), parse_machine("modular-arithmetic(7)"), parse_machine("grid(9,9)")]:
        for limit in (COMPILED_FROM + 1, 30_000):
            compiled, plain = listed(automaton, limit), listed(automaton, limit, plain=True)
            assert np.array_equal(compiled.elements, plain.elements)
            assert compiled.elements.dtype == plain.elements.dtype
            assert np.array_equal(compiled.origin, plain.origin)
            assert np.array_equal(compiled.right, plain.right)
            assert compiled.is_complete == plain.is_complete
        sizes.add(len(plain.elements) > COMPILED_FROM)
        if plain.is_complete:
            assert np.array_equal(components(plain.right), components(plain.right, plain=True))
    assert sizes == {True, False}


def test_components_are_compiled_where_numba_is_loaded(monkeypatch):
    """Importing it takes as long as some 20,000 edges without it; where it is there, far fewer are worth it."""
    pytest.importorskip("numba")
    asked = []
    compiled = component_loops._compiled

    def asking():
        asked.append(True)
        return compiled()

    monkeypatch.setattr(component_loops, "_compiled", asking)
    edges = np.random.default_rng(0).integers(1000, size=(1000, 3)).astype(np.int32)
    with_loops = components(edges)
    assert asked
    asked.clear()
    monkeypatch.delitem(sys.modules, "numba")
    assert np.array_equal(components(edges), with_loops)
    assert not asked


def test_components_by_reachability():
    generator = np.random.default_rng(6)
    for _ in range(50):
        n = int(generator.integers(1, 12))
        edges = generator.integers(-1, n, size=(n, 2)).astype(np.int32)
        step = np.eye(n, dtype=int)
        for q, row in enumerate(edges):
            step[q, row[row >= 0]] = 1
        reach = np.linalg.matrix_power(step, n) > 0
        found = components(edges)
        assert np.array_equal(found[:, None] == found[None, :], reach & reach.T)


def test_letters_on_the_left():
    for automaton in random_automata(20, 9):
        monoid = TransitionMonoid.of(automaton, 4_000)
        if monoid.order is not None and monoid.order <= 4_000:
            for s in range(0, monoid.order, 7):
                for x in range(automaton.width):
                    image = monoid.elements[s][automaton.table[:, x]]
                    assert monoid.number_of(image) == monoid.left[s, x]


def test_monoids_too_large_to_list():
    """Orders that are not known are said so; what does not need the list is there all the same."""
    table = [[1, 1, 1], [2, 0, 0], [3, 2, 2], [4, 3, 3], [5, 4, 4], [6, 5, 5], [7, 6, 6], [0, 7, 0]]
    monoid = TransitionMonoid.of(Automaton.make("all maps", table), 50_000)  # 8⁸ elements
    assert monoid.order is None
    assert monoid.order_text == "more than 50,000"
    assert sorted(sub.order for sub in monoid.maximal_subgroups) == [2, 6, 24, 120, 720, 5040, 40320]
    assert (monoid.is_r_trivial, monoid.is_l_trivial, monoid.is_j_trivial) == (False, False, False)
    with pytest.raises(InputError, match="more than 50,000 elements"):
        _ = monoid.elements
    large = TransitionMonoid.of(Automaton.make("S20", [[(q + 1) % 20, q ^ 1 if q < 2 else q] for q in range(20)]))
    assert large.order == 2432902008176640000
    assert [sub.order for sub in large.maximal_subgroups] == [large.order]


def test_holonomy_against_sgpdec():
    """Images, classes, heights, and holonomy groups: which they are, and their orbits on tiles."""
    lines = (DATA / "holonomy.tsv").read_text(encoding="ascii").splitlines()[1:]
    assert len(lines) == 208
    for line in lines:
        letters, images, classes = map(json.loads, line.split("\t"))
        holonomy = Holonomy(Automaton.make("random", np.array(letters).T))
        assert sorted(holonomy.sets) == images
        found = []
        for number, own in holonomy.classes.items():
            members = sorted(bits for i, bits in enumerate(holonomy.sets) if holonomy.class_of[i] == number)
            orbits = sorted(np.bincount(own.coordinates[:, 0]).tolist())
            found.append([members, own.height, orbits, list(small_group_id(own.group) or ())])
        assert sorted(found) == classes


def test_holonomy_of_random_automata():
    """Heights fall along tiles and letters; equivalent images have one size; tiles are maximal and cover."""
    generator = np.random.default_rng(3)
    for _ in range(60):
        n, m = generator.integers(2, 7), generator.integers(1, 4)
        holonomy = Holonomy(Automaton.make("random", generator.integers(n, size=(n, m))))
        heights = [holonomy.heights[c] for c in holonomy.class_of]
        for image, row in enumerate(holonomy.following):
            for target in row:
                same = holonomy.class_of[target] == holonomy.class_of[image]
                assert heights[target] < heights[image] or same or heights[image] == heights[target] == 0
        for own in holonomy.classes.values():
            bits = holonomy.sets[own.representative]
            union = 0
            for tile in own.tiles:
                inside = holonomy.sets[tile]
                union |= inside
                assert inside & bits == inside != bits
                assert heights[tile] < own.height
                larger = [s for s in holonomy.sets if s & bits == s != bits and s & inside == inside != s]
                assert not larger
            assert union == bits
            for tile, (orbit, element) in enumerate(own.coordinates):
                assert own.group.elements[element, own.bases[orbit]] == tile


def an_automaton(text: str) -> Automaton:
    machine = parse_machine(text)
    assert isinstance(machine, Automaton)
    return machine


def test_permutations_have_one_level():
    holonomy = Holonomy(an_automaton("group(S4)"))
    assert holonomy.height == 1
    assert [own.group.order for own in holonomy.levels[0]] == [24]


def test_congruences():
    automaton = an_automaton("grid(3,3)")
    pieces = separating_congruences(automaton)
    assert sorted(quotient(automaton, blocks).count for blocks in pieces) == [3, 3]
    for blocks in pieces:
        assert generated_congruence(automaton, [(q, b) for q, b in enumerate(blocks)]) == blocks
    for p in range(9):
        for q in range(p):
            assert any(blocks[p] != blocks[q] for blocks in pieces)


# ---------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("tomita(8)", "1 to 7"),
        ("tomita", "1 number"),
        ("tomita(5,later)", r"wanted tomita\(3,later\)"),
        ("tomita(3,earlier)", r"the word later, e.g. tomita\(3,later\)"),
        ("counter", "1 number"),
        ("modular-arithmetic(5,ltr)", r"the word left-to-right, e.g. modular-arithmetic\(5,left-to-right\)"),
        ("modular-arithmetic(23)", r"2 to 22, e.g. modular-arithmetic\(5\), or modular-arithmetic\(5,left-to-right\)"),
        ("modular-arithmetic(81,left-to-right)", "2 to 80"),
        ("permutation-reset(S6,all)", "at most 256 letters"),
        ("cycle-navigation(2,3)", "no argument or 1 number"),
        ("foo(3)", "cannot read an automaton"),
        ("grid(1)", "sides of 2 or more"),
        ("grid(100000)", "sides of 2 or more"),
        ("grid(9999999)", "wanted a number"),
        ("flip-flop(x)", "wanted a number"),
        ("dyck(2,12)", "at most 1,024 stacks"),
        ("dyck(1,1023)", "at most 1,024 stacks"),
        ("dyck(4,99999)", "at most 1,024 stacks"),
        ("counter(3,rest)", "the word reset"),
        ("permutation-reset(Q7)", "power of 2"),
        ("permutation-reset", "needs a group"),
        ("group(S9)", "order 2 to 1,024"),
        ("automaton(none.csv)", "No such file"),
    ],
)
def test_names_out_of_range(text, message):
    with pytest.raises(InputError, match=message) as caught:
        parse_machine(text)
    assert "\n" not in str(caught.value)


TRANSITIONS = {"even": {"a": "odd", "b": "even"}, "odd": {"a": "even", "b": "odd"}}
GOOD = {
    "states": ["even", "odd"],
    "alphabet": ["a", "b"],
    "transitions": TRANSITIONS,
    "start": "even",
    "accepting": ["odd"],
}


def test_files(tmp_path):
    path = tmp_path / "dfa.json"
    path.write_text(json.dumps(GOOD))
    automaton = parse_machine(str(path))
    assert automaton.as_json() == GOOD
    assert automaton.accepts([0, 1, 1])
    assert not automaton.accepts([0, 0])
    (tmp_path / "table.csv").write_text("1,0\n2,0\n2,2\n")
    table = parse_machine(str(tmp_path / "table.csv"))
    assert table.table.tolist() == [[1, 0], [2, 0], [2, 2]]
    assert table.accepting is None
    np.save(tmp_path / "square.npy", np.array([[1, 0], [1, 1]]))
    assert parse_machine(f"automaton({tmp_path / 'square.npy'})").count == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"transitions": {"even": {"a": "odd", "b": "even"}, "odd": {"c": "even"}}}, "a letter that is not in the"),
        ({"transitions": {"even": {"a": "odd", "b": "even"}, "odd": 3}}, "no transitions"),
        ({"transitions": {**TRANSITIONS, "odd": {"a": "even", "b": "nowhere"}}}, "'nowhere'"),
        ({"start": "nowhere"}, "the start is 'nowhere'"),
        ({"accepting": ["nowhere"]}, "it accepts in 'nowhere'"),
        ({"accepting": 3}, "list of states"),
        ({"accepting": []}, r'accepting is empty, so no word .* e.g. "accepting": \["odd"\], or leave it out'),
        ({"states": ["even", "even"]}, "1 different"),
        ({"extra": 1}, "wanted"),
        ({"alphabet": []}, "list of names"),
    ],
)
def test_broken_files(tmp_path, change, message):
    path = tmp_path / "dfa.json"
    path.write_text(json.dumps(GOOD | change))
    with pytest.raises(InputError, match=message) as caught:
        parse_machine(str(path))
    assert "\n" not in str(caught.value)


def test_unreachable_states_are_left_out_with_a_note():
    automaton = Automaton.make("spare", [[0, 1], [1, 0], [2, 2]], None, None, 0, [1]).minimal()
    assert automaton.count == 2
    assert "no word reaches: 2" in automaton.notes[0]


def test_a_million_states():
    with pytest.raises(InputError, match="1,000,000 states"):
        Automaton.make("huge", np.zeros((10**6, 1), dtype=int))


def test_minimal_by_brute_force():
    """As many states as there are different residual languages, told apart by words up to the number of states."""
    generator = np.random.default_rng(5)
    for _ in range(40):
        n = int(generator.integers(2, 7))
        table = generator.integers(n, size=(n, 2))
        accepting = np.flatnonzero(generator.random(n) < 0.5)
        automaton = Automaton.make("random", table, None, None, 0, accepting.tolist())
        reached = automaton.reachable()
        rows = {tuple(bool(reached.accepting[reached.after(q, w)]) for w in words(2, n)) for q in range(reached.count)}
        if len(rows) == 1:
            with pytest.raises(InputError, match="nothing to track"):
                automaton.minimal()
        else:
            minimal = automaton.minimal()
            assert minimal.count == len(rows)
            assert all(minimal.accepts(w) == automaton.accepts(w) for w in words(2, 6))
