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

**Answers by points** (`points.py`): a head's query has 1, 4, 16 … equal entries, and the output gate is open at the
column of the point that is asked for, and shut at every other token: then the answer is the unknown token.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...common.errors import InputError
from . import sampling
from .points import SETS, PointMachine
from .reflections import Letter, ReflectionMachine, Reflections
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
        heads: one for each base point, or so many that points are told apart.
        key: dimension of keys and queries of a head.
        value: dimension of values of a head: the number of points, and one more without a decay.
        factors: Householder factors a token.
        embedding: rows by behaviour, (behaviours, H).
        arrays: `q`, `k`, `v`, `a`, `b`, `g`, `o`, each a matrix (outputs, inputs); k, v and b hold the factors one
            after the
            other, each with all heads; and `A_log`, `dt_bias` (heads,).
        readout: (answers, H): logits of the elements, or points, from the residual stream.
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


def delta_layer(machine: Reflections, behaviours: Sequence[Behaviour], factors: int, gated: bool = True) -> DeltaLayer:
    """The layer for tokens that behave so.

    Arguments:
        machine: the group, spelt; a `ReflectionMachine` or a `PointMachine`.
        behaviours: of the tokens; the first is the unknown one.
        factors: Householder factors a token.
        gated: whether the layer can forget.

    Raises:
        InputError: it would be wider than `LARGEST_HIDDEN`, or have more weights than `LARGEST_LAYER`.
    """
    n, heads, count = machine.points, machine.heads, len(behaviours)
    value = n if gated else n + 1
    hidden = power_of_four(count + heads * value)
    queries, key = _queries(machine, gated)
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
    for head, rows in enumerate(queries):
        arrays["q"][head, rows, :] = large
    if machine.questions:
        arrays["g"][:] = 0
    for column, behaviour in enumerate(behaviours):
        forgets = behaviour == UNKNOWN or any(isinstance(letter, Letter) and letter.forget for letter in behaviour)
        arrays["a"][:, column] = 2 * large if forgets and gated else 0
        if isinstance(behaviour, str) and not gated:
            arrays["k"][0, :, 2 * n, column] = large
            arrays["b"][0, :, column] = 0
            arrays["v"][0, :, n, column] = DOUBT / normed if behaviour == UNKNOWN else 0
        for factor, letter in enumerate(() if isinstance(behaviour, str) else behaviour):
            if letter.ask is not None:
                arrays["g"][letter.ask :: value, column] = large
                if not gated:  # the unknown token's column, which is always read
                    arrays["g"][n::value, column] = large
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


def _queries(machine: Reflections, gated: bool) -> tuple[list[NDArray[np.intp]], int]:
    """For each head the rows of the state that its query reads, and the dimension of keys.

    A base point is one row; without a decay both its copies, the unknown token's row 2n and row 2n + 1, which is always
    zero. Points that are asked for are sets of rows, filled up with such rows.
    """
    n = machine.points
    if isinstance(machine, ReflectionMachine):
        rows = [[point] if gated else [point, point + n, 2 * n, 2 * n + 1] for point in machine.base]
        return [np.array(own, dtype=np.intp) for own in rows], power_of_four(2 * n if gated else 2 * n + 2)
    assert isinstance(machine, PointMachine)
    beside = 0 if gated else 1  # the unknown token's row
    found = [machine.rows(head, beside) for head in range(machine.heads)]
    filled = [np.concatenate([own, 2 * n + np.arange(beside + fill)]) for own, fill in found]
    return filled, power_of_four(2 * n + beside + max(fill for _, fill in found))


