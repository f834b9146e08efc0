"""One group, by every form in which people have it: the same order, number in the catalogue and depth as GAP says."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import networkx
import numpy as np
import pytest
from automata.fa.dfa import DFA
from automata.fa.nfa import NFA
from sympy.combinatorics import Permutation, PermutationGroup
from sympy.combinatorics.fp_groups import FpGroup
from sympy.combinatorics.free_groups import free_group

import subnormal as sn
from subnormal.algebra.groups.identify import small_group_id
from subnormal.common.errors import InputError

DATA = Path(__file__).parent.parent / "data" / "forms.tsv"


class Facts(NamedTuple):
    """What GAP says."""

    ours: str
    theirs: str
    order: int
    number: int | None
    depth: int | None
    permutations: str
    presentation: str
    matrices: str


@cache
def facts() -> list[Facts]:
    found = []
    for ours, theirs, order, number, depth, *forms in (
        line.split("\t") for line in DATA.read_text(encoding="ascii").splitlines()
    ):
        solvable = int(depth) if int(depth) >= 0 else None
        found.append(Facts(ours, theirs, int(order), int(number) if number else None, solvable, *forms))
    return found


def agrees(found: Any, wanted: Facts) -> None:
    assert found.order == wanted.order
    if wanted.number is not None:
        assert small_group_id(found.listed()) == (wanted.order, wanted.number)
    terms = found.chain.solvable_terms
    assert (None if terms is None else len(terms)) == wanted.depth


@pytest.mark.parametrize("wanted", facts(), ids=lambda wanted: wanted.ours)
def test_texts(wanted):
    """The name, GAP's generators, its presentation on them, and its matrices."""
    agrees(sn.group(wanted.ours), wanted)
    for text in (f"Group({wanted.permutations})", f"[ {wanted.permutations} ]", wanted.presentation):
        if text:
            agrees(sn.group(text), wanted)
    if wanted.matrices:
        agrees(sn.group(f"Group([ {wanted.matrices} ])"), wanted)


@pytest.mark.parametrize(
    "wanted",
    [
        pytest.param(one, id=one.ours, marks=[pytest.mark.slow] if one.order > 42 else [])
        for one in facts()
        if one.order <= 200
    ],
)
def test_objects(wanted, tmp_path):
    """SymPy's objects, lists and arrays, graphs, tables in files with every separator, and matrices of permutations."""
    group = sn.group(f"Group({wanted.permutations})")
    images = group.permutations.tolist()
    wide = [[*image, *range(group.degree, 17)] for image in images] if group.degree < 17 else images
    listed = group.listed()
    table = listed.table.tolist()
    unit = np.eye(group.degree, dtype=int)
    forms: list[Any] = [
        PermutationGroup([Permutation(image) for image in images]),
        [Permutation(image) for image in images],
        group.to_sympy(),
        group.to_gap(),
        {"permutations": images},
        {"permutations": [[point + 1 for point in image] for image in images]},
        np.array([[*image, *range(len(image), len(image) + 20)] for image in images]),
        [[point + 1 for point in image] for image in wide] if len(wide) != len(wide[0]) else wanted.permutations,
        wanted.permutations.replace(",(", ";(").split(";"),
        np.array(table),
        table,
    ]
    if group.degree <= 24:
        forms.append([unit[np.argsort(image)] for image in images])
        forms.append({"matrices": [unit[image].tolist() for image in images], "over": "GF(3)"})
    for form in forms:
        agrees(sn.group(form), wanted)
    for separator, ending in ((",", "csv"), (";", "csv"), ("\t", "tsv"), (" ", "csv"), ("|", "csv"), (", ", "csv")):
        path = tmp_path / f"table.{ending}"
        path.write_text("\n".join(separator.join(map(str, row)) for row in table))
        agrees(sn.group(str(path)), wanted)
    machine = sn.machine(listed.to_networkx())
    permutations = [machine.table[:, letter].tolist() for letter in range(machine.width)]
    agrees(sn.group({"permutations": permutations}), wanted)


def test_an_fp_group_of_sympy():
    _, x, y = free_group("x,y")
    found = sn.group(FpGroup(x.group, [x**2, y**3, (x * y) ** 4]))
    assert (found.order, found.name) == (24, "<x, y | x^2, y^3, x*y*x*y*x*y*x*y>")
    assert small_group_id(sn.group(found.name).listed()) == (24, 12)


