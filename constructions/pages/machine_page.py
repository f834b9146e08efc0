"""The page of an exact machine: its channels, its words, the truth beside it, and the series it comes from.

Every machine is described to the page in one form, whatever it was compiled from:

tokens      their names
points      what the truth acts on: `moves` (tokens × degree) says where each token takes each point, `start` what is
            followed: all points for a group (the running product as a permutation), one state for an automaton
width       how many points are followed; answers have as many
channels    modulus, layer, the earlier channels it `reads`, and a table (values of these in mixed radix × tokens): an
            entry e below the modulus adds e, an entry n + e sets the channel to e
reached     the residues of the states that words lead to, in lexicographic order, or null where these are all: else a
            channel reads all lower layers, and has a row for each of their states among these
decode      how a state is read: `states` (for each the number of a row of `answers`), or `lifts` (a permutation for
            each channel, whose powers are multiplied)
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...algebra.arithmetic.permutations import cycles
from ...algebra.depth.families import FAMILIES
from ...algebra.groups.group import Group, Subgroup
from ...algebra.groups.identify import small_group_id
from ...algebra.groups.normal_subgroups import normal_subgroups
from ...common.errors import InputError
from ...common.wording import counted
from ..cascade import Cascade
from ..factored.cascade import FactoredCascade
from .packing import packed, write_page

SCRIPTS = ("machines.js", "drawing.js", "page.js")

MAX_NODES = 30
"""Up to so many normal subgroups are drawn as a lattice; of more, the series alone."""

MAX_SEARCHED = 2_000
"""Normal subgroups are looked for in groups up to this order."""

MAX_NAME = 40
"""Characters of a token's name."""

Data = dict[str, Any]


def write_machine_page(path: Path, data: Data) -> int:
    """Write the page of a machine; returns its size in bytes. Raises `InputError`, see `packing.write_page`."""
    return write_page(path, f"{data['name']} · state tracking", "machine.html", SCRIPTS, data)


def cascade_data(cascade: Cascade, group: Group, structure: str = "", splits: Sequence[bool | None] = ()) -> Data:
    """The data of a compiled cascade's page.

    Arguments:
        structure: the group as an expression of extensions, e.g. `(C2xC2):(C3:C2)`.
        splits: for i = 1 …, whether the group splits over the i-th member of the series; empty where not known.
    """
    equals = f" = {structure}" if structure and structure != group.name else ""
    return {
        "kind": "cascade",
        "name": group.name,
        "heading": group.name + equals,
        "summary": [
            f"order {group.order:,}",
            counted(len(cascade.layers), "layer"),
            counted(len(cascade.moduli), "channel"),
            counted(len(cascade.alphabet), "token"),
        ],
        **group_points(group, cascade.alphabet),
        "answers": packed(cascade.elements),
        **_layers(cascade),
        "lattice": _lattice(cascade, group, splits),
    }


def automaton_data(cascade: Cascade) -> Data:
    """The data of the page of an automaton's cascade."""
    automaton = cascade.automaton
    assert automaton is not None, "a cascade of a group"
    accepting = automaton.accepting
    return {
        "kind": "cascade",
        "name": cascade.name,
        "heading": cascade.name,
        "summary": [
            counted(automaton.count, "state"),
            counted(automaton.width, "letter"),
            counted(len(cascade.layers), "layer"),
            counted(len(cascade.moduli), "channel"),
        ],
        "width": 1,
        "tokens": list(automaton.letters),
        "points": {
            "what": "the automaton's own state",
            "degree": automaton.count,
            "start": packed([automaton.start]),
            "moves": packed(automaton.table.T),
            "labels": list(automaton.states),
            "accepting": None if accepting is None else accepting.astype(int).tolist(),
        },
        "answers": packed(np.arange(automaton.count)),
        **_layers(cascade),
        "lattice": None,
    }


def _layers(cascade: Cascade) -> Data:
    """Layers, channels, the initial state and how states are read, of any cascade with one table a layer."""
    channels: list[Data] = []
    layers: list[Data] = []
    for number, layer in enumerate(cascade.layers, 1):
        reads = list(range(len(channels)))
        layers.append({"family": FAMILIES[layer.family].title, "carries": carried(layer.moduli)})
        if layer.resets is not None:
            counts = layer.increments[~layer.resets].any()
            layers[-1]["note"] = "tokens add, or set" if counts else "tokens set it, or leave it"
            if not counts:
                layers[-1]["carries"] = f"register of {math.prod(layer.moduli)}"
        for c, n in enumerate(layer.moduli):
            channels.append({"modulus": n, "layer": number, "reads": reads, "table": packed(layer.moves[:, :, c])})
    return {
        "layers": layers,
        "channels": channels,
        "start": [0] * len(channels),
        "reached": None if cascade.order == math.prod(cascade.moduli) else packed(cascade.residues),
        "decode": {"states": packed(cascade.decode)},
    }


def carried(moduli: Sequence[int]) -> str:
    """What a layer carries: `C2xC6`, and `C2^8` from three equal factors on."""
    counts = Counter(moduli)
    return "x".join(f"C{n}^{k}" if k > 2 else "x".join([f"C{n}"] * k) for n, k in counts.items())


def group_points(group: Group, alphabet: NDArray[np.integer]) -> Data:
    """Tokens and points of a group: the truth is the product, as a permutation."""
    return {
        "width": group.degree,
        "tokens": [_name(cycles(group.elements[x]), int(x)) for x in alphabet],
        "points": {
            "what": "the group's own product",
            "degree": group.degree,
            "start": packed(np.arange(group.degree)),
            "moves": packed(group.elements[alphabet]),
        },
    }


