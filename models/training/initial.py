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

from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from ...algebra.automata.automaton import Automaton
from ...algebra.input.parser import parse_machine
from ...common.errors import InputError
from ...common.kinds import AUTOMATON, DAMAGED, DELTA, FACTORED, LISTED, TRAINED, kind_of
from ...common.reading import read_json
from ...constructions.parameters import (
    EMBEDDING,
    FAMILY_PARAMETERS,
    HEAD_BIAS,
    HEAD_WEIGHT,
    in_layer,
    layer_axes,
)
from ..network import DCDNetwork
from .configuration import COMPILED, RANDOM, RunConfiguration
from .letters import LetterDraw
from .phi_tables import make_tables, rows_of_table
from .tasks import Task, automaton_task, make_task

SHARPNESS = 2.0
DEFAULT_CHANNELS, DEFAULT_HIDDEN, DEFAULT_READOUT = 16, 64, 32


def task_of(configuration: RunConfiguration) -> Task:
    """The task that a run is trained on."""
    asked = parse_machine(configuration.group)
    if isinstance(asked, Automaton):
        letters = LetterDraw.parse(configuration.letters)
        return automaton_task(asked, configuration.alphabet, configuration.hold_out, letters)
    if LetterDraw.parse(configuration.letters).kind == "share":
        raise InputError(f"letters: {configuration.letters} is for automata, {configuration.group} is a group")
    return make_task(asked.listed(), configuration.alphabet, configuration.hold_out)


def saved_task(folder: Path) -> Task:
    """The task of a folder written by `train` or `compile`.

    Raises:
        InputError: the folder is of neither kind, or damaged.
    """
    from ...constructions.artifact import load_cascade
    from ...constructions.automata.artifact import load_automaton
    from ...constructions.targets.own_delta import load_delta_group

    kind = kind_of(folder)
    if kind == TRAINED:
        return task_of(RunConfiguration.of_record(read_json(folder / "task.json", dict[str, Any])))
    if kind == AUTOMATON:
        machine, _ = load_automaton(folder)
        assert machine.automaton is not None
        return Task(machine.automaton, machine.alphabet)
    if kind == DELTA:
        return Task(*load_delta_group(folder))
    cascade, group, _ = load_cascade(folder)
    return Task(group, cascade.alphabet)


def initial_network(configuration: RunConfiguration, task: Task) -> DCDNetwork:
    """The network that a run starts from.

    Raises:
        InputError: the group cannot be compiled for the family, or a folder's network does not fit the run.
    """
    if configuration.init == RANDOM:
        network = _random(configuration, task)
    else:
        network = _compiled(configuration, task) if configuration.init == COMPILED else _folder(configuration, task)
        network = network.dense()
        network = _fitted(network, configuration)
    if configuration.noise:
        generator = torch.Generator().manual_seed(_seed(configuration, 1))
        with torch.no_grad():
            for parameter in network.parameters():
                drawn = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
                parameter.add_((configuration.noise * drawn).to(parameter.dtype))
    if configuration.compiled:
        sharpen(network)
    return network


def sharpen(network: DCDNetwork, factor: float = SHARPNESS) -> None:
    """Multiply the head and every ψ that decides by a factor: the same decisions, made more steeply."""
    with torch.no_grad():
        for parameter in network.head.parameters():
            parameter.mul_(factor)
        for layer in network.layers:
            if layer.specification.activation in ("hard", "softmax"):
                for parameter in layer.psi.parameters():
                    parameter.mul_(factor)


def _seed(configuration: RunConfiguration, purpose: int) -> int:
    return int(np.random.SeedSequence([configuration.seed, purpose]).generate_state(1, np.uint64)[0] >> np.uint64(1))