def coxeter(n: int) -> str:
    """S_n by n-1 reflections."""
    names = [f"s{i}" for i in range(1, n)]
    orders = [f"({a}*{b})^{3 if j == i + 1 else 2}" for i, a in enumerate(names) for j, b in enumerate(names) if i < j]
    return f"<{', '.join(names)} | {', '.join([f'{a}^2' for a in names] + orders)}>"


@pytest.mark.parametrize(
    ("text", "order"),
    [
        (coxeter(6), 720),
        (coxeter(9), 362880),
        ("<a, b | a^2, b^3, (a*b)^7, [a,b]^4>", 168),
        ("⟨a, b | a² = b³ = (ab)⁷ = [a,b]⁴ = 1⟩", 168),
        ("<a,b|aa,bbb,(abaB)^2,(ab)^4>", None),
        ("<a, b | a^4, a^2 = b^2, a^b = a^-1>", 8),
        ("<x | x^12>", 12),
        ("<a | a>", 1),
        ("<a, b | a b a^-1 = b^2, b a b^-1 = a^2>", 1),  # collapses late
        ("<r, s, t | r^3 = s^3 = t^4 = (r*s)^2 = (s*t)^2 = (t*r)^2 = 1>", 192),
    ],
)
def test_presentations(text, order):
    started = time.perf_counter()
    if order is None:
        order = sn.group("<a, b | a^2, b^3, (a*b*a*b^-1)^2, (a*b)^4>").order
    assert sn.group(text).order == order
    assert time.perf_counter() - started < 2


INFINITE = [
    ("<a, b | >", "its largest abelian factor, ZxZ"),
    ("<a, b | a*b = b*a, a^3>", "its largest abelian factor, C3xZ"),
    ("<a, b | a^2, b^2>", "the abelian factor of its derived subgroup, of rank 1"),
    ("<a, b | a^2, b^3, (a*b)^6>", "the abelian factor of its derived subgroup, of rank 2"),
]


@pytest.mark.parametrize(("text", "why"), INFINITE)
def test_infinite_presentations(text, why):
    with pytest.raises(InputError, match="is infinite: so is " + why):
        sn.group(text)


def test_an_enumeration_stops():
    with pytest.raises(InputError, match=r"stopped after 1,000,000 cosets; it is infinite, or too large: give more"):
        sn.group("<a, b | a^2, b^3, (a*b)^7>")


REFUSED: list[tuple[Any, str]] = [
    ("Sz(9)", r"Sz\(8\) or Sz\(32\)"),
    ("PSL(2,6)", r"prime power from 2 to 9999, e.g. PSL\(2,7\)"),
    ("TransitiveGroup(6,17)", r"there are 16 of degree 6: TransitiveGroup\(6,1\) … TransitiveGroup\(6,16\)"),
    ("TransitiveGroup(24,1)", "degrees are 2 to 20"),
    ("PrimitiveGroup(6,5)", r"PrimitiveGroup\(6,4\)"),
    ("DihedralGroup(7)", "the symmetries of a 7-gon are D7, of order 14"),
    ("Sp(3,2)", "n must be even"),
    ("GO(4,3)", r"wanted GO\(1,4,3\) or GO\(-1,4,3\)"),
    ("GO(3,4)", r"the same as Sp\(2,4\)"),
    ("J2", "only J1"),
    ("W(E9)", "E has ranks 6 to 8"),
    ("C3oC5", "the direct product is C3xC5"),
    ("C2.(C2xC2)", r"SmallGroup\(8,2\), SmallGroup\(8,3\) or SmallGroup\(8,4\)"),
    ("C3.C2", "there is no C3.C2: every such extension splits; write C3:C2"),
    ("Aut(S20)", "automorphisms are sought up to order 2,048"),
    ("<(1,2,3,4),(1,…>", "a name that was cut off"),
    ("<a, b | a^2, c>", "'c' is none of the generators a, b"),
    ("<a, b | (a*b>", "the end where"),
    ("<a, a | a>", "different names"),
    ("[[1,1],[0,1]], [[1,0],[1,1]]", "is infinite: matrix 1 has infinite order; over a finite field add"),
    ("[[0,1],[1,0]], [[0,2],[1/2,0]]", "is infinite: the product of matrices 1 and 2"),
    ("[[1,1],[1,1]], [[1,0],[0,1]]", "matrix 1 is singular"),
    ("Group([])", "needs permutations in parentheses"),
    ("Group", "needs permutations in parentheses"),
    ("U(3,3)", r"did you mean PSU\(3,3\)"),
    ("[[1,1],[0,3]], [[1,0],[0,1]] over GF(3)", r"matrix 1 is singular over GF\(3\)"),
    ("[[1,0],[0,1]], [[0,1],[1,0]] over GF(6)", "must be a prime power"),
    ("[[1,0],[0,1]], [[0,x],[1,0]]", "the entry 'x'"),
    ("[[1,0],[0]], [[0,1],[1,0]]", "matrix 1 is not 2×2"),
    ([[2, 3, 1, 4], [3, 1, 2, 0]], "permutation 2 lists images of points from 0, permutation 1 from 1"),
    ([[1, 2, 0], [1, 0, 2], [0, 1, 2]], "images of points are given as {'permutations':"),
    ("[[1,2],[2,1]]", "numbers from 1 to 2 .* subtract 1 from each; images of points are given as {'permutations':"),
    ([[(1, 2, 3)]], r"not clear whether points begin at 0 or at 1; .*'\(1,2,3\)'"),
    (3, "an object of type int"),
    ({"a": 1}, "a dictionary with the keys 'a'"),
    (networkx.Graph([(0, 1)]), "edges without direction"),
    (networkx.DiGraph([(0, 1)]), "has no label"),
    ("s5", "did you mean S5"),
    ("Sym(5)", "did you mean S5"),
    ("Z/5Z", "did you mean C5"),
]


