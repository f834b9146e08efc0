"""Words as expressions, and maps in closed form, against writing everything out."""

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.input.parser import list_group
from subnormal.common.errors import InputError
from subnormal.models.network import DCDNetwork
from subnormal.proofs_check.refutations.affine_maps import Affine, layer_maps, sequence_map, word_map
from subnormal.proofs_check.refutations.evidence import exact_states
from subnormal.proofs_check.refutations.long_words import PowerWord, parse_word

tokens = st.integers(0, 5).map(PowerWord)
words = st.recursive(
    tokens,
    lambda inner: st.lists(st.tuples(inner, st.integers(0, 3)), min_size=0, max_size=4).map(
        lambda parts: PowerWord(parts=tuple(parts))
    ),
    max_leaves=12,
).filter(lambda word: steps_to_write(word) <= 100_000)  # powers of powers would fill the memory when written out


def steps_to_write(word: PowerWord) -> int:
    """How often `written_out` is called for a word, itself included."""
    return 1 + sum(exponent * steps_to_write(part) for part, exponent in word.parts)


def written_out(word: PowerWord) -> list[int]:
    if word.token >= 0:
        return [word.token]
    return [x for part, exponent in word.parts for _ in range(exponent) for x in written_out(part)]


@given(words)
def test_length_tokens_product_and_text_are_those_of_the_word_written_out(word):
    group = list_group("S3")
    plain = written_out(word)
    assert word.length == len(plain)
    assert word.tokens().tolist() == plain
    assert word.product(group, np.arange(6)) == group.product(plain)
    assert parse_word(str(word)).tokens().tolist() == plain


def test_shared_parts_make_huge_words_small():
    word = PowerWord.of(1, 2)
    for _ in range(100):
        word = PowerWord.of(word, 3, word)
    assert word.length == 3 * 2**100 - 1
    assert len(str(word)) < 3000
    assert parse_word(str(word)).length == word.length
    group = list_group("S3")
    assert 0 <= word.product(group, np.arange(6)) < 6


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("A 3", "cannot read 'A'"),
        ("(1 2", "not closed"),
        ("1^x", "exponent 'x'"),
        ("a = 1 ; 2", "definition"),
        (")", "cannot read"),
    ],
)
def test_a_text_that_is_no_word_is_refused(text, message):
    with pytest.raises(InputError, match=message):
        parse_word(text)


def random_maps(seed: int, unit: bool) -> Affine:
    generator = np.random.default_rng(seed)
    phase = generator.integers(0, 2**64, size=(6, 3), dtype=np.uint64)
    modulus = np.zeros((6, 3)) if unit else -generator.random((6, 3)) * 0.1
    return Affine(modulus, phase, generator.normal(size=(6, 3)) + 1j * generator.normal(size=(6, 3)))


@pytest.mark.parametrize("unit", [True, False])
@given(word=words)
def test_closed_form_is_the_recurrence(unit, word):
    maps = random_maps(0, unit)
    h = np.array([1.0, -2.0j, 0.5])
    expected = h
    for token in word.tokens():
        expected = maps.multiplier[token] * expected + maps.shift[token]
    assert np.allclose(word_map(word, maps)(h), expected, atol=1e-11)
    composed = sequence_map(maps[word.tokens()])
    assert np.allclose(composed(h), expected, atol=1e-11)
    assert np.array_equal(composed.phase, word_map(word, maps).phase)
    first, second, distance = exact_states((word, word), maps, h)
    assert np.allclose(first, expected, atol=1e-11)
    assert second == first
    assert distance == 0.0


def test_powers_far_beyond_any_loop():
    """(a h + b) to the 10^15, against mpmath; near modulus 1 nothing is lost."""
    phase = np.array([3, 2**63 + 5, 12345678901234567], dtype=np.uint64)
    once = Affine(np.array([0.0, -1e-17, -1e-13]), phase, np.array([1.0, 2.0j, 0.25]))
    n = 10**15
    found = once.power(n)
    with mpmath.workdps(60):
        for j in range(3):
            log = mpmath.mpc(float(once.log_modulus[j]), 2 * mpmath.pi * int(phase[j]) / 2**64)
            a = mpmath.exp(log)
            shift = mpmath.mpc(complex(once.shift[j])) * (a**n - 1) / (a - 1)
            assert abs(found.multiplier[j] - complex(a**n)) < 1e-12
            assert abs(found.shift[j] - complex(shift)) <= 1e-12 * abs(complex(shift))


@pytest.mark.parametrize("family", FAMILIES)
def test_maps_of_a_layer_are_those_it_makes(family):
    network = DCDNetwork(6, 6, [{"family": family, "channels": 5, "hidden": 16, "readout": 8}], dtype="float64", seed=3)
    layer = network.layers[0]
    below = torch.empty((6, 0), dtype=torch.float64)
    with torch.no_grad():
        raw = layer.raw(below, torch.arange(6), network.embedding.weight)
        a, b = layer.transition.affine(raw)
        maps = layer_maps(layer, raw)
    assert np.allclose(maps.multiplier, a.numpy(), atol=1e-15)
    assert np.array_equal(maps.shift, b.numpy().astype(np.complex128))


def test_a_multiplier_that_float64_rounds_to_minus_one_counts_as_a_unit():
    network = DCDNetwork(
        2, 2, [{"family": "negative-mamba", "channels": 4, "hidden": 4, "readout": 2}], dtype="float64", seed=0
    )
    layer = network.layers[0]
    with torch.no_grad():
        layer.transition.log_rate.zero_()
        delta = torch.tensor([36.0, 37.0, 39.0, 200.0], dtype=torch.float64)
        maps = layer_maps(layer, torch.cat([delta - 1.0, torch.zeros(4, dtype=torch.float64)]))
    assert maps.log_modulus[2:].tolist() == [0.0, 0.0]
    assert np.allclose(maps.log_modulus[:2], -2 * np.exp([-36.0, -37.0]), rtol=1e-6)
    assert (maps.phase == 1 << 63).all()
