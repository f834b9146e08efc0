"""Weights of one PD-SSM layer, for the published PyTorch file: rows of P that copy coordinates.

PD-SSM (Terzić and others, *Structured Sparse Transition Matrices to Enable State Tracking in State-Space Models*,
2025; `state_tracking_PyTorch/models/pdssm.py` at 8682e78, which the layout is of) computes

    h ← D·P·h + B·x,     P: one 1 in each *row*, the arg-max of a softmax-weighted sum of a dictionary of matrices

from the first unit vector on. So a token copies: coordinate i becomes coordinate p(i) of what was. (With one 1 in each
column, as in the paper and the JAX file, coordinates would be moved, and several could meet in one.) A row can be a
value that is true or false of what was read so far, and a token says from which value each one comes:

* coordinate 0 is always 1 and coordinate 1 always 0, so that a token can set any pattern: a start, and resets;
* for each base point there is a one-hot of its image, permuted by an element. A permutation may be written in rows.

A map that merges states is no row for one-hots, as two ones would have to meet in one coordinate. What of it can be
written are conditions: each coordinate says whether the state is in some set, and a token takes it from whether the
state was in the set's preimage. That needs a coordinate for each preimage of a state, which may be exponentially many;
of groups with resets all are there already.

The dictionary has a matrix for each token. An embedding is the token's number as signs ±1, so that scores are 256
apart and the softmax is one-hot; magnitudes are sigmoids that round to 1, phases sigmoids that round to 0, B is 0. The
norm behind the layer sees as many ones in every state.
"""

from __future__ import annotations

import numpy as np

from ...algebra.arithmetic.permutations import cycles
from ...common.errors import InputError
from ..artifact import json_text, tensor_bytes
from .reflections import ReflectionMachine
from .sampling import sharpness

CANNOT = (
    "A token that merges some states and keeps others apart, by a one-hot of states: rows of P copy, and two ones "
    "cannot meet in one coordinate. (Conditions on the state can be copied; such weights are not written, but for "
    "resets.)"
)
"""What this target cannot hold."""

LARGEST_DICTIONARY = 50_000_000
"""Entries of all matrices together."""

LARGE = 128.0
"""sigmoid(±128) is 1 or 0 in float32 and float64: no decay, no phase; scores are 256 or more apart."""

FIXED = 2
"""Coordinates 0 and 1, which are always 1 and 0."""

START = "<start>"
"""The token that is put before every word."""


def pd_ssm(machine: ReflectionMachine, resets: bool = False) -> dict[str, bytes | str]:
    """The files of a folder, by name: weights by the names of the published class, `PD(**config)`.

    Tokens are the start, the alphabet's elements in order, then, with resets, the same again as `=x`.

    Arguments:
        machine: the group with its action; its spelling is not used.
        resets: whether there are tokens that set the product.

    Raises:
        InputError: the matrices are too many or too large.
    """
    n, base, group = machine.points, machine.base, machine.group
    size = FIXED + n * len(base)
    tokens = 1 + (2 if resets else 1) * len(machine.alphabet)
    if tokens * size**2 > LARGEST_DICTIONARY:
        raise InputError(
            f"{group.name}: a dictionary of {tokens * size**2:,} entries, wanted at most {LARGEST_DICTIONARY:,}; try "
            "--alphabet generators or a smaller group, e.g. S5"
        )
    starts = FIXED + np.arange(len(base)) * n
    places = starts + machine.action[:, list(base)].astype(np.intp)  # element → its coordinates, (order, base)
    copied = [_pattern(size, places[0])]
    for x in machine.alphabet:
        before = machine.action[group.inverse(x)].astype(np.intp)  # the one at image i comes from x⁻¹(i)
        copied.append(np.concatenate([np.arange(FIXED), (starts[:, None] + before[None, :]).reshape(-1)]))
    if resets:
        copied += [_pattern(size, places[x]) for x in machine.alphabet]
    dictionary = np.zeros((size, size, tokens), np.float32)
    for token, sources in enumerate(copied):
        dictionary[np.arange(size), sources, token] = LARGE
    signs = np.zeros((tokens, size), np.float32)
    bits = max(1, (tokens - 1).bit_length())
    signs[:, :bits] = 2.0 * (np.arange(tokens)[:, None] >> np.arange(bits) & 1) - 1
    readout = np.zeros((group.order, size), np.float32)
    readout[np.arange(group.order)[:, None], places] = sharpness(_gap(size, len(base)), group.order)
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
        "readout.bias": np.zeros(group.order, np.float32),
    }
    names = [cycles(group.elements[x]) for x in machine.alphabet]
    config = {
        "model_type": "pd_ssm",
        "input_size": tokens,
        "output_size": group.order,
        "embed_size": size,  # the published file works only where the two are equal
        "state_size": size,
        "dictionary_size": tokens,
        "num_layers": 1,
        "dropout_rate": 0.0,
        "return_all_outputs": True,
        "tokens": [START, *names, *([f"={name}" for name in names] if resets else [])],
        "classes": [cycles(row) for row in group.elements],
    }
    return {"config.json": json_text(config), "model.safetensors": tensor_bytes(arrays)}


def _pattern(size: int, ones: np.ndarray) -> np.ndarray:
    """From which coordinate each one is copied to become 1 at some places and 0 elsewhere."""
    sources = np.ones(size, dtype=np.intp)
    sources[ones] = 0
    sources[:FIXED] = np.arange(FIXED)
    return sources


def _gap(size: int, base: int) -> float:
    """By how much the right answer's sum leads behind the norm: one 1, over the spread of base + 1 ones among `size`;
    a thousandth is kept for rounding."""
    mean = (base + 1) / size
    return 0.999 / float(np.sqrt(mean * (1 - mean) + 1e-5))
