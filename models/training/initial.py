"""Where training starts: random weights, compiled ones, a saved network; made wider, and shaken.

Compiled weights in a wider network: the compiled entries go to the first channels, hidden units and readout units of
their layer. Every compiled unit gets weight 0 from everything that was added, so the network's output is that of the
compiled one, exactly; what feeds the *added* units is random, as in a fresh network, and the head does not listen to
them yet. So gradients reach the added part through the head, and nothing is lost at the start. `fill="zero"` makes the
added part zero instead (it then stays dead under gradient descent, which is useful for comparisons alone).

Scale: compiled logits count the channels that agree, and differ by 1 only. Before training, and after the noise, the
head and every deciding ψ are multiplied by `SHARPNESS`. No decision of the compiled network changes. Measured on S3
from σ = 0.03 (1000 steps, 2 seeds, Adam at 0.003): longest lengths 240-260 with factor 1, 300-400 with 2, 180-320 with
3, 180 and less with 10 (one seed), where a shaken network starts at a loss above 10.
"""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ...algebra.depth.families import ALL_FAMILIES, BLOCKS, parse_stack
from ...common import kinds
from ...common.errors import InputError
from ...common.folders import Folder
from ...common.wording import counted
from ...constructions.parameters import (
    EMBEDDING,
    HEAD_BIAS,
    HEAD_GATES_BIAS,
    HEAD_GATES_WEIGHT,
    HEAD_WEIGHT,
    in_layer,
    layer_axes,
)
from ...constructions.reading import load_machine
from ..families import Blocks
from ..layer import Layer
from ..network import DCDNetwork
from ..penalties import Frame, Penalties, frame
from .configuration import COMPILED, RANDOM, RunConfiguration
from .phi_tables import make_tables, rows_of_table
from .tasks import Lengths, Task

SHARPNESS = 2.0
GAP, MOST_SHARP = 3.0, 100.0
"""Of layers of blocks: what `sharpen` makes of the least difference of two scores, and its largest factor."""

FRAME_WORDS, FRAME_LENGTH = 64, 64
"""Of the words that show the matrices of compiled blocks."""

MOST_ANSWERS = 2**29
"""Logits of one step of training; in float32 they take 2 GiB, and as much again on the way back."""

DEFAULT_CHANNELS, DEFAULT_HIDDEN, DEFAULT_READOUT = 16, 64, 32


def initial_network(configuration: RunConfiguration, task: Task) -> DCDNetwork:
    """The network that a run starts from.

    Raises:
        InputError: the group cannot be compiled for the family, or a folder's network does not fit the run.
    """
    _require_size(configuration, task)
    if configuration.init == RANDOM:
        network = _random(configuration, task)
    else:
        network = _compiled(configuration, task) if configuration.init == COMPILED else _folder(configuration, task)
        network = network.dense()
        network = _fitted(network, configuration)
    if configuration.noise:
        generator = torch.Generator().manual_seed(seed_for(configuration, 1))
        with torch.no_grad():
            for parameter in network.parameters():
                drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.add_((configuration.noise * drawn).to(parameter.dtype))
    if configuration.compiled:
        sharpen(network)
    return network


def penalties_of(configuration: RunConfiguration, task: Task, device: str = "cpu") -> Penalties | None:
    """What a run's loss adds; None for nothing. Frames are those of the weights that it starts from, without noise; of
    random ones there are none."""
    drive, stretch = configuration.drive_penalty, configuration.stretch_penalty
    if not drive and not stretch:
        return None
    if not stretch or configuration.init == RANDOM:
        return Penalties(drive, stretch)
    network = initial_network(configuration.with_changes(noise=0.0), task)
    words = torch.from_numpy(task.training_words(FRAME_WORDS, FRAME_LENGTH, 0, 0))
    frames: list[Frame | None] = []
    for layer, seen in zip(network.layers, network.trace(words), strict=True):
        frames.append(None)
        if isinstance(layer.transition, Blocks):
            raw = layer.raw(seen.lower.flatten(0, 1), words.flatten(), network.embedding.weight)
            frames[-1] = frame(layer.transition.maps(raw.detach())[0].movedim(-1, -3).to(device))
    return Penalties(drive, stretch, frames)


def _require_size(configuration: RunConfiguration, task: Task) -> None:
    """`InputError` where the answers of one batch would not fit into memory; decided before anything is allocated."""
    length = Lengths.parse(configuration.length).high
    if configuration.batch * length * task.classes > MOST_ANSWERS:
        raise InputError(
            f"{task.name}: {task.classes:,} classes for {configuration.batch:,} words of {length:,} tokens; at most "
            f"{MOST_ANSWERS:,} logits a step are trained: smaller batch or length, or a smaller group, e.g. S6"
        )


