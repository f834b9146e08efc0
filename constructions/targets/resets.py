"""Weights for models whose layers keep or replace, and never turn: aperiodic automata in Mamba-2 and Qwen3-Next.

One token of these layers has eigenvalues between 0 and 1, so that no number of them tracks a group; what they can hold
for ever are cascades of *resets*: a channel keeps its residue or is set to one, depending on the token and on the
channels below (`compile --family mamba` prints them). Every aperiodic automaton has such a cascade (Krohn and Rhodes).

The residual stream has a coordinate for everything: a constant, the letters, and of each channel, for each residue but
0, whether it is held now, whether it was held before this token, and whether it is to be set; and whether the channel
is to be set at all. Residue 0 is the absence of all others, so that an empty cache is the start and padding, which is
masked to 0, does nothing. Five kinds of steps act on it:

    memory   where `fire` is on the state is replaced (decay exp(-128) = 0), elsewhere it is multiplied by exactly 1
    delay    the short convolution fetches what was held at the token before: tokens may merge states, so that gates
             have to read the layers below *before* the token
    gates    a unit for each combination of residues below and a letter: SiLU of an odd multiple of 128, which is
             exactly 0 or the identity
    answers  the same for the states of the automaton

The norms behind memory and delay make √d of whatever is held, so that no error grows from level to level, and none
with time. Qwen3-Next has feed-forward networks for gates and answers; a layer of Mamba-2 that forgets everything at
every token is one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...algebra.automata.automaton import Automaton
from ...algebra.depth.families import REGISTERS
from ...common.errors import InputError
from ...common.wording import counted
from ..artifact import json_text, tensor_bytes
from ..automata.compiler import compile_automaton
from ..verification import automaton_fault
from ..weights import Weights, weights_of
from .sampling import sharpness
from .tokenizer import PAD_TOKEN, UNKNOWN_TOKEN, letter_tokenizer
from .widths import power_of_four, power_of_two

Array = NDArray[np.float32]

CANNOT = (
    "Groups, and automata that hold one: a single token's eigenvalues lie between 0 and 1, so that a letter repeated "
    "ends up doing nothing."
)
"""What these targets cannot hold."""

LARGE = 128.0
"""SiLU(±128) is 128 and 0, sigmoid(±128) 1 and 0, softplus(±128) 128 and 0, exp(-128) is 0, from bfloat16 on."""

LOUD = 2.0**20
"""The constant coordinate: with the others beside it, each at most 1, the norm changes by less than 2⁻²⁸."""

CONSTANT = 0
TAPS = 4
"""Width of the short convolutions."""

KEYS = 4
"""Dimension of keys and of Mamba-2's state; one entry is used."""

LARGEST_WIDTH, LARGEST_MODEL = 4096, 50_000_000
"""Of the residual stream, and of all weights together."""


@dataclass(frozen=True, eq=False)
class ResetMachine:
    """An automaton as a cascade of resets.

    Arguments:
        automaton: minimal, or its reachable part where the state is the output.
        weights: of its cascade.
    """

    automaton: Automaton
    weights: Weights


class Step(NamedTuple):
    """One step: its kind, and the level of the cascade that it is about."""

    kind: str
    level: int = 0


def reset_machine(given: Automaton) -> ResetMachine:
    """The cascade of an aperiodic automaton.

    Raises:
        InputError: a group divides its monoid, or the tables would be too large.
    """
    compilation = compile_automaton(given, REGISTERS)
    fault = automaton_fault(compilation.cascade)
    if fault:
        raise AssertionError(f"the compiled cascade is wrong: {fault}")
    weights = weights_of(compilation.cascade)
    for layer in weights.layers:
        moved = layer.increments != 0
        if layer.resets is None or (moved & ~layer.resets).any():
            raise AssertionError("a cascade for Mamba turns a channel")
    return ResetMachine(compilation.automaton, weights)


