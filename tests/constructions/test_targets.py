"""Reflection machines in exact arithmetic: spellings, states, files; refusals."""

from __future__ import annotations

import itertools
import math

import networkx
import numpy as np
import pytest

from subnormal.algebra.groups.catalogue import small_group
from subnormal.algebra.input.parser import list_group
from subnormal.algebra.representations.characters import character_table
from subnormal.common.errors import InputError
from subnormal.constructions.targets.actions import base_points, small_action
from subnormal.constructions.targets.compiler import TARGETS, compile_target
from subnormal.constructions.targets.delta_layer import margins, reflection_fault
from subnormal.constructions.targets.reflections import Letter, ReflectionMachine, _cycles, _spelt, reflection_machine
from tests.cases import group

GROUPS = ("C2", "S3", "D4", "Q8", "A4", "S4", "C12", "C7:C3", "SL(2,3)", "A5", "S5", "SmallGroup(32,50)", "C60")


def run(machine, word):
    state = np.zeros((2 * machine.points, machine.points), dtype=np.int64)
    for letter in machine.start():
        state = machine.step(state, letter)
    for x in word:
        for letter in machine.spell(int(x)):
            state = machine.step(state, letter)
    return state


@pytest.mark.parametrize("name", GROUPS)
def test_machines_multiply(name):
    listed = group(name)
    machine = reflection_machine(listed, range(listed.order))
    assert reflection_fault(machine) is None
    word = np.random.default_rng(1).integers(0, listed.order, 12)
    state = run(machine, word)
    product = listed.product(word)
    assert machine.element(state) == product
    np.testing.assert_array_equal(state, machine.state_of(product))
    assert all(machine.left[a] and not machine.left[b] for a, b in machine.swaps)


def test_every_word_of_three_elements_of_s3():
    listed = group("S3")
    machine = reflection_machine(listed, range(6))
    for word in itertools.product(range(6), repeat=3):
        assert machine.element(run(machine, word)) == listed.product(word)


@pytest.mark.parametrize("name", ["S4", "A5", "C12", "SL(2,3)"])
def test_spellings_by_permutations(name):
    """Each spelling composed as permutations of the points, without any matrix."""
    listed = group(name)
    machine = reflection_machine(listed, range(listed.order))
    for x, word in zip(machine.alphabet, machine.words, strict=True):
        images = np.arange(machine.points)
        for a, b in word:
            swap = np.arange(machine.points)
            swap[[a, b]] = [b, a]
            images = swap[images]
        np.testing.assert_array_equal(images, machine.action[x])


def test_a_spelling_is_as_short_as_the_sides_allow():
    """A cycle of length l takes l - 1 transpositions, or l + 1 on one side; none is shorter than points - cycles."""
    machine = reflection_machine(group("S4"), range(24))
    assert machine.longest == 4
    for x, word in zip(machine.alphabet, machine.words, strict=True):
        matrix = np.eye(4)[machine.action[x]]
        shortest = np.linalg.matrix_rank(np.eye(4) - matrix)
        assert len(word) >= shortest
        assert (len(word) - shortest) % 2 == 0


@pytest.mark.parametrize(("order", "number"), [(8, 4), (16, 14), (24, 3), (32, 50), (60, 4), (64, 267), (96, 70)])
def test_small_actions_are_faithful_homomorphisms(order, number):
    listed = small_group(order, number)
    action = small_action(listed)
    assert len(np.unique(action, axis=0)) == order
    assert (action != action[0]).any(axis=0).all()
    generator = np.random.default_rng(0)
    for a, b in generator.integers(0, order, (50, 2)):
        np.testing.assert_array_equal(action[b][action[a]], action[listed.times(int(a), int(b))])
    base = base_points(action)
    assert len(np.unique(action[:, base], axis=0)) == order


def test_elementary_abelian_groups_take_two_points_a_generator():
    assert small_action(small_group(64, 267)).shape[1] == 12
    assert small_action(group("C60")).shape[1] == 12


