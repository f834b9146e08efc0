"""`learn` with a block layer: groups of matrices, the snap, the machine, the folder, and what must not pass."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from subnormal.algebra.input.parser import list_group
from subnormal.algebra.tracked import TrackedGroup
from subnormal.api.learning import learn
from subnormal.api.proving import check
from subnormal.common.errors import InputError
from subnormal.common.kinds import DELTA, LEARNT, TABLE, kind_of
from subnormal.experiments.block_learning import ARMS, FIELDS, RUNS, read_rows, reproduce_block_learning, run_one
from subnormal.models.learning.block_runs import learn_blocks
from subnormal.models.learning.block_snap import exact_blocks, machine_of_blocks, snap_blocks
from subnormal.models.learning.blocks import BlockRecipe, Draws, TrainedBlocks, matrix_group, polar
from subnormal.models.learning.exact import NotExactError
from subnormal.models.learning.words import MISSING, Words, words_of_task
from subnormal.models.training.tasks import Task, full_task


def permutation_matrices(group):
    """R_x of every element with R_{yx} = R_x R_y, shape (order, degree, degree)."""
    found = np.zeros((group.order, group.degree, group.degree))
    for x, images in enumerate(group.elements):
        found[x, images, np.arange(group.degree)] = 1
    return found


def planted(name, noise, blocks=2, seed=0):
    """Words of a group, and a layer that is its permutation representation with noise in every block but the last,
    which is random; the head reads the states exactly."""
    group = list_group(name)
    words = words_of_task(full_task(group), 300, 20, seed)
    generator = torch.Generator().manual_seed(seed)
    exact = torch.from_numpy(permutation_matrices(group))[:, None]
    size = exact.shape[-1]
    free = exact + noise * torch.randn(group.order, blocks, size, size, generator=generator, dtype=torch.float64)
    free[:, -1] = torch.randn(group.order, size, size, generator=generator, dtype=torch.float64)
    matrices = polar(free, 40).numpy()
    start = np.tile(np.arange(1.0, size + 1), (blocks, 1))
    states = np.einsum("xij,j->xi", exact[:, 0].numpy(), start[0])
    weight = np.zeros((blocks, size, group.order))
    weight[0] = states.T
    layer = TrainedBlocks(
        matrix_group(f"SO({size})"), matrices, start, weight.reshape(-1, group.order), np.zeros(group.order), (0.1,),
        (), 12,
    )  # fmt: skip
    return group, words, layer


@pytest.mark.parametrize("name", ["S3", "A4", "F20", "A5"])
def test_a_noisy_representation_is_made_exact_and_a_random_block_is_left_out(name):
    group, words, layer = planted(name, 0.03)
    snapped = snap_blocks(layer, words, 0.7)
    assert snapped.blocks == (0,)
    assert snapped.defect < 1e-12
    products = snapped.matrices[:, 0]
    table = np.array([[group.multiply(y, x) for x in range(group.order)] for y in range(group.order)])
    for y in range(group.order):  # on all pairs, seen in the words or not
        np.testing.assert_allclose(products[table[y]], products @ products[y], atol=1e-9)
    exact = exact_blocks(layer, snapped, words)
    assert exact.group.order == group.order
    assert exact.disagreement(words_of_task(full_task(group), 50, 200, 9)) is None


def test_few_tokens_are_made_exact_though_they_mix_slowly():
    """Two reflections walk along a cycle; their averages alone take hundreds of rounds, and the block was given up."""
    group, words, layer = planted("D12", 0.01)
    tokens = list(group.generators)
    words = words_of_task(Task(TrackedGroup(group, np.array(tokens))), 300, 60, 0)
    few = replace(layer, matrices=layer.matrices[tokens])
    snapped = snap_blocks(few, words, 0.7)
    assert snapped.blocks == (0,)
    assert snapped.matrices.shape == (len(tokens), 1, 12, 12)
    assert snapped.defect < 1e-12
    assert exact_blocks(few, snapped, words).group.order == group.order


def test_random_matrices_are_kept_only_where_nearness_is_not_asked_for():
    """The averages alone may make a representation of anything: that is what the demand of nearness keeps out."""
    _, words, layer = planted("S3", 0.03, blocks=1)
    assert snap_blocks(layer, words, 0.7).blocks == ()
    with pytest.raises(NotExactError, match="no block is a representation"):
        exact_blocks(layer, snap_blocks(layer, words, 0.7), words)


def test_a_block_that_is_no_function_of_the_label_is_left_out():
    """C3 acting by thirds of a turn, read by labels that tell only parity of the length: no representation of it."""
    turn = 2 * np.pi / 3
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    tokens = np.zeros((40, 12), dtype=np.int64)
    labels = np.tile((np.arange(12) + 1) % 2, (40, 1))
    words = Words(tokens, labels, ("a",), ("even", "odd"))
    layer = TrainedBlocks(
        matrix_group("SO(2)"), matrix[None, None], np.ones((1, 2)), np.ones((2, 2)), np.zeros(2), (0.1,), (), 12
    )
    assert snap_blocks(layer, words, 0.7).blocks == ()


def test_the_orbit_has_one_state_for_each_element_and_is_searched_breadth_first():
    group = list_group("A4")
    matrices = permutation_matrices(group)[:, None]
    machine = machine_of_blocks(matrices, np.array([[1.0, 2.0, 3.0, 5.0]]))
    assert machine.states == 12
    assert machine.transitions[0].tolist()[1:] == list(range(1, 12))
    assert machine.products is not None
    assert machine_of_blocks(matrices, np.array([[1.0, 1.0, 2.0, 2.0]])).states == 6  # h_0 is not generic
    with pytest.raises(NotExactError, match="neither one nor apart"):
        machine_of_blocks(matrices, np.array([[1.0, 1.0 + 1e-5, 2.0, 2.0]]))
    turn = np.array([[np.cos(1), -np.sin(1)], [np.sin(1), np.cos(1)]])
    with pytest.raises(NotExactError, match="neither one nor apart|more than 4,096 states"):
        machine_of_blocks(turn[None, None], np.array([[1.0, 0.0]]))


@pytest.mark.parametrize("name", ["SO(3)", "SO(6)", "U(2)", "U(4)"])
def test_random_elements_and_tangents_stay_in_the_group_of_matrices(name):
    group = matrix_group(name)
    found = group.random(torch.Generator().manual_seed(1), 5, 3)
    one = torch.eye(group.size, dtype=torch.float64).expand_as(found)
    torch.testing.assert_close(found @ found.mT, one, atol=1e-9, rtol=0)
    torch.testing.assert_close(group.project(found), found, atol=1e-9, rtol=0)
    torch.testing.assert_close(torch.linalg.det(found), torch.ones(5, 3, dtype=torch.float64), atol=1e-9, rtol=0)


def test_a_name_of_matrices_that_is_none():
    assert (matrix_group(" so(3) ").name, matrix_group("U2").size) == ("SO(3)", 4)
    for text in ("O(3)", "SO(1)", "SO(13)", "U(6)", "SO", ""):
        with pytest.raises(InputError, match=r"unknown group of matrices .*wanted SO\(2\)"):
            matrix_group(text)


def test_stretches_of_words_begin_with_the_token_that_has_the_label():
    words = words_of_task(full_task(list_group("S4")), 50, 30, 3)
    group = list_group("S4")
    tokens, labels = Draws(words, [1])(200, 7)
    for word, row in zip(tokens.tolist(), labels.tolist(), strict=True):
        product = 0
        for token, label in zip(word, row, strict=True):
            product = int(group.multiply(product, token))
            assert label == product
    assert len({tuple(word) for word in tokens.tolist()} - {tuple(w) for w in words.tokens[:, :7].tolist()}) > 100


def test_where_labels_are_missing_or_no_token_has_them_words_begin_at_their_beginning():
    group = list_group("S4")
    words = words_of_task(Task(TrackedGroup(group, np.array(group.generators))), 20, 30, 3)
    tokens, _ = Draws(words, [1])(100, 7)
    assert {tuple(w) for w in tokens.tolist()} <= {tuple(w) for w in words.tokens[:, :7].tolist()}
    full = words_of_task(full_task(group), 20, 30, 3)
    bare = Words(full.tokens, np.full_like(full.labels, MISSING), full.token_names, full.label_names)
    assert (Draws(bare, [1])(10, 5)[1] == MISSING).all()


def test_s3_from_words_and_labels():
    group = list_group("S3")
    words = words_of_task(full_task(group), 1000, 60, 7)
    run = learn_blocks(words, 7, BlockRecipe(matrices=("SO(3)",)), words_of_task(full_task(group), 100, 240, 8))
    assert run.failure is None
    assert run.exact is not None
    assert run.exact.small_group_id == (6, 1)
    assert run.exact.is_of_blocks
    again = learn_blocks(words, 7, BlockRecipe(matrices=("SO(3)",)))
    assert again.as_json() == run.as_json()  # a run is what its seed says


def test_a_group_of_matrices_that_is_too_small_is_left():
    words = words_of_task(full_task(list_group("F20")), 1000, 60, 7)
    recipe = BlockRecipe(matrices=("SO(3)",), steps=400, first=150, patience=50)
    run = learn_blocks(words, 7, recipe)
    assert run.exact is None
    assert len(run.tried[0].trained.curve) < 400
    assert "SO(3), best of 2 tries: " in (run.failure or "")


def test_a5_is_learnt_and_its_folder_is_certified(tmp_path):
    """The control of diagonal layers: one run, with everything that is written."""
    place = tmp_path / "a5"
    found = learn("A5", 1, layers_of="block", matrices="SO(3)", out=place)
    assert (found.small_group_id, found.name, found.layers, found.exact_runs) == ((60, 5), "A5", 1, 1)
    assert "one block layer on SO(3)" in found.found_by
    assert "not solvable" in (found.without or "")
    assert kind_of(place) == DELTA
    assert (found.claim or "no claim") in str(check(place))
    about = json.loads((place / "machine.json").read_text())
    group = list_group("A5")
    label = [int(name) for name in about["label_names"]]
    tokens = [int(name) for name in about["token_names"]]
    for g, row in enumerate(about["steps"]):  # every element and token, in the words' own names
        assert [label[y] for y in row] == [int(group.multiply(label[g], x)) for x in tokens]
    assert "one block layer on SO(3)" in str(found)
    again = learn("A5", 1, layers_of="block", matrices="SO(3)", out=place)  # nothing is trained, all is written again
    assert again.as_json() == found.as_json()


def test_what_no_network_here_holds_is_written_as_a_table(tmp_path, monkeypatch):
    from subnormal.constructions.targets import compiler

    def refuse(*_):
        raise InputError("too many transpositions")

    monkeypatch.setattr(compiler, "compile_target", refuse)
    found = learn("A5", 1, layers_of="block", matrices="SO(3)", out=tmp_path / "a5")
    assert found.claim is None
    assert "too many transpositions" in (found.without or "")
    assert "no certificate" in str(found)
    assert kind_of(tmp_path / "a5") == TABLE
    assert learn("A5", 1, layers_of="block", matrices="SO(3)", out=tmp_path / "a5").claim is None


def test_a_solvable_group_found_by_blocks_becomes_diagonal_layers(tmp_path):
    found = learn("A4", 1, layers_of="block", matrices="SO(3)", out=tmp_path / "a4")
    assert (found.small_group_id, found.layers, found.without) == ((12, 3), 2, None)
    assert kind_of(tmp_path / "a4") == LEARNT
    assert "every length" in found.sentence()


def test_options_that_do_not_fit():
    with pytest.raises(InputError, match="unknown kind of layers 'blocks'"):
        learn("S3", layers_of="blocks")
    with pytest.raises(InputError, match="--matrices SO\\(3\\) goes with a block layer"):
        learn("S3", layers_of="diagonal", matrices="SO(3)")
    with pytest.raises(InputError, match="unknown group of matrices 'O\\(3\\)'"):
        learn("S3", layers_of="block", matrices="SO(3),O(3)")
    with pytest.raises(InputError, match="--layers 2 goes with diagonal layers"):
        learn("S3", layers=2, layers_of="block")
    with pytest.raises(InputError, match="unknown setting 'channels'"):
        learn("S3", layers_of="block", channels=3)
    with pytest.raises(InputError, match="matrices: wanted at least one"):
        learn("S3", layers_of="block", matrices=" , ")


def test_null_models_find_nothing():
    for arm in ("null-random", "null-any-snap"):
        row = run_one("S3", arm, 5)
        assert (row["right"], row["exact"]) == (False, False)
    assert ARMS["null-shuffled"].shuffled


def test_experiments_go_on_where_they_stopped(tmp_path, monkeypatch):
    page = reproduce_block_learning(tmp_path, quick=True).read_text()
    assert "| S3 | all | 6 | 4,000 | 1 of 1 |" in page

    def again(*_):
        raise AssertionError("run again")

    monkeypatch.setattr("subnormal.experiments.block_learning.run_one", again)
    assert reproduce_block_learning(tmp_path, quick=True).read_text() == page
    monkeypatch.undo()
    first, *others = (tmp_path / RUNS).read_text().splitlines()
    (tmp_path / RUNS).write_text("\n".join(others) + "\n")
    assert json.loads(first)["arm"] not in {json.loads(line)["arm"] for line in others}
    assert reproduce_block_learning(tmp_path, quick=True).read_text().count("1 of 1") == 1
    assert len((tmp_path / RUNS).read_text().splitlines()) == len(others) + 1
    (tmp_path / RUNS).write_text("[]\n")
    with pytest.raises(InputError, match="a line is no run"):
        read_rows(tmp_path / RUNS, FIELDS)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["S4", "S5", "SL(2,5)", "PSL(2,7)", "F20", "F21"])
def test_further_groups(name):
    row = run_one(name, "all", 7)
    assert row["right"], row["failure"]
