"""Parity: which stacks of layers can follow the sign of a word, and where finite arithmetic changes the answer.

Parity is tracking of C2. "Parity Requires Unified Input Dependence and Negative Eigenvalues in SSMs" (2025) proves that
S4D (fixed transition), Mamba (multipliers in (0, 1]) and every mixture of the two fail at any depth; one layer of
Negative Mamba or AUSSM succeeds. Here the failures are words, found by `proofs_check.refutations.refutation`, and the
successes compiled weights.

Negative Mamba's multiplier a = 2 exp(-Δ) - 1 lies *above* -1. For real numbers h = aⁿ never loses its sign, but shrinks
like exp(-2n·exp(-Δ)), and in floating point three things may happen. Compiled weights have a = -1 exactly, because
exp(-200) vanishes beside 1: it is rounding that makes their layer track words of every length. With moderate Δ and
gradual underflow, aⁿ computed token by token ends at the smallest subnormal number, where rounding to nearest keeps the
sign for ever if |a| > 1/2. Where subnormal numbers are flushed to zero, or a block of multipliers is multiplied
together before it meets the state, h becomes 0 and the decision is lost.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from ...algebra.depth.families import FAMILIES, SIGNS
from ...algebra.groups.group import Group
from ...algebra.input.parser import list_group
from ...common.errors import InputError
from ...constructions.compiler import compile_group
from ...constructions.verification import first_fault
from ...models.compiled import network_of
from ...models.network import DCDNetwork
from .evidence import PIECE
from .refutation import Refutation, random_network, refute

WITHOUT_PARITY = tuple(name for name, family in FAMILIES.items() if family.exponent == 1)
"""The families that parity is beyond, at any depth and in any mixture."""


def parity_group() -> Group:
    """C2; the token 1 is the generator."""
    return list_group("C2")


def stacks(most: int) -> Iterator[tuple[str, ...]]:
    """Every mixture of S4D and Mamba with up to `most` layers: 2 + 4 + … + 2^most."""
    for layers in range(1, most + 1):
        yield from itertools.product(WITHOUT_PARITY, repeat=layers)


def refute_parity(stack: tuple[str, ...], width: int, seed: int, activation: str = "hard") -> Refutation:
    """Two words of different parity that a random network of this stack cannot tell apart."""
    return refute(random_network(2, stack, width, seed, activation), parity_group())


@dataclass(frozen=True)
class CompiledParity:
    """One compiled layer that tracks parity.

    Arguments:
        family: of the layer.
        multipliers: a for the tokens 0 and 1, as the network computes them in float64.
        shifts: b for the tokens.
        initial: h before the first token.
        scores: ψ's weights on h for the two decisions, (2, 1 or 2).
        tokens_run: length of the words it was run on (random and constant), without a wrong answer.
    """

    family: str
    multipliers: tuple[complex, complex]
    shifts: tuple[complex, complex]
    initial: complex
    scores: tuple[tuple[float, ...], ...]
    tokens_run: int


def compiled_network(family: str) -> DCDNetwork:
    """The compiled network of one layer, float64. Raises `InputError` for a family that cannot track parity."""
    return network_of(compile_group(parity_group(), (FAMILIES[family],)).weights)


@torch.no_grad()
def compiled_parity(family: str, length: int = 1_000_000) -> CompiledParity:
    """Compile, prove the cascade right for every word, and run the network on long words; AssertionError if it
    fails."""
    group = parity_group()
    fault = first_fault(compile_group(group, (FAMILIES[family],)).cascade, group)
    if fault:
        raise AssertionError(fault)
    network = compiled_network(family)
    words = np.stack([np.random.default_rng(0).integers(2, size=length), np.ones(length, dtype=np.int64)])
    found, _ = network.predict(torch.from_numpy(words))
    if not np.array_equal(found.numpy(), np.cumsum(words, axis=1) % 2):
        raise AssertionError(f"the compiled {family} layer fails")
    layer = network.layers[0]
    raw = layer.raw(torch.empty((2, 0), dtype=torch.float64), torch.arange(2), network.embedding.weight)
    a, b = layer.transition.affine(raw)
    initial = network.initial_state(1)[0]
    start = initial if isinstance(initial, torch.Tensor) else initial.value
    return CompiledParity(
        family,
        (complex(a[0, 0]), complex(a[1, 0])),
        (complex(b[0, 0]), complex(b[1, 0])),
        complex(start[0, 0]),
        tuple(tuple(row) for row in layer.psi.weight.tolist()),
        length,
    )


# ------------------------------------------------------------------------------------------------ without underflow


def vanishing_length(delta: float, dtype: torch.dtype) -> float:
    """The number of ones after which |2 e^(-Δ) - 1|ⁿ leaves the normal numbers of the dtype, where the multiplier is
    computed in that dtype; infinite where it is rounded to -1. A formula: nothing is run."""
    a = 2.0 * torch.exp(torch.tensor(-delta, dtype=dtype)) - 1.0
    modulus = abs(float(a))
    if modulus == 1.0:
        return math.inf
    if modulus == 0.0:
        return 1.0
    return math.log(torch.finfo(dtype).tiny) / math.log(modulus)


def weakened_network(delta: float, dtype: torch.dtype) -> DCDNetwork:
    """Compiled Negative Mamba with Δ for the token 1 made this small (> 0); the token 0 still has multiplier 1."""
    network = compiled_network(SIGNS.name)
    raw = delta - 1.0 if delta >= 1.0 else math.log(delta)
    with torch.no_grad():
        phi = network.layers[0].phi
        phi.out.weight[0] *= (raw - float(phi.out.bias[0])) / _raw_range(network)
    return network.converted(str(dtype).removeprefix("torch."))


def _raw_range(network: DCDNetwork) -> float:
    """By how much φ's output for Δ differs between the tokens 1 and 0."""
    layer = network.layers[0]
    raw = layer.raw(torch.empty((2, 0), dtype=torch.float64), torch.arange(2), network.embedding.weight)
    return float(raw[1, 0] - raw[0, 0])


