"""Weights of our own network with one delta-rule layer (`delta-1` … `delta-4`), for groups of any kind.

The state is a vector of R^{2n} that the group permutes: the numbers 1 … n twice over. Keys may have both signs here,
so the transposition of a and b is the reflection in (e_a - e_b + e_{a+n} - e_{b+n})/2, and an element needs points -
cycles of them. All numbers are integers and halves: floating-point arithmetic is exact.

    config.json, model.safetensors   the network, float64
    group.json                       {"format": 1, "name": …}
    group.safetensors                int32: elements (n, degree), alphabet (m,)
    manifest.json                    the digests of the others
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...algebra.depth.families import REFLECTIONS
from ...algebra.groups.group import Group
from ...common.errors import InputError
from ...common.folders import Folder, opened
from ...common.kinds import DELTA
from ..artifact import json_text, load_group, tensor_bytes
from .reflections import ReflectionMachine
from .sampling import sharpness

CANNOT = "Elements that are products of more than four transpositions of the points; tokens that merge states."
"""What this target cannot hold."""

MOST_FACTORS = max(REFLECTIONS)
"""Of the families `delta-1` … `delta-4`."""

FORMAT = 1
"""Version of group.json and group.safetensors."""

SATURATED = 800.0
"""sigmoid(±800) is exactly 1 and 0 in float64."""


def own_delta(machine: ReflectionMachine, resets: bool = False) -> dict[str, bytes | str]:
    """The files of a `DCDNetwork` and its group, by name. Tokens are the alphabet, classes the elements.

    Raises:
        InputError: an element is a product of no fewer than five transpositions, or resets are asked for.
    """
    name, n, order = machine.group.name, machine.points, machine.group.order
    if resets:
        raise InputError(
            "--resets goes with olmo-hybrid, deltaproduct, pd-ssm or mamba3; our own delta-rule network has none"
        )
    words = [_swaps(machine.action[x]) for x in machine.alphabet]
    factors = max(1, *(len(word) for word in words))
    if factors > MOST_FACTORS:
        raise InputError(
            f"{name}: an element is a product of {factors} transpositions, and at most {MOST_FACTORS} are written, as "
            "in S5 or A5; --target olmo-hybrid or pd-ssm takes more, or an alphabet of simpler elements with --alphabet"
        )
    d, m = 2 * n, len(words)
    raw = np.zeros((m, 2 * factors + 2, d))
    raw[:, 1 : 2 * factors : 2] = -SATURATED  # betas
    raw[:, 2 * factors] = SATURATED  # gate
    for token, word in enumerate(words):
        for j, (a, b) in enumerate(word):
            raw[token, 2 * j, [a, a + n]], raw[token, 2 * j, [b, b + n]] = 1, -1
            raw[token, 2 * j + 1] = SATURATED
    values = np.arange(1, n + 1)
    states = values[machine.action[machine.group.inverses].astype(np.intp)]  # entry i is the number of g⁻¹(i)
    arrays = {
        "embedding.weight": np.eye(m),
        "layers.0.phi.hidden.weight": np.eye(m),
        "layers.0.phi.hidden.bias": np.zeros(m),
        "layers.0.phi.out.weight": np.ascontiguousarray(raw.reshape(m, -1).T),
        "layers.0.phi.out.bias": np.zeros(raw[0].size),
        "layers.0.initial_state": np.tile(values, 2).astype(np.float64),
        "layers.0.psi.weight": np.concatenate([states, states], axis=1).astype(np.float64),
        "layers.0.psi.bias": np.zeros(order),
        "head.weight": sharpness(1.0, order) * np.eye(order),
        "head.bias": np.zeros(order),
    }
    layer = {
        "family": REFLECTIONS[factors].name,
        "channels": d,
        "hidden": m,
        "readout": order,
        "activation": "hard",
        "groups": [order],
    }
    config = {"alphabet_size": m, "classes": order, "layers": [layer], "embedding_size": m, "dtype": "float64"}
    group = {"elements": machine.group.elements.astype(np.int32), "alphabet": np.array(machine.alphabet, np.int32)}
    return {
        "config.json": json_text(config),
        "model.safetensors": tensor_bytes(arrays),
        "group.json": json_text({"format": FORMAT, "name": name}),
        "group.safetensors": tensor_bytes(group),
    }


def load_delta_group(given: str | Path | Folder) -> tuple[Group, NDArray[np.int32]]:
    """The group of such a folder, and the element of each token, shape (m,). Nothing of the network is looked at.

    Raises:
        InputError: a file is missing or damaged, or does not belong to the others.
    """
    return load_group(opened(given), DELTA, "group.json", FORMAT, "compile A5 --target delta")


def _swaps(permutation: NDArray) -> list[tuple[int, int]]:
    """Transpositions whose product, from left to right, is the permutation: (c0 c1)(c0 c2) … for each cycle."""
    found, seen = [], set()
    for start in range(len(permutation)):
        point = int(permutation[start])
        while start not in seen and point != start:
            found.append((start, point))
            seen.add(point)
            point = int(permutation[point])
        seen.add(start)
    return found