def test_faults_are_found():
    machine = reflection_machine(group("S3"), range(6))
    words = list(machine.words)
    words[1], words[2] = words[2], words[1]
    fields = (machine.group, machine.action, machine.left, machine.alphabet, tuple(words), machine.base)
    assert "spelling of element" in reflection_fault(ReflectionMachine(*fields))


def test_a_letter_that_is_no_reflection_is_no_integer():
    machine = reflection_machine(group("S3"), range(6))
    state = run(machine, [])
    state[0, 0] += 1
    with pytest.raises(ArithmeticError, match="no integer"):
        machine.step(state, Letter(swap=machine.swaps[0]))


def test_precisions():
    few = reflection_machine(group("A5"), range(60))
    assert margins(few) == {"float32": True, "bfloat16": True, "float16": True}
    many = reflection_machine(group("C2^12"), group("C2^12").generators)
    assert len(many.base) == 12
    assert margins(many) == {"float32": True, "bfloat16": False, "float16": True}


@pytest.mark.parametrize("target", [name for name, target in TARGETS.items() if target.tracks == "group"])
def test_files(target):
    files = compile_target(group("S3"), target).files
    assert {"config.json", "model.safetensors"} <= set(files)
    if target != "delta":
        assert compile_target(group("S3"), target, resets=True).files != files


@pytest.mark.parametrize(
    ("name", "target", "message"),
    [
        (
            "S3",
            "mamba-9",
            "unknown target 'mamba-9'; wanted one of olmo-hybrid, deltaproduct, gated-deltanet, delta-net, kda",
        ),
        ("S8", "mamba3", "order 40,320; --target mamba3 is written up to 5,040: .* can be asked where a point goes"),
        ("S8", "delta", "order 40,320; --target delta is written up to 5,040: its network has an answer at"),
        ("C1", "olmo-hybrid", "is trivial"),
        ("Q8", "delta", "Q8: an element is a product of 6 transpositions, and at most 4 are written"),
        ("D1000", "olmo-hybrid", "acts on 1,000 points; targets are written for at most 256"),
    ],
)
def test_refusals(name, target, message):
    with pytest.raises(InputError, match=message):
        compile_target(group(name), target, "generators" if name == "D1000" else None)


@pytest.mark.parametrize(
    ("limit", "message"),
    [("LARGEST_LAYER", "a layer of 8,448 weights, wanted at most 100"), ("LARGEST_HIDDEN", "a residual stream of 64")],
)
def test_layers_that_are_too_large_are_refused(monkeypatch, limit, message):
    from subnormal.constructions.targets import delta_layer

    monkeypatch.setattr(delta_layer, limit, 32 if limit == "LARGEST_HIDDEN" else 100)
    with pytest.raises(InputError, match=message):
        compile_target(group("S4"), "olmo-hybrid")


@pytest.mark.slow
@pytest.mark.parametrize("orders", [(2, 63), (64, 95), (96, 120)], ids=str)
def test_all_groups_of_order_up_to_120_have_exact_machines(orders):
    from subnormal.algebra.groups.catalogue import number_of_groups

    for order in range(orders[0], orders[1] + 1):
        for number in range(1, number_of_groups(order) + 1):
            listed = small_group(order, number)
            assert reflection_fault(reflection_machine(listed, range(order))) is None, (order, number)


def spelt_distance(points, left):
    """The least number of transpositions between the sides for every permutation, by breadth-first search."""
    swaps = [(a, b) for a in range(points) for b in range(points) if left[a] and not left[b]]
    identity = tuple(range(points))
    found, queue = {identity: 0}, [identity]
    for here in queue:  # grows while it is walked
        for a, b in swaps:
            after = tuple(b if x == a else a if x == b else x for x in here)
            if after not in found:
                found[after] = found[here] + 1
                queue.append(after)
    return found