def _readout(machine: Reflections, count: int, hidden: int, gated: bool) -> tuple[Array, Array]:
    """For each answer the sum of the entries ±1 that its state has where heads read it; and the unknown token's row.

    A head puts out ±(√n·128) in one of its n coordinates, times what the norms make of it, beside 8·√H in a behaviour's
    coordinate. The unknown token gets half of one head's. All of it times a power of 2, which rounds nothing, so that
    answers can be sampled (`sampling`). Without a decay the unknown token has a coordinate of its own in each head.
    """
    n, signs = machine.points, machine.signs
    value = n if gated else n + 1
    sharpness = np.float32(_sharpness(machine, count, hidden, gated))
    doubt = np.zeros(hidden, np.float32)
    if isinstance(machine, PointMachine):
        readout = np.zeros((n, hidden), np.float32)
        for head, sign in zip(machine.sets.T, np.repeat(signs[None], SETS, axis=0), strict=True):
            places = count + head[:, None] * value + np.arange(n)[None, :]
            readout[np.arange(n)[:, None], places] = sign[:, None] * signs[None, :]
        doubt[:count] = _doubt(machine, hidden, value)
    else:
        assert isinstance(machine, ReflectionMachine)
        readout = np.zeros((machine.group.order, hidden), np.float32)
        for head, point in enumerate(machine.base):
            columns = machine.images[:, head]
            readout[np.arange(len(readout)), count + head * value + columns] = signs[point] * signs[columns]
        if gated:
            doubt[:count] = 2.0 ** np.round(np.log2(0.5 * LARGE * np.sqrt(n) / (8 * np.sqrt(hidden))))
    if not gated:
        doubt[count + n : count + machine.heads * value : value] = 1
    return readout * sharpness, doubt * sharpness


def _doubt(machine: PointMachine, hidden: int, value: int) -> float:
    """The unknown token's weight of a behaviour: the largest power of 2 by which it has at most half of the least that
    two heads add to a right answer."""
    least = LARGE * np.sqrt(value / machine.sizes.max())
    return float(2.0 ** np.floor(np.log2(least / (8 * np.sqrt(hidden)))))


def _sharpness(machine: Reflections, count: int, hidden: int, gated: bool) -> int:
    """The power of 2, at least 16, by which the head is multiplied: the least for which, in every precision of
    `margins`, the best logit is `sampling.GAP` + log(vocabulary) above all others."""
    value = machine.points if gated else machine.points + 1
    if isinstance(machine, PointMachine):
        gaps = _gaps_of_points(machine, hidden, value, gated)
    else:
        assert isinstance(machine, ReflectionMachine)
        gaps = _gaps_of_elements(machine, hidden, value, gated)
    proved = margins(machine)
    found = {name: gaps(unit) for name, unit in UNITS.items() if proved[name]}
    gap = min((least for least, _ in found.values()), default=np.inf)
    largest = max((most for _, most in found.values()), default=0.0)
    sharpness = sampling.sharpness(float(gap), len(machine.answer_names) + count + 1)
    assert not proved["float16"] or largest * sharpness < LARGEST_HALF, "a logit overflows in float16"
    return sharpness


def _gaps_of_elements(
    machine: ReflectionMachine, hidden: int, value: int, gated: bool
) -> Callable[[float], tuple[float, float]]:
    """A unit roundoff → how far the best logit is above all others, and the largest logit.

    One head adds g = 128·√n / √(64 + B·128²·n/H) to a logit. With the relative errors of `margins` and at most eight
    roundings in g, the right element has at least B·g·(1 - e), e = (B + 2)·u, any other at most (B - 1)·g·(1 + e), the
    unknown token at most 0.7072·g·(1 + e); and after an unknown token that one has at least 0.3535·g·(1 - e), the
    others 0. Without a decay g has n + 1 in place of n, the unknown token 0, and after one it has at least
    0.999·B·g·(1 - e) and any other at most B·g·(1 + e)/32.
    """
    heads = machine.heads
    one = LARGE * np.sqrt(value) / np.sqrt(64 + heads * LARGE**2 * value / hidden)

    def gaps(unit: float) -> tuple[float, float]:
        e = (heads + 2) * unit
        right, others = heads * (1 - e), max(heads - 1, 0.7072) * (1 + e)
        doubted = 0.3535 * (1 - e) if gated else heads * (0.999 * (1 - e) - (1 + e) / 32)
        return one * (1 - 8 * unit) * min(right - others, doubted), heads * one * (1 + e) * (1 + 8 * unit)

    return gaps