@pytest.mark.parametrize(("given", "message"), REFUSED, ids=lambda given: str(given)[:30])
def test_what_is_refused_says_what_would_do(given, message):
    with pytest.raises(InputError, match=message) as caught:
        sn.machine(given)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 450


@pytest.mark.parametrize(
    ("given", "order", "note"),
    [
        ("DihedralGroup(8)", 8, "DihedralGroup(8) is GAP's, of order 8: D4 (SymPy's has order 16: D8)"),
        ("[24,12]", 24, "[24,12] is read as GAP's IdGroup"),
        ([[1, 2, 0, 3], [0, 1, 3, 2]], 24, "points counted from 0: 0 … 3"),
        ([[2, 3, 1, 4], [1, 2, 4, 3]], 24, "points counted from 1: 1 … 4"),
        ([2, 3, 1], 3, "points counted from 1: 1 … 3"),
        ([[(0, 1, 2)], [(0, 1)]], 6, "points counted from 0"),
        ("[[2,3,1],[1,3,2]]", 6, "points counted from 1: 1 … 3"),
    ],
)
def test_conventions_are_said(given, order, note):
    found = sn.group(given)
    assert found.order == order
    assert any(note in one for one in found.notes)
    assert any(note in one for one in sn.inspect(found).notes)
    assert any(note in one for one in sn.compile(found).group.notes)


def test_matrices_over_the_gaussian_rationals():
    """The quaternion group, the binary octahedral group's reflection group, and halves."""
    assert small_group_id(sn.group("[[i,0],[0,-i]], [[0,1],[-1,0]]").listed()) == (8, 4)
    tetrahedral = [[["(1+i)/2", "(-1+i)/2"], ["(1+i)/2", "(1-i)/2"]], [["i", 0], [0, "-i"]]]
    assert small_group_id(sn.group(tetrahedral).listed()) == (24, 3)
    assert sn.group(np.array([[[0, 1j], [1j, 0]], [[0.5 + 0.5j, 0], [0, 1]]])[:1]).order == 4
    assert sn.group([[["1/2", "3/2"], ["1/2", "-1/2"]]]).order == 2
    with pytest.raises(InputError, match="has infinite order"):
        sn.group([[["3/5", "4/5"], ["-4/5", "3/5"]]])


# ------------------------------------------------------------------ automata


def same_language(one: Any, other: Any, length: int = 7) -> bool:
    source = np.random.default_rng(0)
    words = [source.integers(one.width, size=source.integers(length)).tolist() for _ in range(300)]
    return one.letters == other.letters and all(one.accepts(word) == other.accepts(word) for word in words)


def test_automata_of_automata_lib():
    wanted = sn.regex("(ab|b)*a")
    content: Any = wanted.as_json()
    dfa = DFA(
        states=set(wanted.states),
        input_symbols=set(wanted.letters),
        transitions=content["transitions"],
        initial_state=wanted.states[wanted.start],
        final_states=set(content["accepting"]),
    )
    assert same_language(sn.machine(dfa), wanted)
    assert same_language(sn.machine(NFA.from_dfa(dfa)), wanted)
    assert same_language(sn.machine(NFA.from_regex("(ab|b)*a")), wanted)
    partial = sn.machine(dfa.to_partial())
    assert same_language(partial, wanted)
    assert "led to a new state, sink" in partial.notes[0]