@pytest.mark.parametrize("points", [2, 3, 4, 5, 6])
def test_no_spelling_between_these_sides_is_shorter(points):
    for size in range(1, points):
        left = np.arange(points) < size
        for images, distance in spelt_distance(points, left).items():
            word = _spelt(_cycles(np.array(images)), left)
            assert len(word) == distance
            here = tuple(range(points))
            for a, b in word:
                assert left[a]
                assert not left[b]
                here = tuple(b if x == a else a if x == b else x for x in here)
            assert here == images


@pytest.mark.parametrize(
    ("name", "now", "least", "before"),
    [
        ("A5", (4, 3.15), (4, 2.78), (6, 3.25)),
        ("S5", (5, 3.11), (4, 2.72), (6, 3.69)),
        ("S6", (6, 3.92), (4, 3.55), (7, 4.78)),
    ],
)
def test_exact_spellings_cannot_be_much_shorter(name, now, least, before):
    """The table of docs/architectures.md: the longest spelling and the mean, and below what no rational representation
    can be, by the codimension of what elements fix; two thirds of the earlier mean are below that."""
    group = list_group(name)
    lengths = [max(1, len(word)) for word in reflection_machine(group, range(group.order)).words]
    assert (max(lengths), round(float(np.mean(lengths)), 2)) == now
    table = character_table(group)
    conjugate: dict[bytes, list[int]] = {}  # characters whose sum is rational: they fix the same of every cyclic group
    for i in range(len(table)):
        conjugate.setdefault(table.fixed[i].tobytes(), []).append(i)
    bounds = []
    for own in conjugate.values():
        codimension = (table.degrees[own, None] - table.fixed[own]).sum(axis=0)
        if (codimension[1:] > 0).all():
            mean = (np.maximum(codimension, 1) * table.classes.sizes).sum() / group.order
            bounds.append((int(codimension.max()), float(mean)))
    assert min(longest for longest, _ in bounds) == least[0]
    mean = min(mean for _, mean in bounds)
    assert math.floor(100 * mean) / 100 == least[1]
    assert mean > before[1] * 2 / 3


@pytest.mark.slow
def test_no_short_vectors_without_negative_products_spell_s5_in_four():
    """Maximal sets of integer vectors of sum 0 and squared length 2 or 8, by cliques: up to names of points and the
    sign of all there are 11; at most 112 elements of S5, or negatives, are products of four of their reflections."""
    shapes = itertools.product(range(-2, 3), repeat=5)
    vectors = np.array([v for v in shapes if sum(v) == 0 and sum(x * x for x in v) in (2, 8)])
    vectors = vectors[[math.gcd(*map(int, v)) == 1 for v in vectors]]
    products = vectors @ vectors.T
    graph = networkx.Graph([(i, j) for i in range(len(vectors)) for j in range(i) if products[i, j] >= 0])
    names = [list(s) for s in itertools.permutations(range(5))]
    elements = np.array([np.eye(5)[s] for s in names])
    tried, count, best = set(), 0, 0
    for clique in networkx.find_cliques(graph):
        count += 1
        rows = vectors[clique]
        same = min(tuple(sorted(map(tuple, (e * rows[:, s]).tolist()))) for s in names for e in (1, -1))
        if same not in tried:
            tried.add(same)
            keys = [np.eye(5), *(np.eye(5) - 2 * np.outer(v, v) / (v @ v) for v in rows)]
            pairs = np.array(list({np.round(a @ b, 6).tobytes(): a @ b for a in keys for b in keys}.values()))
            found = set()
            for pair in pairs:
                made = pair @ pairs
                for sign in (made, 2 / 5 - made):  # the negative, on vectors of sum 0
                    whole = np.abs(sign - np.rint(sign)).max(axis=(1, 2)) < 1e-6
                    found |= {np.rint(one).astype(int).tobytes() for one in sign[whole]}
            best = max(best, sum(one.astype(int).tobytes() in found for one in elements))
    assert (len(vectors), count, len(tried), best) == (60, 1170, 11, 112)
