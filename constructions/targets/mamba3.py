"""Weights for a stack of Mamba-3 layers in the layout of `mamba_ssm`: a solvable group to a horizon.

As many layers as the group's series has; `constructions.targets.phases` says how a layer holds its residues. Each
block is RMSNorm → Mamba-3 → RMSNorm → gated feed-forward. The residual stream has a coordinate for everything:

    0              a constant, so large that all others together change the norm by less than `phases.QUIET`; the
                   norms' weights take that back, so that every block reads the coordinates as they are
    1, 2           the first token, which writes and may come again; the unknown token, which makes the state 0
    3 …            the tokens of the alphabet, one each
    then           for each layer and line of a channel the sign ±1 that a head read there
    then           for each layer but the first and each channel the angle that is to be added, written by the
                   feed-forward network of the layer before

The feed-forward networks hold the cascade's gates: a unit is on for one combination of residues of the layers so far,
after the token, and the token. Pre-activations are odd integers times 128: SiLU is exactly 0 there or the identity.

The model runs by `models.references.mamba3`, a plain recurrence, and by mamba_ssm itself (tests/owners). Its kernel
wants heads of 8 channels at least, 16 bytes of bfloat16: all channels of a head hold the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...algebra.arithmetic.permutations import cycles
from ...common.errors import InputError
from ...common.wording import counted, short
from ..artifact import json_text, tensor_bytes
from .phases import SATURATED, UNITS, WRITTEN, Channel, PhaseMachine, softplus_inverse
from .sampling import WRONG, sharpness
from .tokenizer import tokenizer_files
from .widths import power_of_four, power_of_two

CANNOT = (
    "Groups that are not solvable: a layer is a diagonal recurrence. Words without end: every turn shrinks the state. "
    "A token that merges some states and keeps others apart: a layer forgets all of its state or nothing."
)
"""What this target cannot hold."""

CONSTANT, FIRST, UNKNOWN, TOKENS = 0, 1, 2, 3
"""Coordinates of the residual stream; those of the alphabet begin at the last."""

LOUD = 2.0**30
"""The constant coordinate."""

LARGE = 128.0
"""SiLU(±128) is 128 and 0 in every precision from bfloat16 on."""

FORGET = 2.0**14
"""All tokens but those that forget have a raw decay of -2¹⁴, and so the least A there is."""

FORGOTTEN = 256.0
"""A·Δ of a token that forgets, at least, and less than twice that: exp(-256) is 0 in float32. It is not made larger,
because the kernel adds these numbers up over a chunk: after -10⁹ the decays of the other tokens would be lost, and
-∞ gives NaN."""

SMALLEST_HEAD = 8
"""mamba_ssm's kernel reads values in bfloat16 by descriptors, which want 16 bytes."""

SIGN_ERROR = 18 * 2.0**-24
"""Half of what a sign errs by when it is read in float32."""

LARGEST_WIDTH, LARGEST_MODEL = 4096, 50_000_000
"""Of the residual stream, and of all weights together."""

MULTIPLE = 128
"""The feed-forward networks' width is a multiple of this."""

Array = NDArray[np.float32]


def mamba3(machine: PhaseMachine, resets: bool = False) -> dict[str, bytes | str]:
    """The files of a checkpoint, by name.

    Arguments:
        machine: the group as phases.
        resets: whether there are words `=x` too, which set the product to the element x.

    Raises:
        InputError: the model would be too large.
    """
    names = [cycles(row) for row in machine.group.elements]
    inner = ["<first>", *(f"<{i}>" for i in range(machine.letters))]
    spellings: dict[str, Sequence[str]] = {
        names[x]: [inner[1 + letter] for letter in word]
        for x, word in zip(machine.alphabet, machine.words, strict=True)
    }
    if resets:
        spellings |= {f"={name}": [inner[0], *tokens] for name, tokens in spellings.items()}
    layout = Layout(machine, len(names))
    files: dict[str, bytes | str] = {
        "config.json": json_text(layout.config()),
        "model.safetensors": tensor_bytes(layout.arrays()),
        "README.md": _card(machine, resets),
    }
    for name, content in tokenizer_files(inner, names, spellings, inner[:1]).items():
        files[name] = json_text(content)
    return files