Arithmetic = Literal["token by token", "flushed", "blocks"]
"""How aⁿ is computed: one token after the other with gradual underflow; the same with subnormal numbers flushed to
zero; or with the blocks of the parallel scan (models/recurrences.py, backend "torch")."""


@torch.no_grad()
def first_wrong(delta: float, dtype: torch.dtype, most: int, arithmetic: Arithmetic = "blocks") -> int | None:
    """The length of the shortest word 1ⁿ, n ≤ `most`, that the weakened network answers wrongly, found by running it.

    Raises `InputError` where the processor cannot flush subnormal numbers.
    """
    network = weakened_network(delta, dtype)
    if arithmetic == "blocks":
        network.backend = "torch"
        return _first_wrong_in_blocks(network, most)
    if arithmetic == "flushed" and not torch.set_flush_denormal(True):
        raise InputError("this processor cannot flush subnormal numbers; wanted `token by token` or `blocks`")
    try:
        return _first_wrong_token_by_token(network, most)
    finally:
        torch.set_flush_denormal(False)


def _first_wrong_in_blocks(network: DCDNetwork, most: int) -> int | None:
    state = None
    for begin in range(0, most, PIECE):
        tokens = torch.ones((1, min(PIECE, most - begin)), dtype=torch.int64)
        found, state = network.predict(tokens, state)
        wrong = torch.nonzero(found[0] != torch.arange(begin + 1, begin + 1 + tokens.shape[1]) % 2)
        if len(wrong):
            return begin + int(wrong[0]) + 1
    return None


def _first_wrong_token_by_token(network: DCDNetwork, most: int) -> int | None:
    """The network's own multiplier, readout and head; only the recurrence is written out (`np.multiply.accumulate`)."""
    layer = network.layers[0]
    below = torch.empty((1, 0), dtype=network.dtype)
    a = layer.transition_of(below, torch.ones(1, dtype=torch.int64), network.embedding.weight)[0].numpy()[0, 0]
    h = a * 0 + layer.initial_state.numpy()[0]
    for begin in range(0, most, PIECE):
        factors = np.full(min(PIECE, most - begin) + 1, a)
        factors[0] = h
        states = np.multiply.accumulate(factors)[1:]
        h = states[-1]
        found = network.decide(network.readouts([torch.from_numpy(states)[:, None]])).argmax(-1)
        wrong = torch.nonzero(found != torch.arange(begin + 1, begin + 1 + len(states)) % 2)
        if len(wrong):
            return begin + int(wrong[0]) + 1
    return None