class Layout:
    """Where everything stands in the residual stream.

    Arguments:
        machine: the automaton.

    Raises:
        InputError: too wide.
    """

    def __init__(self, machine: ResetMachine) -> None:
        self.machine = machine
        automaton, layers = machine.automaton, machine.weights.layers
        # After the cascade's channels, of the first level too: whether an unknown token has been read.
        self.moduli = [*machine.weights.moduli, 2]
        numbers = iter(range(len(self.moduli)))
        self.levels = [[next(numbers) for _ in layer.moduli] for layer in layers]
        self.levels[0].append(len(self.moduli) - 1)
        place = 1 + automaton.width
        self.fire = list(range(place, place + len(self.moduli)))
        place += len(self.moduli)
        self.set: list[list[int]] = []
        self.held: list[list[int]] = []
        self.before: list[list[int]] = []
        for places in (self.set, self.held, self.before):
            for n in self.moduli:
                places.append(list(range(place, place + n - 1)))
                place += n - 1
        self.answers = list(range(place, place + automaton.count))
        self.width = power_of_four(place + automaton.count, 16)
        self.vocabulary = 2 + automaton.width + automaton.count
        if self.width > LARGEST_WIDTH:
            raise InputError(
                f"{automaton.name}: {place:,} coordinates in the residual stream, wanted at most {LARGEST_WIDTH:,}; "
                "try a smaller automaton, e.g. dyck(1,3)"
            )

    @property
    def steps(self) -> list[Step]:
        """In their order."""
        found = [Step("memory", 0)]
        for level in range(1, len(self.levels)):
            found += [Step("delay", level - 1), Step("gates", level), Step("memory", level)]
        return [*found, Step("answers")]

    @property
    def heads(self) -> int:
        """The most channels of a level."""
        return max(len(level) for level in self.levels)

    @property
    def largest(self) -> int:
        """The most residues of a channel, besides 0."""
        return max(self.moduli) - 1

    def norm(self) -> Array:
        """Makes the constant 1 and leaves the other coordinates as they are."""
        root = LOUD / np.sqrt(self.width)
        weight = np.full(self.width, root, np.float32)
        weight[CONSTANT] = root / LOUD
        return weight

    def embedding(self) -> Array:
        """Letters switch on what they set in the first level; padding and answers nothing."""
        found = np.zeros((self.vocabulary, self.width), np.float32)
        found[:, CONSTANT] = LOUD
        letters = np.arange(self.machine.automaton.width)
        found[2 + letters, 1 + letters] = 1
        broken = len(self.moduli) - 1
        found[0, [self.fire[broken], *self.set[broken]]] = 1
        layer = self.machine.weights.layers[0]
        for unit, gate in enumerate(layer.gates):
            found[2 + gate[-1], self._sets(0, unit)] = 1
        return found

    def head(self) -> Array:
        """One for the state that it is, two for the unknown token once one was read."""
        found = np.zeros((self.vocabulary, self.width), np.float32)
        count = self.machine.automaton.count
        found[self.vocabulary - count + np.arange(count), self.answers] = 1
        found[0, self.held[-1]] = 2
        return found * np.float32(sharpness(0.9, self.vocabulary))

    def units(self, step: Step) -> list[tuple[Array, list[int]]]:
        """Of gates or answers: what each unit reads, an odd number that is positive where it is on, and the coordinates
        that it switches on."""
        weights = self.machine.weights
        if step.kind == "answers":
            outputs = [[self.answers[i]] for i in weights.outputs]
            return [
                (self._conjunction(case, self.held, []), places)
                for case, places in zip(weights.residues, outputs, strict=True)
            ]
        layer = weights.layers[step.level]
        found = []
        for unit, gate in enumerate(layer.gates):
            row = self._conjunction(gate[:-1], self.before, [1 + int(gate[-1])])
            found.append((row, self._sets(step.level, unit)))
        return found

    def _sets(self, level: int, unit: int) -> list[int]:
        """The coordinates that a gate of the cascade switches on."""
        layer = self.machine.weights.layers[level]
        assert layer.resets is not None
        found = []
        for j in np.flatnonzero(layer.resets[unit]):
            channel, residue = self.levels[level][j], int(layer.increments[unit, j])
            found += [self.fire[channel], *([self.set[channel][residue - 1]] if residue else [])]
        return found

    def _conjunction(self, residues: NDArray[np.int64], places: Sequence[Sequence[int]], also: list[int]) -> Array:
        row = np.zeros(self.width, np.float32)
        row[also] = 2
        row[CONSTANT] = 1 - 2 * len(also)
        for channel, residue in enumerate(residues.tolist()):
            if residue > 0:
                row[places[channel][residue - 1]] += 2
                row[CONSTANT] -= 2
            elif residue == 0:
                row[list(places[channel])] -= 2
        return row


