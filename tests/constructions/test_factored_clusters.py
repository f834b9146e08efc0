"""Clusters of a factored cascade's channels: which they are, and that running them is running the channels."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

pytest.importorskip("numba")  # compiled kernels are of the extra `fast`

from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.input.parser import parse_group
from subnormal.constructions.factored import clusters as factored_clusters
from subnormal.constructions.factored.cascade import FactoredCascade
from subnormal.constructions.factored.clusters import JOINT, cluster_runs, clusters
from subnormal.constructions.factored.compiler import compile_factored
from subnormal.constructions.factored.kernels import WIDTH, CompiledFactored

WIDTHS = {
    # name: the channels of each cluster
    "S4wrS4": [4] * 5,
    "S4wrS4wrS4": [4] * 21,
    "S3wrS3wrS3": [2] * 13,
    "GL(2,3)wrS4": [4, 5, 5, 5, 5],
    "(S3xC2)wrS4": [4, 2, 2, 2, 2, 5, 1, 1, 1],  # not exact: more states than elements
    "C2wrC2wrC2": [6, 1],
    "C2wrC2wrC2wrC2wrC2": [1] * 31,
    "C300wrC2": [1, 1, 1],  # residues of two bytes
    "C5": [1],
}


@cache
def cascade_of(name: str) -> FactoredCascade:
    group = parse_group(name)
    return compile_factored(name, group.permutations, FAMILIES["aussm"]).cascade


def any_state(cascade: FactoredCascade, random: np.random.Generator) -> np.ndarray:
    return random.integers(cascade.moduli).astype(cascade.initial().dtype)


@pytest.mark.parametrize("name", WIDTHS)
def test_one_cluster_for_each_copy(name):
    """The copies of a wreath product, with no more table entries than the channels have one by one."""
    cascade = cascade_of(name)
    runs = cluster_runs(cascade)
    assert [stop - start for start, stop in runs] == WIDTHS[name]
    assert [start for start, _ in runs] == [0, *(stop for _, stop in runs[:-1])]
    parts = clusters(cascade)
    assert sum(part.outer.size for part in parts) <= cascade.table_entries
    for part in parts:
        assert part.stop - part.start == 1 or len(part.residues) <= JOINT
        assert part.stop - part.start <= WIDTH


@pytest.mark.parametrize("name", WIDTHS)
def test_running_clusters_is_running_channels(name):
    """From any state, for words long and short, in pieces, and of any dtype of tokens."""
    cascade, random = cascade_of(name), np.random.default_rng(3)
    machine = CompiledFactored(cascade)
    m = len(cascade.alphabet)
    for dtype, length in (("int32", 5000), ("uint8", 300), ("int64", 1), ("int64", 0)):
        word: NDArray[Any] = random.integers(m, size=length).astype(dtype)
        state = any_state(cascade, random)
        found = machine.run(word, state)
        assert found.dtype == state.dtype
        assert found.shape == (length, len(cascade.channels))
        assert (found == cascade.run(word, state)).all()
        cut = length // 3
        if cut:
            pieces = machine.run(word[:cut], state), machine.run(word[cut:], found[cut - 1])
            assert (np.concatenate(pieces) == found).all()


@pytest.mark.parametrize("name", ["S4wrS4wrS4", "S3wrS3wrS3", "(S3xC2)wrS4", "C2wrC2wrC2"])
def test_single_steps(name):
    """Every token from random states, most of which a short word does not reach."""
    cascade, random = cascade_of(name), np.random.default_rng(5)
    machine = CompiledFactored(cascade)
    for _ in range(30):
        state = any_state(cascade, random)
        for token in range(len(cascade.alphabet)):
            word = np.array([token])
            assert (machine.run(word, state) == cascade.run(word, state)).all()


@pytest.mark.parametrize("name", ["S4wrS4", "(S3xC2)wrS4"])
def test_long_codes_are_ranked(name, monkeypatch):
    """Maps are told apart by codes of bounded size; with a small bound they come out the same."""
    expected = clusters(cascade_of(name))
    monkeypatch.setattr(factored_clusters, "MAX_CODES", 5)
    for part, other in zip(clusters(cascade_of(name)), expected, strict=True):
        assert (part.inner[part.outer] == other.inner[other.outer]).all()