def sharpen(network: DCDNetwork, factor: float = SHARPNESS) -> None:
    """Multiply the head and every ψ that decides by a factor: the same decisions, made more steeply.

    The points of a layer of blocks may be near each other, and the head has one unit for a state: there ψ is multiplied
    until scores differ by `GAP`, and the head until an answer that is right has a probability of 1 - 1/e^`GAP`.
    """
    blocks = any(layer.transition.family.has_blocks for layer in network.layers)
    with torch.no_grad():
        for parameter in network.head.parameters():
            parameter.mul_(max(factor, math.log(network.classes) + GAP) if blocks else factor)
        for layer in network.layers:
            if layer.specification.activation in ("hard", "softmax"):
                own = GAP / _least_gap(layer) if layer.transition.family.has_blocks else factor
                for parameter in layer.psi.parameters():
                    parameter.mul_(own)


def _least_gap(layer: Layer) -> float:
    """By how much a decision of a layer of blocks is for one of its points, rather than the next, at the least."""
    found = []
    for weight, bias in zip(
        *(part.split(layer._activation.groups) for part in (layer.psi.weight[:, layer.width :], layer.psi.bias)),
        strict=True,
    ):
        scores = weight @ weight.T + bias
        if len(scores) > 1:
            best = scores.topk(2, dim=-1).values
            found.append(float((best[:, 0] - best[:, 1]).min()))
    return max(min(found, default=GAP / SHARPNESS), GAP / MOST_SHARP)