def qwen3_next(machine: ResetMachine, resets: bool = False) -> dict[str, bytes | str]:
    """The files of a `Qwen3NextForCausalLM`, by name.

    Arguments:
        machine: the automaton.
        resets: there are none; an automaton's own letters may be such.

    Raises:
        InputError: the model would be too large.
    """
    no_resets(resets)
    plan = Layout(machine)
    blocks = [(step, _after(plan, i)) for i, step in enumerate(plan.steps) if step.kind in ("memory", "delay")]
    heads, values = plan.heads, plan.largest
    units = max(len(plan.units(step)) for _, step in blocks if step)
    arrays = {
        "model.embed_tokens.weight": plan.embedding(),
        "model.norm.weight": plan.norm() - 1,  # its norms multiply by 1 + weight
        "lm_head.weight": plan.head(),
    }
    for i, (step, gates) in enumerate(blocks):
        arrays |= _named(f"model.layers.{i}.", _delta_block(plan, step) | _feed_forward(plan, gates, units))
    arrays |= _named(f"model.layers.{len(blocks)}.", _idle_attention(plan) | _feed_forward(plan, None, units))
    config = {
        "architectures": ["Qwen3NextForCausalLM"],
        "model_type": "qwen3_next",
        "dtype": "float32",
        "vocab_size": plan.vocabulary,
        "hidden_size": plan.width,
        "intermediate_size": units,
        "num_hidden_layers": len(blocks) + 1,
        "layer_types": ["linear_attention"] * len(blocks) + ["full_attention"],
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "head_dim": ATTENTION,
        "linear_num_key_heads": heads,
        "linear_num_value_heads": heads,
        "linear_key_head_dim": KEYS,
        "linear_value_head_dim": values,
        "linear_conv_kernel_dim": TAPS,
        "num_experts": 0,
        "mlp_only_layers": list(range(len(blocks) + 1)),
        "rms_norm_eps": 1e-6,
        "max_position_embeddings": 1 << 20,
    }
    return _files(machine, "Qwen3NextForCausalLM", config, arrays)


ATTENTION = 8
"""Dimension of the one head of the attention layer that does nothing; transformers counts a cache's length by it."""


