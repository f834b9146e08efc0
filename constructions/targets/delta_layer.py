"""The weights of one gated delta-rule layer that runs a reflection machine; what the targets share.

A token *behaves* as a sequence of letters, one for each Householder factor that the architecture has (one for Gated
DeltaNet, more for DeltaProduct). Each behaviour has a coordinate of the residual stream, in which its embedding has
one large entry.

Every number is chosen so that floating-point arithmetic is exact (checked in the tests by comparing states):

* hidden size H = 4^b and entries 8·2^b: the mean square is 64, the norm's epsilon of 1e-6 is lost beside it, its root
  is 8;
* pre-activations are 0 or 128, where SiLU is 0 or 128 in float32, bfloat16 and float16 alike;
* a key has one entry of 128 or four of them: its length is 128 or 256, and the normalised entries are 1 or 1/2. The
  epsilon of 1e-6 is lost again;
* β = 2·sigmoid(128) = 2 exactly, or 2·sigmoid(-128) = 0; the decay is exp(-softplus(-128)) = 1 or exp(-softplus(128))
  = 0;
* the key dimension is a power of 4, so that the queries' scale is a power of 2.

The decay's logarithm is 0 or -128 and no further from 0. A chunked kernel adds these numbers up over its 64 tokens and
takes differences: -∞ would give -∞ + ∞ = NaN there, and next to a sum of -10⁹, say, the ordinary ones are lost
(fla 0.6.0, `findings/`). exp(-128) is 0 in float32 all the same, and sums of 64 of them are exact.

A head holds one copy of the state and reads one row of it, that of a base point: one entry ±1 among zeros, whose
length is the same for every element, so that the norm of the head's output loses nothing. The last matrix adds the
entries that belong to an element: as many as there are base points for the right one, and at least one fewer for any
other.

**Without a decay** (DeltaNet, and KDA with its gates at 1) nothing is forgotten, but a row can be overwritten: with
β = 2·sigmoid(0) = 1 and k = e_i, (I - kkᵀ)·S + kvᵀ has v in place of row i, and a start or reset is one such token a
row. The unknown token writes a large value into a row and column of their own, which every head reads beside its own
row; the start overwrites them with 0. A head's query is then 1/2 in four places: both copies of its base point, that
row, and one that is always 0. Values here are 256 where they are 128 there, and states the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError
from . import sampling
from .reflections import Letter, ReflectionMachine
from .widths import power_of_four

Array = NDArray[np.float32]

LARGE = 128.0
"""SiLU(128) = 128, sigmoid(128) = 1 and exp(-128) = 0 in every precision from bfloat16 to float32."""

LARGEST_HIDDEN = 4096
"""Residual streams are not made wider than this."""

LARGEST_LAYER = 50_000_000
"""Weights of the layer."""

UNITS = {"float32": 2.0**-24, "bfloat16": 2.0**-8, "float16": 2.0**-11}
"""The unit roundoff of each precision."""

LARGEST_HALF = 65504.0
"""The largest number of float16."""

UNKNOWN = "unknown"
"""The behaviour of a token that is no element: it forgets the state, and nothing but a reset brings it back."""

KNOWN = "known"
"""The behaviour that takes an unknown token back, in a layer without a decay: the first of a start."""

DOUBT = 2.0**14
"""What the unknown token writes there: 64 times an entry of the state, and a number of float16."""

Behaviour = tuple[Letter, ...] | str


@dataclass(frozen=True, eq=False)
class DeltaLayer:
    """One layer and what stands around it.

    Arguments:
        hidden: H.
        heads: one for each base point.
        key: dimension of keys and queries of a head.
        value: dimension of values of a head: the number of points, and one more without a decay.
        factors: Householder factors a token.
        embedding: rows by behaviour, (behaviours, H).
        arrays: `q`, `k`, `v`, `a`, `b`, `g`, `o`, each a matrix (outputs, inputs); k, v and b hold the factors one
            after the
            other, each with all heads; and `A_log`, `dt_bias` (heads,).
        readout: (order, H): logits of the elements, from the residual stream.
        doubt: (H,): about half of what one head adds to a logit, wherever there is a behaviour; for the unknown token.
    """

    hidden: int
    heads: int
    key: int
    value: int
    factors: int
    embedding: Array
    arrays: dict[str, Array]
    readout: Array
    doubt: Array


def delta_layer(
    machine: ReflectionMachine, behaviours: Sequence[Behaviour], factors: int, gated: bool = True
) -> DeltaLayer:
    """The layer for tokens that behave so.

    Arguments:
        machine: the group, spelt.
        behaviours: of the tokens; the first is the unknown one.
        factors: Householder factors a token.
        gated: whether the layer can forget.

    Raises:
        InputError: it would be wider than `LARGEST_HIDDEN`, or have more weights than `LARGEST_LAYER`.
    """
    n, heads, count = machine.points, len(machine.base), len(behaviours)
    value = n if gated else n + 1
    hidden, key = power_of_four(count + heads * value), power_of_four(2 * n if gated else 2 * n + 2)
    if hidden > LARGEST_HIDDEN:
        raise InputError(
            f"{machine.group.name}: {count:,} behaviours of tokens and {heads} × {value} outputs need a residual "
            f"stream of {hidden:,}; wanted at most {LARGEST_HIDDEN:,}: try --alphabet generators or a smaller group, "
            "e.g. S5"
        )
    entries = hidden * heads * (key * (1 + factors) + value * (2 + factors))
    if entries > LARGEST_LAYER:
        raise InputError(
            f"{machine.group.name}: a layer of {entries:,} weights, wanted at most {LARGEST_LAYER:,}; try "
            f"{'--target olmo-hybrid, which spells, or ' if factors > 1 else ''}a smaller group, e.g. S5"
        )
    normed = np.sqrt(hidden)  # a behaviour's entry after the norm; a power of 2
    large = np.float32(LARGE / normed)
    arrays = {
        "q": np.zeros((heads, key, hidden), np.float32),
        "k": np.zeros((factors, heads, key, hidden), np.float32),
        "v": np.zeros((factors, heads, value, hidden), np.float32),
        "b": np.full((factors, heads, hidden), -large, np.float32),
        "a": np.zeros((heads, hidden), np.float32),
        "g": np.full((heads * value, hidden), large, np.float32),
        "o": np.zeros((hidden, heads * value), np.float32),
        "A_log": np.zeros(heads, np.float32),
        "dt_bias": np.full(heads, -LARGE, np.float32),
    }
    for head, point in enumerate(machine.base):
        arrays["q"][head, [point] if gated else [point, point + n, 2 * n, 2 * n + 1], :] = large
    for column, behaviour in enumerate(behaviours):
        forgets = behaviour == UNKNOWN or any(isinstance(letter, Letter) and letter.forget for letter in behaviour)
        arrays["a"][:, column] = 2 * large if forgets and gated else 0
        if isinstance(behaviour, str) and not gated:
            arrays["k"][0, :, 2 * n, column] = large
            arrays["b"][0, :, column] = 0
            arrays["v"][0, :, n, column] = DOUBT / normed if behaviour == UNKNOWN else 0
        for factor, letter in enumerate(() if isinstance(behaviour, str) else behaviour):
            doubled = machine.key(letter)
            if not doubled.any():
                continue
            assert factor == 0 or not letter.forget, "a token forgets before its first factor"
            arrays["k"][factor, :, : 2 * n, column] = np.where(doubled > 0, large, 0)
            arrays["b"][factor, :, column] = 0 if letter.overwrite else large
            if letter.row is not None:
                arrays["v"][factor, :, letter.row % n, column] = 2 * large if letter.overwrite else large
    arrays["o"][count + np.arange(heads * value), np.arange(heads * value)] = 1
    flat = {name: array.reshape(-1, hidden) if name in "qkvb" else array for name, array in arrays.items()}
    embedding = np.zeros((count, hidden), np.float32)
    embedding[np.arange(count), np.arange(count)] = 8 * normed
    return DeltaLayer(hidden, heads, key, value, factors, embedding, flat, *_readout(machine, count, hidden, gated))


def _readout(machine: ReflectionMachine, count: int, hidden: int, gated: bool) -> tuple[Array, Array]:
    """For each element the sum of the entries ±1 that its state has in the base rows; and the unknown token's row.

    A head puts out ±(√n·128) in one of its n coordinates, times what the norms make of it, beside 8·√H in a behaviour's
    coordinate. The unknown token gets half of one head's. All of it times a power of 2, which rounds nothing, so that
    answers can be sampled (`sampling`). Without a decay the unknown token has a coordinate of its own in each head.
    """
    n, signs = machine.points, machine.signs
    value = n if gated else n + 1
    sharpness = np.float32(_sharpness(machine, count, hidden, gated))
    readout = np.zeros((machine.group.order, hidden), np.float32)
    for head, point in enumerate(machine.base):
        columns = machine.images[:, head]
        readout[np.arange(len(readout)), count + head * value + columns] = signs[point] * signs[columns]
    doubt = np.zeros(hidden, np.float32)
    if gated:
        doubt[:count] = 2.0 ** np.round(np.log2(0.5 * LARGE * np.sqrt(n) / (8 * np.sqrt(hidden))))
    else:
        doubt[count + n : count + len(machine.base) * value : value] = 1
    return readout * sharpness, doubt * sharpness


def _sharpness(machine: ReflectionMachine, count: int, hidden: int, gated: bool) -> int:
    """The power of 2, at least 16, by which the head is multiplied: the least for which, in every precision of
    `margins`, the best logit is `sampling.GAP` + log(vocabulary) above all others.

    One head adds g = 128·√n / √(64 + B·128²·n/H) to a logit. With the relative errors of `margins` and at most eight
    roundings in g, the right element has at least B·g·(1 - e), e = (B + 2)·u, any other at most (B - 1)·g·(1 + e), the
    unknown token at most 0.7072·g·(1 + e); and after an unknown token that one has at least 0.3535·g·(1 - e), the
    others 0. Without a decay g has n + 1 in place of n, the unknown token 0, and after one it has at least
    0.999·B·g·(1 - e) and any other at most B·g·(1 + e)/32.
    """
    heads, n = len(machine.base), machine.points if gated else machine.points + 1
    one = LARGE * np.sqrt(n) / np.sqrt(64 + heads * LARGE**2 * n / hidden)
    proved = margins(machine)
    gap, largest = np.inf, 0.0
    for name, unit in UNITS.items():
        if proved[name]:
            e = (heads + 2) * unit
            right, others = heads * (1 - e), max(heads - 1, 0.7072) * (1 + e)
            doubted = 0.3535 * (1 - e) if gated else heads * (0.999 * (1 - e) - (1 + e) / 32)
            gap = min(gap, one * (1 - 8 * unit) * min(right - others, doubted))
            largest = max(largest, heads * one * (1 + e) * (1 + 8 * unit))
    sharpness = sampling.sharpness(float(gap), machine.group.order + count + 1)
    assert not proved["float16"] or largest * sharpness < LARGEST_HALF, "a logit overflows in float16"
    return sharpness


def margins(machine: ReflectionMachine) -> dict[str, bool]:
    """For each precision whether the logits are proved to be told apart.

    The right element's logit is a sum of B = len(base) equal numbers, any other's of at most B - 1 of them, the unknown
    token's 0.35 to 0.71 of one. With relative error u in each of at most B + 1 operations they stay apart if
    2(B + 2)·B·u < 1.
    """
    heads = len(machine.base)
    return {name: 2 * (heads + 2) * heads * unit < 1 for name, unit in UNITS.items()}


def reflection_fault(machine: ReflectionMachine) -> str | None:
    """What the exact machine does wrong, or None: checked are the start, every letter, and every spelling.

    Letters act on the state by a matrix from the left, so it is enough to look at what they do to the start; words of
    every length follow by induction.
    """
    for gated in (True, False):
        state = np.full((2 * machine.points, machine.points), 7, dtype=np.int64)
        for letter in machine.start(gated):
            state = machine.step(state, letter)
        if not np.array_equal(state, machine.state_of(0)):
            return "the start is not the identity"
    matrices: dict[Letter, NDArray[np.int64]] = {}
    for swap in machine.swaps:
        letter = Letter(swap=swap)
        rows = np.arange(machine.points)
        rows[list(swap)] = rows[list(swap)[::-1]]
        flips = np.where(np.isin(np.arange(machine.points), swap), -1, 1)
        expected = flips[:, None] * state[: machine.points][rows]
        matrices[letter] = machine.step(state, letter)
        if not np.array_equal(matrices[letter], np.concatenate([expected, expected])):
            return f"the letter of the transposition {swap} does not act as one"
    for element in machine.alphabet:
        reached = state
        for letter in machine.spell(element):
            reached = machine.step(reached, letter)
        if not np.array_equal(reached, machine.state_of(element)):
            return f"the spelling of element {element} is wrong"
    return None
