"""Weights of one PD-SSM layer, for the published PyTorch file: rows of P that copy coordinates.

PD-SSM (Terzić and others, *Structured Sparse Transition Matrices to Enable State Tracking in State-Space Models*,
2025; `state_tracking_PyTorch/models/pdssm.py` at 8682e78, which the layout is of) computes

    h ← D·P·h + B·x,     P: one 1 in each *row*, the arg-max of a softmax-weighted sum of a dictionary of matrices

from the first unit vector on. So a token copies: coordinate i becomes coordinate p(i) of what was. (With one 1 in each
column, as in the paper and the JAX file, coordinates would be moved, and several could meet in one.) A row can be a
value that is true or false of what was read so far, and a token says from which value each one comes:

* coordinate 0 is always 1 and coordinate 1 always 0, so that a token can set any pattern: a start, and resets;
* for each base point there is a one-hot of its image, permuted by an element. A permutation may be written in rows.
  Where points are asked for, there is one for each point, as long as its orbit, and one more into which a question
  copies that of its point; it says that nothing is asked after all other tokens.

A map that merges states is no row for one-hots, as two ones would have to meet in one coordinate. As conditions on the
state it is: `preimages.py` has a coordinate for each set of states that is the preimage of a state under a word, so
that automata are written whatever their letters merge, as far as there are not too many such sets.

The dictionary has a matrix for each token. An embedding is the token's number as signs ±1, so that scores are 256
apart and the softmax is one-hot; magnitudes are sigmoids that round to 1, phases sigmoids that round to 0, B is 0. The
norm behind the layer sees as many ones in every state.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from ...algebra.arithmetic.permutations import cycles, point_orbits
from ...algebra.automata.automaton import Automaton
from ...common.errors import InputError
from ..artifact import json_text, tensor_bytes
from .points import PointMachine
from .preimages import FIXED, ONE, ZERO, PreimageMachine, preimage_machine
from .reflections import ReflectionMachine
from .resets import answers_of, no_resets
from .sampling import sharpness

CANNOT = (
    "An automaton whose states have very many sets as preimages under words, up to 2ⁿ - 2: rows of P copy, so that "
    "what merges states is written by conditions, one coordinate for each such set."
)
"""What this target cannot hold."""

LARGEST_DICTIONARY = 50_000_000
"""Entries of all matrices together."""

LARGE = 128.0
"""sigmoid(±128) is 1 or 0 in float32 and float64: no decay, no phase; scores are 256 or more apart."""

NO_QUESTION = "[UNK]"
"""The answer where no point is asked for."""

START = "<start>"
"""The token that is put before every word."""


def of_automaton(given: Automaton) -> PreimageMachine:
    """The sets of states whose values are kept. Raises `InputError`: their dictionary would be too large."""
    return preimage_machine(given, math.isqrt(LARGEST_DICTIONARY // (1 + given.width)))


def _orbits(machine: PointMachine) -> list[NDArray[np.intp]]:
    """For each point the points that it can be moved to, sorted."""
    found = {int(point): orbit for orbit in point_orbits(machine.action) for point in orbit}
    return [found[point] for point in range(machine.points)]


def size_of(machine: PointMachine) -> int:
    """Coordinates of the state: the fixed ones, a one-hot for each point, and the one that is answered with."""
    return FIXED + sum(map(len, _orbits(machine))) + machine.points + 1


def _of_points(machine: PointMachine, resets: bool) -> dict[str, bytes | str]:
    n, orbits = machine.points, _orbits(machine)
    size, questions = size_of(machine), machine.questions
    _require_small(machine.group.name, 1 + (2 if resets else 1) * len(machine.alphabet) + len(questions), size)
    starts = FIXED + np.cumsum([0, *map(len, orbits)])
    answer = int(starts[-1])  # n places, and the one for no question
    place = [
        {int(q): int(start) + i for i, q in enumerate(orbit)} for start, orbit in zip(starts[:-1], orbits, strict=True)
    ]

    def pattern(permutation: NDArray[np.integer]) -> NDArray[np.intp]:
        ones = [place[p][int(permutation[p])] for p in range(n)]
        return _pattern(size, np.array([*ones, answer + n]))

    quiet = np.full(n + 1, ZERO, dtype=np.intp)
    quiet[n] = ONE
    copied = [pattern(np.arange(n))]
    for row in machine.action:
        before = np.argsort(row)  # the one at image i comes from x⁻¹(i)
        moved = [place[p][int(before[q])] for p in range(n) for q in orbits[p]]
        copied.append(np.concatenate([np.arange(FIXED), moved, quiet]).astype(np.intp))
    if resets:
        copied += [pattern(row) for row in machine.action]
    for letter in questions.values():
        assert letter.ask is not None
        asked = [place[letter.ask].get(q, ZERO) for q in range(n)]
        copied.append(np.concatenate([np.arange(answer), asked, [ZERO]]).astype(np.intp))
    names = [*machine.letter_names, *([f"={name}" for name in machine.letter_names] if resets else []), *questions]
    return _files(copied, answer + np.arange(n + 1)[:, None], n + 1, names, [*machine.answer_names, NO_QUESTION])


def _require_small(name: str, tokens: int, size: int) -> None:
    if tokens * size**2 > LARGEST_DICTIONARY:
        raise InputError(
            f"{name}: a dictionary of {tokens * size**2:,} entries, wanted at most {LARGEST_DICTIONARY:,}; try "
            "--target olmo-hybrid, --alphabet generators or a smaller group, e.g. S5"
        )


def pd_ssm(machine: ReflectionMachine | PointMachine | PreimageMachine, resets: bool = False) -> dict[str, bytes | str]:
    """The files of a folder, by name: weights by the names of the published class, `PD(**config)`.

    Tokens are the start, the alphabet's elements in order, then, with resets, the same again as `=x`; of an automaton
    the start and its letters.

    Arguments:
        machine: the group with its action; its spelling is not used. Or an automaton by preimages. Questions for
            points, if any, stand behind the tokens that set the product.
        resets: whether there are tokens that set the product.

    Raises:
        InputError: the matrices are too many or too large.
    """
    if isinstance(machine, PreimageMachine):
        no_resets(resets)
        automaton = machine.automaton
        start = np.where(machine.values[:, automaton.start], ONE, ZERO)
        return _files(
            [start, *machine.sources], machine.single[:, None], int(machine.values[FIXED:, 0].sum()),
            list(automaton.letters), answers_of(automaton),
        )  # fmt: skip
    if isinstance(machine, PointMachine):
        return _of_points(machine, resets)
    n, base, group = machine.points, machine.base, machine.group
    size = FIXED + n * len(base)
    _require_small(group.name, 1 + (2 if resets else 1) * len(machine.alphabet), size)
    starts = FIXED + np.arange(len(base)) * n
    places = starts + machine.action[:, list(base)].astype(np.intp)  # element → its coordinates, (order, base)
    copied = [_pattern(size, places[0])]
    for x in machine.alphabet:
        before = machine.action[group.inverse(x)].astype(np.intp)  # the one at image i comes from x⁻¹(i)
        copied.append(np.concatenate([np.arange(FIXED), (starts[:, None] + before[None, :]).reshape(-1)]))
    if resets:
        copied += [_pattern(size, places[x]) for x in machine.alphabet]
    names = [cycles(group.elements[x]) for x in machine.alphabet]
    return _files(
        copied, places, len(base), [*names, *([f"={name}" for name in names] if resets else [])],
        [cycles(row) for row in group.elements],
    )  # fmt: skip


def _files(
    copied: list[NDArray[np.intp]], places: NDArray[np.intp], ones: int, names: list[str], classes: list[str]
) -> dict[str, bytes | str]:
    """The folder.

    Arguments:
        copied: for each token, the start first, from which coordinate each one is copied.
        places: (classes, r): the r coordinates whose sum tells a class.
        ones: coordinates that are 1 in every state, beside the fixed one.
        names: of the tokens behind the start.
        classes: names of the answers.
    """
    tokens, size = len(copied), len(copied[0])
    dictionary = np.zeros((size, size, tokens), np.float32)
    for token, sources in enumerate(copied):
        dictionary[np.arange(size), sources, token] = LARGE
    signs = np.zeros((tokens, size), np.float32)
    bits = max(1, (tokens - 1).bit_length())
    signs[:, :bits] = 2.0 * (np.arange(tokens)[:, None] >> np.arange(bits) & 1) - 1
    readout = np.zeros((len(classes), size), np.float32)
    readout[np.arange(len(classes))[:, None], places] = sharpness(_gap(size, ones), len(classes))
    both = np.zeros((size, 2 * size), np.float32)
    both[:, :size] = np.eye(size)
    block = {
        "norm.weight": np.ones(size, np.float32),
        "norm.bias": np.zeros(size, np.float32),
        "S.weight": LARGE * signs,
        "A_dict": dictionary,
        "B_re": np.zeros((size, size), np.float32),
        "B_im": np.zeros((size, size), np.float32),
        "D": np.zeros(size, np.float32),
        "readout.weight": both,
        "readout.bias": np.zeros(size, np.float32),
    }
    for name, bias in (("D_magnitude_generator", LARGE), ("D_phase_generator", -LARGE)):
        block |= {
            f"{name}.0.weight": np.zeros((2 * size, size), np.float32),
            f"{name}.0.bias": np.zeros(2 * size, np.float32),
            f"{name}.2.weight": np.zeros((size, 2 * size), np.float32),
            f"{name}.2.bias": np.full(size, bias, np.float32),
        }
    arrays = {f"blocks.0.{name}": array for name, array in block.items()}
    arrays |= {
        "embedding.weight": signs,
        "readout.weight": readout,
        "readout.bias": np.zeros(len(classes), np.float32),
    }
    config = {
        "model_type": "pd_ssm",
        "input_size": tokens,
        "output_size": len(classes),
        "embed_size": size,  # the published file works only where the two are equal
        "state_size": size,
        "dictionary_size": tokens,
        "num_layers": 1,
        "dropout_rate": 0.0,
        "return_all_outputs": True,
        "tokens": [START, *names],
        "classes": classes,
    }
    return {"config.json": json_text(config), "model.safetensors": tensor_bytes(arrays)}


def _pattern(size: int, ones: np.ndarray) -> np.ndarray:
    """From which coordinate each one is copied to become 1 at some places and 0 elsewhere."""
    sources = np.ones(size, dtype=np.intp)
    sources[ones] = 0
    sources[:FIXED] = np.arange(FIXED)
    return sources


def _gap(size: int, ones: int) -> float:
    """By how much the right answer's sum leads behind the norm: one 1, over the spread of ones + 1 ones among `size`;
    a thousandth is kept for rounding."""
    mean = (ones + 1) / size
    return 0.999 / float(np.sqrt(mean * (1 - mean) + 1e-5))