def _random(configuration: RunConfiguration, task: Task) -> DCDNetwork:
    entry = {
        "channels": configuration.channels or DEFAULT_CHANNELS,
        "hidden": configuration.hidden or DEFAULT_HIDDEN,
        "readout": configuration.readout or DEFAULT_READOUT,
        "activation": configuration.activation or "gelu",
        "phi": "linear" if configuration.phi == "linear" else "relu",
    }
    if isinstance(task.group, Automaton):  # tokens may merge states: docs/automata.md
        entry["reads"] = "before"
    layers: list[dict[str, Any]] = [{"family": family, **entry} for family in configuration.families]
    states, tokens = configuration.bottleneck or 1, len(task.alphabet)
    if configuration.bottleneck is not None:
        for layer in layers[:-1]:
            layer |= {"readout": states, "activation": configuration.decision}
    table = configuration.phi == "table"
    if table:
        for i, layer in enumerate(layers):
            layer["hidden"] = rows_of_table(tokens, states, i)
    size, seed = tokens if table else None, _seed(configuration, 0)
    network = DCDNetwork(tokens, task.classes, layers, embedding_size=size, dtype=configuration.dtype, seed=seed)
    if table:
        make_tables(network, seed)
    return network


def _compiled(configuration: RunConfiguration, task: Task) -> DCDNetwork:
    from ...algebra.depth.families import parse_stack
    from ...constructions.compiler import compile_group
    from ..compiled import network_of

    if isinstance(task.group, Automaton):
        from ...constructions.automata.compiler import compile_automaton
        from ...constructions.weights import weights_of

        return network_of(weights_of(compile_automaton(task.group, *parse_stack(configuration.family)).cascade))
    return network_of(compile_group(task.group, parse_stack(configuration.family), task.alphabet.tolist()).weights)


def _folder(configuration: RunConfiguration, task: Task) -> DCDNetwork:
    folder = Path(configuration.init)
    network = DCDNetwork.from_pretrained(folder)
    if isinstance(task.group, Automaton):
        _same_automaton(folder, task.group)
    elif kind_of(folder) in (*LISTED, FACTORED, AUTOMATON, DAMAGED):
        from ...constructions.artifact import load_cascade

        cascade, group, _ = load_cascade(folder)
        if group.order != task.group.order or not np.array_equal(group.table, task.group.table):
            raise InputError(
                f"{folder}: compiled for {group.name}, not for {task.group.name} (its multiplication table differs)"
            )
        if not np.array_equal(cascade.alphabet, task.alphabet):
            raise InputError(
                f"{folder}: its alphabet ({len(cascade.alphabet)} tokens) is not the task's ({len(task.alphabet)})"
            )
    if (network.alphabet_size, network.classes) != (len(task.alphabet), task.classes):
        raise InputError(
            f"{folder}: a network of {network.alphabet_size} tokens and {network.classes} classes; "
            f"{task.name} here has {len(task.alphabet)} and {task.classes}"
        )
    return network


def _same_automaton(folder: Path, automaton: Automaton) -> None:
    """InputError where a compiled folder is for another automaton; a trained one does not say what it is for."""
    if kind_of(folder) in (*LISTED, FACTORED, AUTOMATON, DAMAGED):
        from ...constructions.automata.artifact import load_automaton

        own = load_automaton(folder)[0].automaton
        if own is None or not np.array_equal(own.table, automaton.table):
            raise InputError(f"{folder}: compiled for another automaton than {automaton.name}")


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
    return widened(network, wide, configuration.dtype, _seed(configuration, 0))


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
        family = FAMILY_PARAMETERS[narrow.family]
        components, readout = 2 if family.complex_state else 1, torch.arange(narrow.readout)
        along = {
            "hidden": torch.arange(narrow.hidden),
            "inputs": torch.cat([lower, width + embedding]),
            "raw": _blocks(len(family.parts), narrow.channels, new.channels),
            "channels": torch.arange(narrow.channels),
            "components": torch.arange(components),
            "readout": readout,
            "reading": torch.cat([lower, width + _blocks(components, narrow.channels, new.channels)]),
        }
        places |= {
            in_layer(i, name): tuple(along[axis] for axis in axes) for name, axes in layer_axes(narrow.family).items()
        }
        lower = torch.cat([lower, width + readout])
        width += new.readout
    places |= {HEAD_WEIGHT: (classes, lower), HEAD_BIAS: (classes,)}
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