def _name(text: str, element: int) -> str:
    return text if len(text) <= MAX_NAME else f"#{element}"


def factored_data(cascade: FactoredCascade, order: int, series: Sequence[int] = (), structure: str = "") -> Data:
    """The data of a factored cascade's page: `series` are the orders of its members, G first."""
    names = [_name(cycles(token), x) for x, token in enumerate(cascade.alphabet)]
    family = FAMILIES[cascade.family].title
    size = f"order {order:,}" if order < 10**12 else f"order about 10^{math.log10(order):.1f}"
    equals = f" = {structure}" if structure and structure != cascade.name else ""
    return {
        "kind": "cascade",
        "name": cascade.name,
        "heading": cascade.name + equals,
        "summary": [
            size,
            counted(cascade.depth, "layer"),
            counted(len(cascade.channels), "channel"),
            counted(len(names), "token"),
        ],
        "width": cascade.degree,
        "tokens": names,
        "points": {
            "what": "the tokens' own product",
            "degree": cascade.degree,
            "start": packed(np.arange(cascade.degree)),
            "moves": packed(cascade.alphabet),
        },
        "layers": [{"family": family, "carries": carried(sorted(moduli))} for moduli in cascade.layers],
        "channels": [
            {
                "modulus": channel.modulus,
                "layer": channel.layer,
                "reads": list(channel.reads),
                "table": packed(channel.increments),
            }
            for channel in cascade.channels
        ],
        "start": [0] * len(cascade.channels),
        "reached": None,
        "decode": {"lifts": packed(np.stack([c.lift for c in cascade.channels]))},
        "lattice": _chain(series),
    }


def _chain(orders: Sequence[int]) -> Data | None:
    if not orders:
        return None
    nodes = [
        {"name": _member(i, len(orders)), "order": _order(n), "size": math.log(n), "series": i}
        for i, n in enumerate(orders)
    ]
    return {"nodes": nodes, "edges": [[i, i + 1] for i in range(len(orders) - 1)], "what": "the series"}


def _order(n: int) -> str:
    return f"{n:,}" if n < 10**7 else f"≈ 10^{round(math.log10(n))}"


def _member(i: int, count: int) -> str:
    return "G" if i == 0 else "1" if i == count - 1 else f"G{i}"


def series_of(cascade: Cascade, group: Group) -> list[Subgroup]:
    """The members of the series that a cascade was compiled from, read off the cascade: the i-th is what it decodes to
    where layers 1 … i hold nothing."""
    below = cascade.order
    members = [group.whole]
    for layer in cascade.layers:
        below //= layer.states
        members.append(group.subgroup(cascade.decode[:below].tolist()))
        if members[-1].order != below:
            raise InputError(f"the states of {cascade.name}'s layers do not decode to a subgroup of order {below}")
    return members


def _lattice(cascade: Cascade, group: Group, splits: Sequence[bool | None]) -> Data:
    """The normal subgroups as a Hasse diagram with the series in it, or where those are many the series alone."""
    series = series_of(cascade, group)
    found = list(series)
    what = "the series"
    if group.order <= MAX_SEARCHED:
        try:
            normal = normal_subgroups(group)
        except InputError:  # too many even to list
            normal = []
        known = {member.mask.tobytes() for member in series}
        others = [member for member in normal if member.mask.tobytes() not in known]
        if normal and len(series) + len(others) <= MAX_NODES:
            found += others
            what = "the normal subgroups, the series in bold" if others else "the normal subgroups: they are the series"
    places = sorted(range(len(found)), key=lambda i: (-found[i].order, i))
    nodes = []
    for i in places:
        member = found[i]
        number = i if i < len(series) else None
        node: Data = {
            "name": "" if number is None else _member(number, len(series)),
            "order": _order(member.order),
            "size": math.log(member.order),
            "series": number,
            "catalogue": _catalogue(member),
            "generators": [_name(cycles(group.elements[g]), int(g)) for g in member.generators[:6]],
            "members": packed(np.packbits(member.mask, bitorder="little")),
        }
        if number is not None and 0 < number < len(series) - 1 and number <= len(splits):
            verdict = splits[number - 1]
            node["splits"] = "not decided" if verdict is None else "yes" if verdict else "no"
        nodes.append(node)
    ordered = [found[i] for i in places]
    position = {member.mask.tobytes(): i for i, member in enumerate(ordered)}
    edges = {(position[a.mask.tobytes()], position[b.mask.tobytes()]) for a, b in pairwise(series)}
    return {"nodes": nodes, "edges": sorted(edges | set(_covers(ordered))), "what": what}


def _covers(members: Sequence[Subgroup]) -> list[tuple[int, int]]:
    """Pairs of a member and one directly below it; members come the largest first."""
    pairs = []
    for i, upper in enumerate(members):
        below = [j for j in range(i + 1, len(members)) if members[j].order < upper.order and members[j] <= upper]
        pairs += [(i, j) for j in below if not any(members[j] <= members[k] for k in below if k < j)]
    return pairs


def _catalogue(member: Subgroup) -> str:
    """`SmallGroup(12,3)`, or nothing for a subgroup beyond the catalogue."""
    if member.order == 1:
        return ""
    generators = tuple(np.searchsorted(member.members, member.generators).tolist())
    found = small_group_id(Group(member.group.elements[member.members], generators, ""))
    return f"SmallGroup({found[0]},{found[1]})" if found else ""