@pytest.mark.parametrize("name", ["tomita(5)", "flip-flop(2)", "dyck(2,3)", "grid(3,3)", "modular-arithmetic(3)"])
def test_automata_as_graphs_and_dictionaries(name):
    wanted: Any = sn.machine(name)
    for given in (wanted.to_networkx(), wanted.as_json()):
        found: Any = sn.machine(given)
        assert np.array_equal(found.table, wanted.table)
        assert (found.letters, found.states, found.start) == (wanted.letters, wanted.states, wanted.start)
        assert (found.accepting is None) == (wanted.accepting is None)
        assert found.accepting is None or np.array_equal(found.accepting, wanted.accepting)


def test_a_partial_file(tmp_path):
    path = tmp_path / "dfa.json"
    content = {"states": ["p", "q"], "alphabet": ["a", "b"], "start": "p", "accepting": ["q"]}
    path.write_text(json.dumps(content | {"transitions": {"p": {"a": "q"}, "q": {"b": "p"}}}))
    found = sn.machine(str(path))
    assert found.notes == ("2 transitions missing, led to a new state, sink, that is not left: the first is p on b",)
    assert same_language(found, sn.regex("a(ba)*"))
    assert "note: 2 transitions missing" in str(sn.inspect(found))


def test_machines_of_aalpy():
    automata = pytest.importorskip("aalpy.automata", reason="installed by the extra dev")
    first, second = automata.DfaState("p"), automata.DfaState("q", True)
    first.transitions, second.transitions = {"a": second, "b": first}, {"a": first, "b": second}
    found = sn.machine(automata.Dfa(first, [first, second]))
    assert same_language(found, sn.regex("b*a(b*ab*a)*b*"))
    moore = [automata.MooreState(f"q{i}", i) for i in range(3)]
    for i, state in enumerate(moore):
        state.transitions = {"a": moore[(i + 1) % 3], "b": state}
    found = sn.machine(automata.MooreMachine(moore[0], moore))
    assert found.table.tolist() == [[1, 0], [2, 1], [0, 2]]
    assert "each is a function of the state, which is tracked" in found.notes[0]
    mealy = [automata.MealyState(f"q{i}") for i in range(2)]
    for i, state in enumerate(mealy):
        state.transitions, state.output_fun = {"a": mealy[1 - i], "b": state}, {"a": i, "b": 0}
    assert sn.machine(automata.MealyMachine(mealy[0], mealy)).table.tolist() == [[1, 0], [0, 1]]


# ------------------------------------------------------------------ out again


def test_out_again():
    group = sn.group("S4")
    assert group.to_gap() == "Group((1,2,3,4),(1,2))"
    assert group.to_sympy().order() == group.listed().to_sympy().order() == 24
    graph = group.to_networkx()
    assert (graph.number_of_nodes(), graph.number_of_edges()) == (24, 48)
    assert networkx.is_strongly_connected(graph)
    hasse = sn.inspect("S4").series.to_networkx()
    assert [data["order"] for _, data in hasse.nodes(data=True)] == [24, 12, 4, 1]
    assert [data["order"] for *_, data in hasse.edges(data=True)] == [2, 3, 4]
    assert sn.group(hasse.nodes[2]["generators"]).order == 4
    large = sn.inspect(sn.group("S4wrS4")).series.to_networkx()
    assert sn.group(large.nodes[1]["generators"]).order == large.nodes[1]["order"]
    assert sn.group(sn.group("C1").to_gap()).order == sn.group("C1").to_sympy().order() == 1


def test_inspect_by_name_loads_nothing_heavy():
    code = (
        "import sys, subnormal as sn\n"
        "for text in ('S4', 'DihedralGroup(8)', '<a, b | a^2, b^3, (a*b)^2>', '[[0,-1],[1,0]],[[0,1],[1,0]]'):\n"
        "    str(sn.inspect(text))\n"
        "print([m for m in ('torch', 'sympy', 'networkx', 'automata') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_objects_go_into_the_other_functions(tmp_path):
    objects: list[Any] = [sn.group("S3").to_sympy(), sn.machine("parity").to_networkx()]
    for number, given in enumerate(objects):
        found = sn.certify(given, tmp_path / str(number))
        assert "tracks a" in found.sentences[0]
        assert "theory" in str(sn.refute(str(tmp_path / str(number)), given))
