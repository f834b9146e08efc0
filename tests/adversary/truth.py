"""What is true of a folder, found by the plainest means: tokens are read one by one, and nothing of the project is
used but to read the definition of a series."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from subnormal.algebra.depth.families import FAMILIES, family
from subnormal.algebra.depth.series import shortest_series
from subnormal.algebra.groups.group import Group

WORDS, LENGTH = 8, 60


def tracks(folder: Path, seed: int = 0) -> bool:
    """Whether the cascade of a listed folder gives the products of some random words."""
    metadata = json.loads((folder / "cascade.json").read_bytes())
    arrays = load_file(folder / "cascade.safetensors")
    elements, alphabet, decode = arrays["elements"], arrays["alphabet"], arrays["decode"]
    layers = [
        (arrays[f"layer{i}.moduli"], arrays[f"layer{i}.increments"]) for i in range(1, len(metadata["layers"]) + 1)
    ]
    generator = np.random.default_rng(seed)
    for _ in range(WORDS):
        product = elements[0]
        residues = [[0] * len(moduli) for moduli, _ in layers]
        for token in generator.integers(len(alphabet), size=LENGTH).tolist():
            product = elements[alphabet[token]][product]
            state = 0
            for own, (moduli, increments) in zip(residues, layers, strict=True):
                added, before = increments[state, token], list(own)
                for c, n in enumerate(moduli.tolist()):
                    state = state * n + before[c]
                    own[c] = (before[c] + int(added[c])) % n
            reached = 0
            for own, (moduli, _) in zip(residues, layers, strict=True):
                for c, n in enumerate(moduli.tolist()):
                    reached = reached * n + own[c]
            if (elements[decode[reached]] != product).any():
                return False
    return True


def facts(folder: Path) -> tuple[int, int, int, int]:
    """Order, tokens, layers and least layers of a listed folder, from its arrays and the algebra's series."""
    metadata = json.loads((folder / "cascade.json").read_bytes())
    arrays = load_file(folder / "cascade.safetensors")
    elements = arrays["elements"]
    group = Group(elements.astype(np.uint16), tuple(range(len(elements))), "?")
    stack = [family(layer["family"]) for layer in metadata["layers"]]
    claimed = stack[0] if len(set(stack)) == 1 else FAMILIES["aussm"]
    return len(elements), len(arrays["alphabet"]), len(stack), shortest_series(group, claimed).length


def tracks_factored(folder: Path, seed: int = 0) -> bool:
    """Whether a factored cascade gives the products of some random words, on every point."""
    arrays = load_file(folder / "cascade.safetensors")
    alphabet, lifts, moduli = arrays["alphabet"], arrays["lifts"], arrays["moduli"].tolist()
    reads = [[int(r) for r in row if r >= 0] for row in arrays["reads"]]
    tables, start = [], 0
    for read in reads:
        size = math.prod(moduli[r] for r in read) * len(alphabet)
        tables.append(arrays["increments"][start : start + size].reshape(-1, len(alphabet)))
        start += size
    generator = np.random.default_rng(seed)
    for _ in range(WORDS):
        product, state = np.arange(alphabet.shape[1]), [0] * len(moduli)
        for token in generator.integers(len(alphabet), size=LENGTH).tolist():
            product = alphabet[token][product]
            after = []
            for c, read in enumerate(reads):
                row = 0
                for r in read:
                    row = row * moduli[r] + state[r]
                after.append((state[c] + int(tables[c][row, token])) % moduli[c])
            state = after
        decoded = np.arange(alphabet.shape[1])
        for c in reversed(range(len(moduli))):
            for _ in range(state[c]):
                decoded = lifts[c][decoded]
        if (decoded != product).any():
            return False
    return True


def claim_is_true(folder: Path, verdict: Any) -> bool:
    """Whether what the checker says of a listed folder is so."""
    if not tracks(folder):
        return False
    order, tokens, layers, least = facts(folder)
    many = f"{tokens} token{'s' * (tokens != 1)}"
    deep = f"{layers} layer{'s' * (layers != 1)}"
    said = verdict.claim.startswith(
        f"tracks a group of order {order} with {many} on words of every length, with {deep}, "
    )
    minimal = "with fewer can" in verdict.claim
    shown = layers if minimal else int(verdict.claim.rsplit(" ", 1)[1])
    return said and shown <= least and verdict.label not in verdict.claim
