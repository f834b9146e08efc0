"""Automata: names against independent definitions, expressions against Python's `re`, monoids against GAP."""

from __future__ import annotations

import json
import re
from collections import Counter
from itertools import islice, pairwise, product
from pathlib import Path

import numpy as np
import pytest

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


LANGUAGES = {
    "parity": lambda w: sum(w) % 2 == 1,
    "tomita(1)": lambda w: 0 not in w,
    "tomita(2)": lambda w: w == (1, 0) * (len(w) // 2),
    "tomita(3)": lambda w: not any(a[0] == 1 and a[1] % 2 and b[1] % 2 for a, b in pairwise(runs(w))),
    "tomita(4)": lambda w: not any(letter == 0 and length > 2 for letter, length in runs(w)),
    "tomita(5)": lambda w: w.count(0) % 2 == 0 and w.count(1) % 2 == 0,
    "tomita(6)": lambda w: (w.count(0) - w.count(1)) % 3 == 0,
    "tomita(7)": lambda w: re.fullmatch("0*1*0*1*", "".join(map(str, w))) is not None,
    "even-pairs": lambda w: sum(a != b for a, b in pairwise(w)) % 2 == 0,
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


def walk(name, length=200):
    """A random word in a named automaton, its letters and the names of the states it leads through."""
    automaton = parse_machine(name)
    word = np.random.default_rng(1).integers(automaton.width, size=length)
    letters = [automaton.letters[x] for x in word]
    return letters, [automaton.states[q] for q in automaton.run(word)]


def test_tasks():
    value = "0"
    for letter, state in zip(*walk("flip-flop(3)"), strict=True):
        value = value if letter == "keep" else letter[1:]
        assert state == value
    place = 0
    for letter, state in zip(*walk("cycle-navigation(5)"), strict=True):
        place = (place + int(letter)) % 5
        assert state == str(place)
    x = y = 0
    for letter, state in zip(*walk("grid(3,4)"), strict=True):
        x = min(max(x + {"L": -1, "R": 1}.get(letter, 0), 0), 2)
        y = min(max(y + {"U": -1, "D": 1}.get(letter, 0), 0), 3)
        assert state == f"{x},{y}"
    count = 0
    for letter, state in zip(*walk("counter(4,reset)"), strict=True):
        count = 0 if letter == "reset" else (count + 1) % 4
        assert state == str(count)
    total, sign = 0, "+"
    for letter, state in zip(*walk("modular-arithmetic(5)"), strict=True):
        if letter in "+-*":
            sign = letter
        else:
            total = {"+": total + int(letter), "-": total - int(letter), "*": total * int(letter)}[sign] % 5
        assert state == f"{total}{sign}"


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
        ("a|", "cannot read the regular expression"),
        ("*a", "cannot read the regular expression"),
        ("", "of 0 signs"),
        ("a" * 500, "of 500 signs"),
        ("a_b", "the sign '_'"),
        ("[ab]", r"the sign '\['"),
        ("a{", "the braces"),
        ("a{65}", "at most 64"),
        ("(a{9}){9}", "at most 64"),
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
    for name in ("tomita(3)", "modular-arithmetic(4)", "permutation-reset(S3)"):
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
        ({"transitions": {"even": {"a": "odd", "b": "even"}, "odd": {"a": "even"}}}, "no transition on 'b'"),
        ({"transitions": {"even": {"a": "odd", "b": "even"}}}, "no transition on 'a'"),
        ({"transitions": {**TRANSITIONS, "odd": {"a": "even", "b": "nowhere"}}}, "'nowhere'"),
        ({"start": "nowhere"}, "the start is 'nowhere'"),
        ({"accepting": ["nowhere"]}, "it accepts in 'nowhere'"),
        ({"accepting": 3}, "list of states"),
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