def mamba2(machine: ResetMachine, resets: bool = False) -> dict[str, bytes | str]:
    """The files of a `Mamba2ForCausalLM`, by name.

    Arguments:
        machine: the automaton.
        resets: there are none; an automaton's own letters may be such.

    Raises:
        InputError: the model would be too large.
    """
    no_resets(resets)
    plan = Layout(machine)
    steps = plan.steps
    counts = [
        len(plan.units(step)) if step.kind in ("gates", "answers") else len(plan.levels[step.level]) for step in steps
    ]
    size = power_of_two(plan.largest)
    heads = power_of_two(max(*counts, plan.width // size))
    rows = 2 * heads * size + 2 * heads * KEYS + heads
    _require_size(machine, len(steps) * plan.width * (rows + heads * size) + 2 * plan.vocabulary * plan.width)
    arrays = {
        "backbone.embeddings.weight": plan.embedding(),
        "backbone.norm_f.weight": plan.norm(),
        "lm_head.weight": plan.head(),
    }
    for i, step in enumerate(steps):
        block = {"norm.weight": plan.norm()} | _named("mixer.", _mamba_mixer(plan, step, heads, size))
        arrays |= _named(f"backbone.layers.{i}.", block)
    config = {
        "architectures": ["Mamba2ForCausalLM"],
        "model_type": "mamba2",
        "dtype": "float32",
        "vocab_size": plan.vocabulary,
        "hidden_size": plan.width,
        "num_hidden_layers": len(steps),
        "num_heads": heads,
        "head_dim": size,
        "n_groups": heads,  # each head has a norm of its own
        "state_size": KEYS,
        "expand": heads * size // plan.width,
        "conv_kernel": TAPS,
        "chunk_size": 64,
        "use_bias": False,
        "use_conv_bias": False,
        "layer_norm_epsilon": 1e-6,
        "hidden_act": "silu",
        "rms_norm": True,
        "residual_in_fp32": True,
    }
    return _files(machine, "Mamba2ForCausalLM", config, arrays)


def _after(plan: Layout, i: int) -> Step | None:
    """The gates or answers that a feed-forward network behind step i holds."""
    following = plan.steps[i + 1]
    return following if following.kind in ("gates", "answers") else None


def _read(plan: Layout, step: Step) -> list[tuple[int, list[int], list[int]]]:
    """Of memory or delay: for each channel of the level its number, what the values read, and where they go."""
    source, target = (plan.set, plan.held) if step.kind == "memory" else (plan.held, plan.before)
    return [(channel, source[channel], target[channel]) for channel in plan.levels[step.level]]


def _taps(step: Step, values: int, others: int, first: bool) -> Array:
    """The convolution's weights (channels, 1, taps): this token for all but the values of a delay."""
    found = np.zeros((values + others, 1, TAPS), np.float32)
    found[:, 0, -1] = 1
    if step.kind == "delay":
        own = slice(0, values) if first else slice(others, None)
        found[own, 0, -1], found[own, 0, -2] = 0, 1
    return found


def _delta_block(plan: Layout, step: Step) -> dict[str, Array]:
    heads, values, width = plan.heads, plan.largest, plan.width
    qkvz = np.zeros((heads, 2 * KEYS + 2 * values, width), np.float32)
    ba = np.zeros((heads, 2, width), np.float32)
    out = np.zeros((width, heads * values), np.float32)
    qkvz[:, [0, KEYS], CONSTANT] = LARGE
    qkvz[:, 2 * KEYS + values :, CONSTANT] = LARGE
    for head, (channel, source, target) in enumerate(_read(plan, step)):
        entries = np.arange(len(source))
        qkvz[head, 2 * KEYS + entries, source] = LARGE
        out[target, head * values + entries] = 1 / (LARGE * np.sqrt(values))
        ba[head, 0, CONSTANT] = -LARGE
        ba[head, :, plan.fire[channel] if step.kind == "memory" else CONSTANT] += 2 * LARGE
    return {
        "input_layernorm.weight": plan.norm() - 1,
        "linear_attn.in_proj_qkvz.weight": qkvz.reshape(-1, width),
        "linear_attn.in_proj_ba.weight": ba.reshape(-1, width),
        "linear_attn.conv1d.weight": _taps(step, heads * values, 2 * heads * KEYS, first=False),
        "linear_attn.dt_bias": np.full(heads, -LARGE, np.float32),
        "linear_attn.A_log": np.zeros(heads, np.float32),
        "linear_attn.norm.weight": np.ones(values, np.float32),
        "linear_attn.out_proj.weight": out,
    }


def _feed_forward(plan: Layout, step: Step | None, size: int) -> dict[str, Array]:
    gate, up = np.zeros((size, plan.width), np.float32), np.zeros((size, plan.width), np.float32)
    down = np.zeros((plan.width, size), np.float32)
    for unit, (row, places) in enumerate(plan.units(step) if step else []):
        gate[unit], up[unit, CONSTANT] = LARGE * row, 1
        down[places, unit] = 1 / LARGE
    return {
        "post_attention_layernorm.weight": plan.norm() - 1,
        "mlp.gate_proj.weight": gate,
        "mlp.up_proj.weight": up,
        "mlp.down_proj.weight": down,
    }


def _idle_attention(plan: Layout) -> dict[str, Array]:
    shapes = {"q": 2 * ATTENTION, "k": ATTENTION, "v": ATTENTION}
    return {
        "input_layernorm.weight": plan.norm() - 1,
        **{f"self_attn.{name}_proj.weight": np.zeros((rows, plan.width), np.float32) for name, rows in shapes.items()},
        "self_attn.o_proj.weight": np.zeros((plan.width, ATTENTION), np.float32),
        "self_attn.q_norm.weight": np.zeros(ATTENTION, np.float32),
        "self_attn.k_norm.weight": np.zeros(ATTENTION, np.float32),
    }


def _mamba_mixer(plan: Layout, step: Step, heads: int, size: int) -> dict[str, Array]:
    inner, groups, width = heads * size, heads * KEYS, plan.width
    z, x, b, c, dt = np.split(
        np.zeros((2 * inner + 2 * groups + heads, width), np.float32),
        np.cumsum([inner, inner, groups, groups]),
    )
    z[:, CONSTANT] = LARGE
    b[::KEYS, CONSTANT] = c[::KEYS, CONSTANT] = LARGE
    out = np.zeros((width, inner), np.float32)
    if step.kind in ("gates", "answers"):
        for head, (row, places) in enumerate(plan.units(step)):
            x[head * size] = LARGE * row
            out[places, head * size] = 1 / np.sqrt(size)
        dt[:, CONSTANT] = 2 * LARGE
    else:
        for head, (channel, source, target) in enumerate(_read(plan, step)):
            entries = head * size + np.arange(len(source))
            x[entries, source] = LARGE
            out[target, entries] = 1 / np.sqrt(size)
            dt[head, plan.fire[channel] if step.kind == "memory" else CONSTANT] = 2 * LARGE
    return {
        "in_proj.weight": np.concatenate([z, x, b, c, dt]),
        "conv1d.weight": _taps(step, inner, 2 * groups, first=True),
        "dt_bias": np.full(heads, -LARGE, np.float32),
        "A_log": np.zeros(heads, np.float32),
        "D": np.zeros(heads, np.float32),
        "norm.weight": np.ones(inner, np.float32),
        "out_proj.weight": out,
    }


def _named(prefix: str, arrays: dict[str, Array]) -> dict[str, Array]:
    return {f"{prefix}{name}": array for name, array in arrays.items()}


def no_resets(resets: bool) -> None:
    """Raises `InputError` where `--resets` comes with an automaton."""
    if resets:
        raise InputError("--resets goes with a group; an automaton's own letters may reset, e.g. flip-flop(2)")


def _require_size(machine: ResetMachine, weights: int) -> None:
    if weights > LARGEST_MODEL:
        raise InputError(
            f"{machine.automaton.name}: a model of {weights:,} weights, wanted at most {LARGEST_MODEL:,}; try a "
            "smaller automaton, e.g. dyck(1,3)"
        )


def _files(
    machine: ResetMachine, title: str, config: dict[str, Any], arrays: dict[str, Array]
) -> dict[str, bytes | str]:
    _require_size(machine, sum(array.size for array in arrays.values()))
    automaton = machine.automaton
    shared = {
        "tie_word_embeddings": False,
        "use_cache": True,
        "pad_token_id": 1,
        "bos_token_id": None,
        "eos_token_id": None,
    }
    files: dict[str, bytes | str] = {
        "config.json": json_text(config | shared),
        "generation_config.json": json_text({"do_sample": False, "max_new_tokens": 1, "pad_token_id": 1}),
        "model.safetensors": tensor_bytes(arrays),
        "README.md": _card(automaton, title),
    }
    for name, content in letter_tokenizer(automaton.letters, answers_of(automaton)).items():
        files[name] = json_text(content)
    return files


def answers_of(automaton: Automaton) -> list[str]:
    """What the states are called as answers; none is a letter."""
    return [f"state={name}" for name in automaton.states]


def account(machine: ResetMachine) -> tuple[str, str]:
    """What was written, for people."""
    layers, automaton = machine.weights.layers, machine.automaton
    levels = f"{counted(len(layers), 'level')} of resets, {counted(len(machine.weights.moduli), 'channel')}"
    return (
        f"{levels}; {counted(automaton.width, 'letter')}, one token each, {counted(automaton.count, 'state')}",
        "proved of the cascade: all states step rightly. A state is kept by a factor of exactly 1 and replaced by one "
        "of exactly 0: no error grows with the length",
    )


def _card(automaton: Automaton, title: str) -> str:
    return f"""---
library_name: transformers
tags: [state-tracking]
---

# {automaton.name}, tracked by {title}

Weights written, not trained: after a text of letters with spaces between, the most likely next token is the state that
the automaton is in. Letters: {", ".join(f"`{name}`" for name in automaton.letters[:20])}. What is no letter makes the
answer `{UNKNOWN_TOKEN}` from there on; `{PAD_TOKEN}` does nothing.

A cascade of channels that a token sets or leaves alone; all states were stepped with all letters. In the layers a state
that is kept is multiplied by exactly 1, and one that is replaced by exactly 0, so that no error grows with the length.

## What cannot be written into it

{CANNOT}
"""


WRITERS: dict[str, tuple[str, Callable[[ResetMachine, bool], dict[str, bytes | str]]]] = {
    "mamba2": ("Mamba2ForCausalLM (transformers)", mamba2),
    "qwen3-next": ("Qwen3NextForCausalLM (transformers)", qwen3_next),
}
"""By name: the class that runs it, and what writes it."""