def seed_for(configuration: RunConfiguration, purpose: int) -> int:
    """The seed of what is drawn for a purpose: 0 the initial weights, 1 the noise."""
    return int(np.random.SeedSequence([configuration.seed, purpose]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _random(configuration: RunConfiguration, task: Task) -> DCDNetwork:
    entry: dict[str, Any] = {
        "hidden": configuration.hidden or DEFAULT_HIDDEN,
        "readout": configuration.readout or DEFAULT_READOUT,
        "activation": configuration.activation or "gelu",
        "phi": "linear" if configuration.phi == "linear" else "relu",
    }
    if task.tracked.kind == "automaton":  # tokens may merge states: docs/automata.md
        entry["reads"] = "before"
    layers: list[dict[str, Any]] = [
        {
            "family": family,
            "channels": configuration.channels or ALL_FAMILIES[family].whole_blocks(DEFAULT_CHANNELS),
            **entry,
        }
        for family in configuration.families
    ]
    states, tokens = configuration.bottleneck or 1, len(task.alphabet)
    if configuration.bottleneck is not None:
        for layer in layers[:-1]:
            layer |= {"readout": states, "activation": configuration.decision}
    table = configuration.phi == "table"
    if table:
        for i, layer in enumerate(layers):
            layer["hidden"] = rows_of_table(tokens, states, i)
    size, seed = tokens if table else None, seed_for(configuration, 0)
    network = DCDNetwork(tokens, task.classes, layers, embedding_size=size, dtype=configuration.dtype, seed=seed)
    if table:
        make_tables(network, seed)
    return network


def _compiled(configuration: RunConfiguration, task: Task) -> DCDNetwork:
    from ...constructions.driver import compile_tracked

    names = list(dict.fromkeys(configuration.family.split(",")))
    stack = (BLOCKS[names[0]],) if len(names) == 1 and names[0] in BLOCKS else parse_stack(configuration.family)
    return DCDNetwork.from_parameters(*compile_tracked(task.tracked, stack).parameters())


def _folder(configuration: RunConfiguration, task: Task) -> DCDNetwork:
    folder = Folder(configuration.init)
    network = DCDNetwork.from_pretrained(folder)
    if folder.kind in kinds.COMPILED:  # a network that was trained or saved does not say what it is for
        own = load_machine(folder).tracked
        if not own.same(task.tracked):
            if own.name == task.name:
                problem = f"its alphabet ({counted(own.count, own.noun)}) is not the task's ({task.tracked.count})"
            else:
                problem = f"compiled for {own.name}, not for {task.name} (letters or products differ)"
            raise InputError(f"{folder}: {problem}; init compiled starts from weights of {task.name} itself")
    task.tracked.require_fit(network.alphabet_size, network.classes, f"{folder}: its network")
    return network


def _fitted(network: DCDNetwork, configuration: RunConfiguration) -> DCDNetwork:
    """The saved network with the run's widths, activation and precision."""
    found = network.configuration()
    wide: list[dict[str, Any]] = []
    if configuration.layers not in (None, len(found["layers"])):
        raise InputError(f"layers: the initial network has {len(found['layers'])}, wanted {configuration.layers}")
    families = configuration.with_changes(layers=len(found["layers"])).families
    for entry, family in zip(found["layers"], families, strict=True):
        if entry["family"] != family:
            raise InputError(f"family: the initial network has a layer of {entry['family']}, wanted {family}")
        new = dict(entry)
        for name in ("channels", "hidden", "readout"):
            wanted = getattr(configuration, name)
            if wanted is not None and wanted < entry[name]:
                raise InputError(
                    f"{name}: {wanted} is narrower than the initial network's {entry[name]}; wanted at least that"
                )
            new[name] = wanted or entry[name]
        added = new["readout"] - entry["readout"]
        if entry["activation"] in ("hard", "softmax"):
            new["activation"] = configuration.activation or entry["activation"]
            if new["activation"] not in ("hard", "softmax"):
                raise InputError(
                    f"activation: compiled weights decide, so wanted hard or softmax, got {new['activation']!r}"
                )
            new["groups"] = [*(entry["groups"] or [entry["readout"]]), *([added] if added else [])]
        elif configuration.activation not in (None, entry["activation"]):
            raise InputError(
                f"activation: the initial network has {entry['activation']}, got {configuration.activation!r}"
            )
        wide.append(new)
    return widened(network, wide, configuration.dtype, seed_for(configuration, 0))


def widened(
    network: DCDNetwork, layers: list[dict[str, Any]], dtype: str, seed: int, fill: Literal["random", "zero"] = "random"
) -> DCDNetwork:
    """A network with the given layers, at least as wide as `network`'s, that computes the same (see above)."""
    wide = DCDNetwork(
        network.alphabet_size,
        network.classes,
        layers,
        embedding_size=network.embedding.embedding_dim,
        dtype=dtype,
        seed=seed,
        head_gates=network.head_width,
    )
    if fill == "zero":
        with torch.no_grad():
            for parameter in wide.parameters():
                parameter.zero_()
    lower, width = torch.arange(0), 0  # where the narrow network's readouts lie among the wide one's, and all of those
    embedding = torch.arange(network.embedding.embedding_dim)
    tokens, classes = torch.arange(network.alphabet_size), torch.arange(network.classes)
    places: dict[str, tuple[Tensor, ...]] = {EMBEDDING: (tokens, embedding)}
    for i, (narrow, new) in enumerate(zip(network.specifications, wide.specifications, strict=True)):
        family = ALL_FAMILIES[narrow.family]
        components, readout = 2 if family.complex_state else 1, torch.arange(narrow.readout)
        size = family.block_size  # channel i r + j is coordinate i of the j-th of r blocks
        own = (narrow.channels // size, new.channels // size)
        along = {
            "hidden": torch.arange(narrow.hidden),
            "inputs": torch.cat([lower, width + embedding]),
            "raw": _blocks(len(family.parts) * size, *own),
            "channels": _blocks(size, *own),
            "components": torch.arange(components),
            "readout": readout,
            "reading": torch.cat([lower, width + _blocks(components * size, *own)]),
        }
        places |= {
            in_layer(i, name): tuple(along[axis] for axis in axes) for name, axes in layer_axes(narrow.family).items()
        }
        lower = torch.cat([lower, width + readout])
        width += new.readout
    if network.head_width is None:
        places |= {HEAD_WEIGHT: (classes, lower), HEAD_BIAS: (classes,)}
    else:
        cases = torch.arange(network.head_width)
        places |= {HEAD_GATES_WEIGHT: (cases, lower), HEAD_GATES_BIAS: (cases,)}
        places |= {HEAD_WEIGHT: (classes, cases), HEAD_BIAS: (classes,)}
    source, target = dict(network.named_parameters()), dict(wide.named_parameters())
    with torch.no_grad():
        for name, place in places.items():
            value = source[name].to(target[name].dtype)
            if len(place) == 1:
                target[name][place[0]] = value
            else:
                target[name][place[0]] = 0.0  # the compiled units read nothing that was added
                target[name][place[0].unsqueeze(1), place[1]] = value
    return wide


def _blocks(count: int, narrow: int, wide: int) -> Tensor:
    """Where `count` blocks of `narrow` entries lie when each block has become `wide` entries."""
    return torch.cat([torch.arange(narrow) + block * wide for block in range(count)])
