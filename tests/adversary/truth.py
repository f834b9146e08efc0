"""What is true of a folder, found by the plainest means: tokens are read one by one, and nothing of the project is
used but the definition of a series, and of the least number of layers of an automaton."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file

from subnormal.algebra.automata.automaton import Automaton
from subnormal.algebra.automata.monoid import TransitionMonoid
from subnormal.algebra.depth.automaton_verdict import verdict as automaton_verdict
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


def tracks_automaton(folder: Path) -> bool:
    """Whether the cascade of an automaton's folder leads where its transitions lead, and its metadata say the same."""
    metadata = json.loads((folder / "cascade.json").read_bytes())
    arrays = load_file(folder / "cascade.safetensors")
    table, decode = arrays["transitions"], arrays["decode"]
    layers = [(arrays[f"layer{i}.moduli"], arrays[f"layer{i}.moves"]) for i in range(1, len(metadata["layers"]) + 1)]
    stated = metadata["automaton"]  # a name may be a number: 0 and "0" are one
    names, letters = ([str(x) for x in stated[key]] for key in ("states", "alphabet"))
    rows = [[str(stated["transitions"][q][x]) for x in letters] for q in names]
    if rows != [[names[q] for q in row] for row in table.tolist()] or str(stated["start"]) != names[0]:
        return False
    if sorted(map(str, stated.get("accepting", []))) != sorted(names[q] for q in np.flatnonzero(arrays["accepting"])):
        return False
    found = reached_residues(layers, table.shape[1])
    if found is None or len(decode) != len(found):
        return False
    states = dict(zip(sorted(found), decode.tolist(), strict=True))
    return states[min(states)] == 0 and all(
        states[after] == table[states[state], letter]
        for state, row in found.items()
        for letter, after in enumerate(row)
    )


def reached_residues(layers: list[Any], letters: int) -> dict[tuple[int, ...], list[tuple[int, ...]]] | None:
    """The residues that words lead to from all 0, and what each letter makes of them, layer by layer and residue by
    residue: row i of a layer's moves is of the i-th state of the lower layers; None where rows are not so many."""
    lower: dict[tuple[int, ...], list[tuple[int, ...]]] = {(): [()] * letters}
    for moduli, moves in layers:
        if len(moves) != len(lower):
            return None
        number = {state: i for i, state in enumerate(sorted(lower))}
        width = len(next(iter(lower)))
        queue = [(0,) * (width + len(moduli))]
        found: dict[tuple[int, ...], list[tuple[int, ...]]] = {}
        while queue:
            state = queue.pop()
            if state in found:
                continue
            below = state[:width]
            found[state] = []
            for letter in range(letters):
                after = list(lower[below][letter])
                for c, (n, held) in enumerate(zip(moduli.tolist(), state[width:], strict=True)):
                    move = int(moves[number[below], letter, c])
                    after.append(move - n if move >= n else (held + move) % n)
                found[state].append(tuple(after))
            queue += found[state]
        lower = found
    return lower


def automaton_claim_is_true(folder: Path, verdict: Any) -> bool:
    """Whether what the checker says of an automaton's folder is so; the least number of layers by the algebra."""
    kept = load_file(
        folder / "automaton.safetensors" if "no number" in verdict.claim else folder / "cascade.safetensors"
    )
    table, accepting = kept["transitions"], np.flatnonzero(kept["accepting"])
    automaton = Automaton.make("?", table, accepting=accepting.tolist() if len(accepting) else None)
    if len(accepting) and automaton.minimal().count < automaton.count:
        return False
    text = f"an automaton of {len(table)} state{'s' * (len(table) != 1)} and {table.shape[1]} letters"
    if "in the stack" in verdict.claim:  # no bound is claimed
        stack = json.loads((folder / "cascade.json").read_bytes())["layers"]
        return (
            tracks_automaton(folder)
            and verdict.claim.startswith(f"tracks {text} ")
            and f"{len(stack)} layer" in verdict.claim
        )
    claimed = next(f for f in sorted(FAMILIES.values(), key=lambda f: -len(f.title)) if f"{f.title} " in verdict.claim)
    least = automaton_verdict(TransitionMonoid.of(automaton), claimed).least
    if "no number" in verdict.claim:
        return least is None and verdict.claim == f"no number of {claimed.title} layers can track {text}"
    if least is None or not tracks_automaton(folder):
        return False
    layers = len(json.loads((folder / "cascade.json").read_bytes())["layers"])
    deep = f"{layers} layer{'s' * (layers != 1)}"
    said = verdict.claim.startswith(f"tracks {text} on words of every length, with {deep}, ")
    shown = layers if "with fewer can" in verdict.claim else int(verdict.claim.rsplit(" ", 1)[1])
    return said and shown <= least and verdict.label not in verdict.claim