def _gaps_of_points(
    machine: PointMachine, hidden: int, value: int, gated: bool
) -> Callable[[float], tuple[float, float]]:
    """The same where points are asked for.

    A head that reads m points puts out a = 128·√(v/m) for each of them. Of the right point two heads do, of any other
    at most one of these, and the norm divides all by a number between √(64 + 2a²/H) of the least and the largest a. The
    unknown token has at most half of the right one's and at least an eighth of that, undivided where gates are shut;
    after an unknown token without a decay, its own coordinate has 128·√v·0.98 in each head, and the point that is asked
    for at most a 32nd of that in each of two. Each number has at most ten roundings.
    """
    low, high = (LARGE * np.sqrt(value / size) for size in (machine.sizes.max(), machine.sizes.min()))
    least, most = (np.sqrt(64 + SETS * a**2 / hidden) for a in (low, high))
    doubt = _doubt(machine, hidden, value)
    full = LARGE * np.sqrt(value)
    divided = np.sqrt(64 + machine.heads * full**2 / hidden)

    def gaps(unit: float) -> tuple[float, float]:
        e = 10 * unit
        right = SETS * high / least
        known = low / most - 2 * e * right
        shut = doubt * np.sqrt(hidden) * (1 - e)
        unknown = full * (0.98 * machine.heads * (1 - e) - SETS * (1 + e) / 32) / divided
        return (
            float(min([known, shut] if gated else [known, shut, unknown])),
            float(max([right] if gated else [right, machine.heads * full / divided + shut])) * (1 + e),
        )

    return gaps


def margins(machine: Reflections) -> dict[str, bool]:
    """For each precision whether the logits are proved to be told apart.

    The right element's logit is a sum of B heads' equal numbers, any other's of at most B - 1 of them, the unknown
    token's 0.35 to 0.71 of one. With relative error u in each of at most B + 1 operations they stay apart if
    2(B + 2)·B·u < 1. Where points are asked for, the right one's is a sum of two, which may differ by the square root
    of the ratio r of two sets' sizes and are divided by numbers that differ by no more: 40·r·u < 1.
    """
    if isinstance(machine, PointMachine):
        ratio = float(machine.sizes.max() / machine.sizes.min())
        return {name: 4 * 10 * ratio * unit < 1 for name, unit in UNITS.items()}
    heads = machine.heads
    return {name: 2 * (heads + 2) * heads * unit < 1 for name, unit in UNITS.items()}


def reflection_fault(machine: ReflectionMachine | PointMachine) -> str | None:
    """What the exact machine does wrong, or None: checked are the start, every letter, every spelling, and, where
    points are asked for, that the read-out tells all images apart.

    Letters act on the state by a matrix from the left, so it is enough to look at what they do to the start; words of
    every length follow by induction.
    """
    identity = machine.state_by(np.arange(machine.points))
    for gated in (True, False):
        state = np.full((2 * machine.points, machine.points), 7, dtype=np.int64)
        for letter in machine.start(gated):
            state = machine.step(state, letter)
        if not np.array_equal(state, identity):
            return "the start is not the identity"
    for swap in machine.swaps:
        rows = np.arange(machine.points)
        rows[list(swap)] = rows[list(swap)[::-1]]
        flips = np.where(np.isin(np.arange(machine.points), swap), -1, 1)
        expected = flips[:, None] * state[: machine.points][rows]
        if not np.array_equal(machine.step(state, Letter(swap=swap)), np.concatenate([expected, expected])):
            return f"the letter of the transposition {swap} does not act as one"
    for element in machine.alphabet:
        reached = state
        for letter in machine.spell(element):
            reached = machine.step(reached, letter)
        if not np.array_equal(reached, machine.state_of(element)):
            return f"the spelling of element {element} is wrong"
    if isinstance(machine, PointMachine):
        reads = np.zeros((machine.points, machine.heads), dtype=np.int64)
        np.put_along_axis(reads, machine.sets, 1, axis=1)
        shared = reads @ reads.T  # what a point's logit is where another is the image
        if (shared - np.diag(np.diag(shared))).max(initial=0) >= np.diag(shared).min():
            return "the read-out confuses points"
    return None
