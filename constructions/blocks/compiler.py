"""The compiler for layers of blocks: a group and a family to a machine, its network, and the files of a folder.

    config.json, model.safetensors   the network, float64
    blocks.json                      {"format": 1, "name": …}
    group.safetensors                int32: elements (n, degree), alphabet (m,)
    manifest.json                    the digests of the others

The network is its own certificate: `proofs_check/certificates/block_checker.py` runs it, in integers, over all its
states.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.text import Text

from ...algebra.depth.blocks.actions import MOST_STATES, ORDER_LIMIT, layer_action, quotient, residual
from ...algebra.depth.blocks.depths import BlockDepth, block_answer
from ...algebra.depth.families import ALL_FAMILIES, BLOCKS, Family
from ...algebra.groups.group import Group
from ...algebra.tracked import TrackedGroup
from ...common.descent import descending
from ...common.errors import InputError
from ...common.folders import Folder, opened
from ...common.kinds import BLOCK
from ...common.wording import counted
from ..artifact import json_text, load_group, tensor_bytes
from ..compilation import Compilation
from ..compiler import read_alphabet
from ..parameters import (
    EMBEDDING,
    GATES,
    HEAD_BIAS,
    HEAD_CASES,
    HEAD_OUTPUTS,
    INITIAL_STATE,
    OUT_BIAS,
    OUT_WEIGHT,
    READOUT_BIAS,
    READOUT_WEIGHT,
    in_layer,
)
from .machine import BlockLayer, BlockMachine, after

if TYPE_CHECKING:
    from rich.console import RenderableType

    from ..weights import Weights

FORMAT = 1
"""Version of blocks.json and group.safetensors."""

MOST_ENTRIES = 1 << 26
"""Most entries of a layer's matrices, and of the machine's table."""

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, eq=False, repr=False)
class BlockCompilation(Compilation):
    """A group compiled for layers of blocks.

    Arguments:
        machine: the exact finite machine.
        family: of all its layers.
        depth: how many layers of the family the group needs, and why.
    """

    kind = BLOCK
    cascade = None

    machine: BlockMachine
    family: Family
    depth: BlockDepth

    @property
    def name(self) -> str:  # type: ignore[override]
        return self.machine.name

    @cached_property
    def tracked(self) -> TrackedGroup:
        return TrackedGroup(self.machine.group, self.machine.alphabet)

    @property
    def weights(self) -> Weights:
        raise InputError(f"{self.name} is compiled for blocks, not for phases: its parameters are .network()'s own")

    def parameters(self) -> tuple[dict[str, Any], Arrays]:
        return network_parameters(self.machine)

    def fault(self) -> str | None:
        return self.machine.fault()

    @property
    def cases(self) -> str:
        return self.machine.cases

    def files(self) -> dict[str, bytes | str]:
        config, arrays = self.parameters()
        group = {
            "elements": self.machine.group.elements.astype(np.int32),
            "alphabet": self.machine.alphabet.astype(np.int32),
        }
        return {
            "config.json": json_text(config),
            "model.safetensors": tensor_bytes(arrays),
            "blocks.json": json_text({"format": FORMAT, "name": self.name}),
            "group.safetensors": tensor_bytes(group),
        }

    def title(self) -> str:
        layers, tokens = counted(len(self.machine.layers), "layer"), counted(len(self.machine.alphabet), "token")
        return f"{self.name}: order {self.machine.group.order:,}, {layers} of {self.family.title}, {tokens}"

    def layer_lines(self) -> list[str]:
        return [
            f"layer {i}: carries a factor of order {layer.action.group.order:,} by "
            f"{counted(len(layer.action.blocks), 'block')}, {counted(len(layer.action.states), 'state')}"
            for i, layer in enumerate(self.machine.layers, 1)
        ]

    def account(self, width: int) -> Iterator[RenderableType]:
        """What each layer carries, and by which cover."""
        for line, layer in zip(self.layer_lines(), self.machine.layers, strict=True):
            yield Text(line)
            yield from (Text(f"  {part}") for part in layer.action.parts)
        if self.machine.is_exact:
            yield Text("matrices and states have dyadic entries: nothing is rounded")
        else:
            yield Text("some matrices are irrational: `certify` proves up to which length the network is right")
        yield Text(f"layers needed: {self.depth.text}: {self.depth.reason}")

    def draw(self, path: Path) -> None:
        raise InputError(f"{self.name}: pictures show phases of diagonal layers; leave --family out, or take `inspect`")

    def page(self) -> dict[str, Any]:
        raise InputError(f"{self.name}: a page runs diagonal layers; leave --family out for one")


def load_block_group(given: str | Path | Folder) -> tuple[Group, NDArray[np.int32]]:
    """The group of such a folder, and the element of each token, shape (m,). Nothing of the network is looked at.

    Raises:
        InputError: a file is missing or damaged, or does not belong to the others.
    """
    return load_group(opened(given), BLOCK, "blocks.json", FORMAT, f"compile S3 --family {next(iter(BLOCKS))}")


def compile_blocks(group: Group, family: Family, alphabet: str | Sequence[int] | None = None) -> BlockCompilation:
    """Compile a group for layers of blocks.

    Arguments:
        group: any listed group.
        family: one of `algebra.depth.families.BLOCKS`.
        alphabet: as for `compile_group`.

    Raises:
        InputError: the family cannot track the group (with the reason and one that can), no cover of it is constructed
            here, or it is too large.

    Example:
        >>> from subnormal.algebra.input.parser import list_group
        >>> compile_blocks(list_group("A5"), BLOCKS["block-3"]).machine.states
        60
    """
    if group.order == 1:
        raise InputError(f"{group.name} is trivial: 0 layers track it, there is nothing to compile; try C2")
    if group.order > ORDER_LIMIT:
        raise InputError(f"{group.name}: order {group.order:,}; blocks are written up to {ORDER_LIMIT:,}, e.g. S6")
    answer = block_answer(group)
    depth = answer.by_key()[family.key]
    if depth.least is None:
        able = next((row.kind.name for row in answer.rows if row.least is not None), None)
        way = f"`--family {able}` can" if able else f"`compile '{group.name}' --target delta` may do"
        raise InputError(f"no number of layers of {family.title} tracks {group.name}: {depth.reason}; {way}")
    tokens = read_alphabet(group, alphabet)
    series = list(descending(group.whole, lambda member: _lower(member, family)))
    if series[-1].order > 1:
        raise InputError(
            f"{group.name}: {depth.text} layers of {family.title} track it, but no cover of a group of order "
            f"{series[-1].order} in it is constructed here; `compile '{group.name}' --target olmo-hybrid` writes it"
        )
    representatives = np.zeros(1, dtype=np.intp)  # of the states below
    following = np.zeros((1, len(tokens)), dtype=np.int64)
    inverses = group.inverses
    layers = []
    for upper, lower in pairwise(series):
        own = upper.as_group()
        below = own.subgroup(np.searchsorted(upper.members, lower.generators))
        factor, labels = quotient(own, below)
        action = layer_action(factor, family)
        _require_size(group, action.states, following.size, family, len(action.blocks))
        cosets = np.full(group.order, -1)
        cosets[upper.members] = labels
        section = upper.members[np.array([int(np.argmax(labels == a)) for a in range(factor.order)])]
        moved = group.multiply(representatives[:, None], tokens[None, :])
        letters = cosets[group.multiply(moved, inverses[representatives[following]])]
        by_after = np.empty_like(letters)
        np.put_along_axis(by_after, following, letters, axis=0)
        layer = BlockLayer(family.name, action, section, by_after.astype(np.int32))
        layers.append(layer)
        following = after(layer, following)
        held = section[action.labels]
        representatives = group.multiply(held[None, :], representatives[:, None]).ravel()
    return BlockCompilation(BlockMachine(group, tokens, tuple(layers)), family, depth)


def _lower(member: Any, family: Family) -> Any:
    """The next member of the series: what one layer does not carry of this one."""
    own = member.as_group()
    return member.group.subgroup(member.members[list(residual(own, family).generators)])


def _require_size(group: Group, states: NDArray, lower: int, family: Family, blocks: int) -> None:
    entries = max(lower * len(states), lower * blocks * family.block_size**2)
    if entries > MOST_ENTRIES or len(states) > MOST_STATES:
        raise InputError(
            f"{group.name}: {len(states):,} states of a layer over {lower:,} choices of what is below and the token "
            f"exceed {MOST_ENTRIES:,} entries; try --alphabet generators"
        )


def network_parameters(machine: BlockMachine) -> tuple[dict[str, Any], Arrays]:
    """The configuration and the parameters (float64, int32) of the compact network, by the names in
    `constructions/parameters.py`.

    Channel i·r + j is coordinate i of block j, of r blocks. ψ scores each point p of a block by p·h - |p|²/2.
    """
    tokens = len(machine.alphabet)
    arrays: Arrays = {EMBEDDING: np.zeros((tokens, 0))}
    layers = []
    below = np.zeros((1, 0), dtype=np.int32)
    width = 0
    for i, layer in enumerate(machine.layers):
        family, blocks = ALL_FAMILIES[layer.family], layer.action.blocks
        m, r = family.block_size, len(blocks)
        gates = np.concatenate(
            [np.repeat(below, tokens, axis=0), np.tile(np.arange(tokens, dtype=np.int32), len(below))[:, None]], axis=1
        )
        letters = layer.letters.ravel()
        matrices = np.stack([block.matrices[letters] for block in blocks], axis=-1)  # units, m, m, r
        parts: list[NDArray[Any]] = []
        for row in range(m):
            own = matrices[:, row].reshape(len(letters), m * r).T
            parts += [own.real, own.imag] if family.complex_state else [own]
        nothing = np.zeros((m * r, len(letters)))
        out = np.concatenate([*parts, *[nothing] * (2 if family.complex_state else 1)])
        sizes = [len(block.points) for block in blocks]
        d = m * r
        psi, bias = np.zeros((sum(sizes), width + (2 if family.complex_state else 1) * d)), np.zeros(sum(sizes))
        initial = np.zeros((m, r), dtype=np.complex128 if family.complex_state else np.float64)
        first = 0
        for j, block in enumerate(blocks):
            rows = slice(first, first + sizes[j])
            psi[rows, width + j : width + d : r] = block.points.real
            if family.complex_state:
                psi[rows, width + d + j :: r] = block.points.imag
            bias[rows] = -0.5 * (block.points.real**2 + block.points.imag**2).sum(axis=1)  # exact where points are
            initial[:, j] = block.points[0]
            first += sizes[j]
        flat = initial.ravel()
        arrays |= {
            in_layer(i, GATES): gates.astype(np.int32),
            in_layer(i, OUT_WEIGHT): np.ascontiguousarray(out),
            in_layer(i, OUT_BIAS): np.zeros(len(out)),
            in_layer(i, INITIAL_STATE): np.stack([flat.real, flat.imag], axis=1) if family.complex_state else flat,
            in_layer(i, READOUT_WEIGHT): psi,
            in_layer(i, READOUT_BIAS): bias,
        }
        layers.append(
            {
                "family": layer.family,
                "channels": d,
                "hidden": len(gates),
                "readout": len(psi),
                "activation": "hard",
                "groups": sizes,
                "phi": "gates",
            }
        )
        own_states = layer.action.states
        below = np.concatenate(
            [np.repeat(below, len(own_states), axis=0), np.tile(own_states, (len(below), 1))], axis=1
        )
        width += len(psi)
    order = machine.group.order
    arrays |= {
        HEAD_CASES: machine.points.astype(np.int32),
        HEAD_OUTPUTS: machine.decode.astype(np.int32),
        HEAD_BIAS: np.zeros(order),
    }
    return {
        "alphabet_size": tokens,
        "classes": order,
        "layers": layers,
        "embedding_size": 0,
        "dtype": "float64",
        "head_cases": machine.states,
    }, arrays