class Layout:
    """Where everything stands, and the arrays.

    Arguments:
        machine: the group as phases.
        names: how many elements there are to answer with.

    Raises:
        InputError: too wide, or too many weights.
    """

    def __init__(self, machine: PhaseMachine, names: int) -> None:
        self.machine, self.channels = machine, machine.channels
        self.depth = len(self.channels)
        place = TOKENS + machine.letters
        self.signs: list[list[int]] = []  # for each layer and channel the coordinate of its first line
        for layer in self.channels:
            self.signs.append([])
            for channel in layer:
                self.signs[-1].append(place)
                place += channel.lines
        self.angles: list[list[int]] = []  # for each layer but the first and each channel
        for layer in self.channels[1:]:
            self.angles.append(list(range(place, place + len(layer))))
            place += len(layer)
        self.heads = power_of_two(max(sum(channel.lines for channel in layer) for layer in self.channels))
        self.width = power_of_four(max(place, self.heads), 16)
        self.state = max(16, 2 * power_of_two(max(len(layer) for layer in self.channels)))
        units = max((len(layer.gates) for layer in machine.layers[1:]), default=0)
        self.units = -(-max(units, 1) // MULTIPLE) * MULTIPLE
        self.vocabulary = 2 + 1 + machine.letters + names
        self.size = max(SMALLEST_HEAD, self.width // self.heads)
        self.inner = self.size * self.heads
        self.rows = 2 * self.inner + 2 * self.state + 3 * self.heads + self.state // 2
        weights = self.depth * self.width * (self.rows + self.inner + 3 * self.units) + 2 * self.vocabulary * self.width
        name = machine.group.name
        if self.width > LARGEST_WIDTH:
            raise InputError(
                f"{name}: {place:,} coordinates in the residual stream, wanted at most {LARGEST_WIDTH:,}; try "
                "--alphabet generators or a smaller group, e.g. S4"
            )
        if weights > LARGEST_MODEL:
            raise InputError(
                f"{name}: a model of {weights:,} weights, wanted at most {LARGEST_MODEL:,}; try --alphabet generators "
                "or a smaller group, e.g. S4"
            )

    def config(self) -> dict[str, Any]:
        """`config.json`: the fields of mamba_ssm's `MambaConfig`."""
        return {
            "d_model": self.width,
            "d_intermediate": self.units,
            "n_layer": self.depth,
            "vocab_size": self.vocabulary,
            "ssm_cfg": {
                "layer": "Mamba3",
                "d_state": self.state,
                "expand": self.inner // self.width,
                "headdim": self.size,
                "ngroups": 1,
                "rope_fraction": 1.0,
                "A_floor": 1e-4,
                "is_outproj_norm": True,
                "is_mimo": False,
            },
            "attn_layer_idx": [],
            "attn_cfg": {},
            "rms_norm": True,
            "residual_in_fp32": True,
            "fused_add_norm": False,
            "pad_vocab_size_multiple": 1,
            "tie_embeddings": False,
        }

    def arrays(self) -> dict[str, Array]:
        """All weights, by mamba_ssm's names."""
        found = {
            "backbone.embedding.weight": self._embedding(),
            "backbone.norm_f.weight": self._norm(),
            "lm_head.weight": self._answers(),
        }
        for i in range(self.depth):
            at = f"backbone.layers.{i}."
            fc1, fc2 = self._gates(i + 1)
            found |= {f"{at}mixer.{name}": array for name, array in self._mixer(i).items()}
            found |= {f"{at}norm.weight": self._norm(), f"{at}norm2.weight": self._norm()}
            found |= {f"{at}mlp.fc1.weight": fc1, f"{at}mlp.fc2.weight": fc2}
        return found

    def _placed(self, depth: int) -> list[tuple[int, Channel]]:
        """The channels of the first layers, each with the coordinate of its first line."""
        pairs = zip(self.signs[:depth], self.channels[:depth], strict=True)
        return [pair for places, layer in pairs for pair in zip(places, layer, strict=True)]

    def _norm(self) -> Array:
        """Makes every coordinate what it was: the root of the mean square is `LOUD`/√width."""
        root = LOUD / np.sqrt(self.width)
        weight = np.full(self.width, root, np.float32)
        weight[CONSTANT] = root / LOUD
        return weight

    def _embedding(self) -> Array:
        tokens = self.machine.letters
        embedding = np.zeros((self.vocabulary, self.width), np.float32)
        embedding[:, CONSTANT] = LOUD
        embedding[0, UNKNOWN] = 1
        embedding[2, FIRST] = 1
        embedding[3 + np.arange(tokens), TOKENS + np.arange(tokens)] = 1
        return embedding

    def _mixer(self, i: int) -> dict[str, Array]:
        heads, width, size, inner = self.heads, self.width, self.size, self.inner
        parts = np.split(
            np.zeros((self.rows, width), np.float32),
            np.cumsum([inner, inner, self.state, self.state, heads, heads, heads]),
        )
        z, x, _, _, _, decay, trapezoid, angles = parts
        z[:, CONSTANT] = 32
        decay[:, CONSTANT] = -FORGET
        trapezoid[:, CONSTANT] = 64
        steps = np.full(heads, softplus_inverse(1.0))
        keys, queries = np.zeros((heads, 1, self.state)), np.zeros((heads, 1, self.state))
        out = np.zeros((width, inner), np.float32)
        head = 0
        for c, channel in enumerate(self.channels[i]):
            for b in range(channel.lines):
                x[head * size : (head + 1) * size, FIRST] = WRITTEN
                steps[head] = softplus_inverse(channel.step)
                forgetting = 2.0 ** math.ceil(math.log2(FORGOTTEN / channel.step))
                decay[head, [FIRST, UNKNOWN]] = FORGET + forgetting
                turned = np.pi * ((1 - 2 * b) / channel.modulus - 0.5)  # sin(θ - β) = cos(θ + turned)
                keys[head, 0, 2 * c] = 1
                queries[head, 0, 2 * c : 2 * c + 2] = np.cos(turned), np.sin(turned)
                out[self.signs[i][c] + b, head * size] = 1 / 32
                head += 1
            if i:
                angles[c, self.angles[i - 1][c]] = 1
        if i == 0:
            layer = self.machine.layers[0]
            for gate, move in zip(layer.gates, layer.moves, strict=True):
                angles[: len(move), TOKENS + gate[-1]] = SATURATED * move
        return {
            "in_proj.weight": np.concatenate(parts),
            "dt_bias": steps.astype(np.float32),
            "B_bias": keys.astype(np.float32),
            "C_bias": queries.astype(np.float32),
            "B_norm.weight": np.ones(self.state, np.float32),
            "C_norm.weight": np.ones(self.state, np.float32),
            "D": np.zeros(heads, np.float32),
            "norm.weight": np.ones(inner, np.float32),
            "out_proj.weight": out,
        }

    def _gates(self, i: int) -> tuple[Array, Array]:
        """fc1 and fc2 of the block before layer i: the gates of that layer, or nothing after the last."""
        fc1, fc2 = np.zeros((2 * self.units, self.width), np.float32), np.zeros((self.width, self.units), np.float32)
        if i == self.depth:
            return fc1, fc2
        above = self._placed(i)
        fc1[: self.units, CONSTANT] = 1
        gates = fc1[self.units :]
        gates[:, CONSTANT] = -1
        layer = self.machine.layers[i]
        for unit, gate in enumerate(layer.gates):
            read = np.flatnonzero(gate[:-1] >= 0)
            for k in read:
                place, channel = above[k]
                gates[unit, place : place + channel.lines] = channel.sector(int(gate[k]))
            gates[unit, TOKENS + gate[-1]] = 2
            gates[unit, CONSTANT] = -(2 * len(read) + 1)
        gates *= LARGE
        fc2[self.angles[i - 1], : len(layer.moves)] = SATURATED * layer.moves.T / LARGE
        return fc1, fc2

    def _answers(self) -> Array:
        """A logit of 2 for each channel that fits, and one less than all for the unknown token; times a power of 2, so
        that answers can be sampled.

        With F channels a logit is a sum of 2F signs. In bfloat16 they are ±1: what a head's norm and the last one make
        of them is nearer to 1 than half a unit. In float32 a norm errs by less than (E + 8)·u and four other roundings
        by u each, so a sign by 36·u, a logit by 2F times that. So the gap is at least 1 - 8F·max(p, 18u).
        """
        head = np.zeros((self.vocabulary, self.width), np.float32)
        flat = self._placed(self.depth)
        head[0, CONSTANT] = 2 * len(flat) - 1
        names = head[self.vocabulary - len(self.machine.weights.outputs) :]
        for row, element in zip(self.machine.weights.residues, self.machine.weights.outputs, strict=True):
            for (place, channel), residue in zip(flat, row, strict=True):
                names[element, place : place + channel.lines] = channel.sector(int(residue))
        proved = [p for dtype, (_, p) in UNITS.items() if self.machine.horizon(dtype)]
        gap = min((1 - 8 * len(flat) * max(p, SIGN_ERROR) for p in proved), default=math.inf)
        return head * np.float32(sharpness(gap, self.vocabulary))


def _card(machine: PhaseMachine, resets: bool) -> str:
    group = machine.group
    example = [x for x in machine.alphabet if x][:2]
    word = " ".join(cycles(group.elements[x]) for x in example)
    product = cycles(group.elements[group.product(example)])
    setting = "\n`=x` in place of an element sets the product to x, whatever came before.\n" if resets else ""
    return f"""---
tags: [state-tracking, group-theory]
---

# {short(group.name)}, tracked by Mamba-3 to a horizon

Weights written, not trained, in the layout of mamba_ssm's `MambaLMHeadModel` with Mamba-3 layers. After the text of a
word, elements of the group in cycle notation with spaces between, the most likely next token is their product, read
from left to right: after `{short(word)}` it is `{short(product)}`. Order {group.order:,}, {len(machine.channels)}
layers.
{setting}
## What is proved

Every answer is right up to these numbers of elements since the start{" or a reset" if resets else ""}, by the dtype of
the weights: {machine.describe()}. The bound holds for the plain recurrence in float32 and for the chunked kernel of
mamba_ssm (read at e9594ce), which rounds keys, queries and raw angles to bfloat16, where its tanh is exactly ±1 at
±32. An element becomes up to {counted(machine.longest, "token")} of input, each of which turns a channel by one unit or
not at all. Longer words go wrong in the end: every turn shrinks the state. Sampled at temperature 1, an answer up to
there is wrong with a probability below {WRONG}.

That is of a text that is read at once. Decoding token by token, mamba_ssm adds up angles without reducing them, and
rounds them more and more: 6,885 times the generator of C4 came out right there, 6,886 wrong. Read long texts at once.

## What cannot be written into it

{CANNOT}
"""
