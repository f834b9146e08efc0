"""The independent checker of a delta-rule network that tracks a group: it reads files, nothing of the compiler.

    python -m subnormal.proofs_check.certificates.delta_checker FOLDER

Exit code 0: verified · 1: refuted · 2: files of no use. Only NumPy, the standard library and the reading functions of
`proofs_check.certificates.checker` are used. There is no cascade: the network of `config.json` and `model.safetensors`
is the machine, and it is proved from its weights, in integers, that

* φ gives each token's raw outputs without rounding: its weights are integers, one hidden unit is on, with the value 1;
* keys have dyadic entries: the sum of squares is a perfect square, the quotient a number of few bits; β is 2 or 0 and
  the gate 1, the sigmoids being saturated; b is 0. So a token is a product of reflections, in rationals;
* from the initial state these lead to exactly one state for each element: state(g·x) is token x applied to state(g),
  for every g and x, so by induction for words of every length;
* ψ's hard decision and the head then give that element: integer scores, the right one ahead by 1 or more.

*Range.* In every sum the absolute values add up to less than 2²⁴ in units of the last bit in use. So every partial sum,
in whatever order, with or without fused multiply-add, is exact in float32 and in float64, and nothing overflows or
underflows. What is assumed of the arithmetic beside IEEE 754: that a norm is the square root of a sum of squares, and
that a sigmoid is exactly 1 from 750 on and exactly 0 below -750, which it is to within 2⁻¹⁰⁷⁵.

*Everything.* A field of the configuration or a parameter that is not named here is refused.

"No such layer with one factor" is cited: docs/architectures.md, Lemma 1.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from .checker import (
    MAX_ORDER,
    Array,
    Files,
    ListedGroup,
    Verdict,
    as_list,
    check_files,
    count,
    main,
    opened,
    prove,
    take,
    usable,
    with_keys,
)

KIND = "tracks by reflections"
FIELDS = {"format", "kind", "name", "claim", "files", "generators"}
FILES = ("config.json", "group.json", "group.safetensors", "model.safetensors")
CITED = (
    "cited, not proved here: what one factor cannot do, with finitely many reachable states "
    "(docs/architectures.md, Lemma 1)"
)
FAMILIES = {f"delta-{n}": n for n in (1, 2, 3, 4)}
CONFIGURATION = {"alphabet_size", "classes", "layers", "embedding_size", "dtype"}
LAYER = {"family", "channels", "hidden", "readout", "activation", "groups", "phi", "reads"}
DEFAULTS = {"phi": "relu", "reads": "after"}

EXACT = 1 << 24
"""Below this, integers are exact in float32."""

SATURATED, LARGEST_RAW = 760.0, 2.0**20
"""Bounds on the raw outputs whose mean goes into a sigmoid: rounding of the mean takes off less than 10."""

SMALL, MAX_CHANNELS, MAX_PAIRS = 1 << 12, 1 << 10, 1 << 24


class Network:
    """The weights of a network of one delta-rule layer, proved to compute in integers.

    Arguments:
        configuration: of `config.json`.
        arrays: of `model.safetensors`.
    """

    def __init__(self, configuration: dict[str, Any], arrays: dict[str, Array]) -> None:
        arrays = dict(arrays)
        with_keys(configuration, CONFIGURATION, "config.json")
        layers = as_list(configuration["layers"], "config.json's layers", dict)
        prove(len(layers) == 1, f"{len(layers)} layers; one delta-rule layer is proved")
        layer = with_keys(DEFAULTS | layers[0], LAYER, "the layer in config.json")
        prove(str(layer["family"]) in FAMILIES, f"the family {layer['family']!r:.40} is none of {', '.join(FAMILIES)}")
        sizes = [configuration["alphabet_size"], configuration["classes"], configuration["embedding_size"]]
        sizes += [layer["channels"], layer["hidden"], layer["readout"]]
        usable(all(type(size) is int and size >= 1 for size in sizes), "config.json states a size that is none")
        self.tokens, self.classes, embedding, self.channels, hidden, readout = sizes
        usable(self.channels <= MAX_CHANNELS, f"{self.channels:,} channels, at most {MAX_CHANNELS:,} are checked")
        self.factors = FAMILIES[layer["family"]]
        stated = {name: layer[name] for name in ("activation", "groups", "phi", "reads")}
        wanted = {"activation": "hard", "groups": [readout], **DEFAULTS}
        for name, value in wanted.items():
            prove(stated[name] == value, f"the layer's {name} is {stated[name]!r:.40}; proved of {value!r:.40}")
        prove(configuration["dtype"] == "float64", f"the dtype is {configuration['dtype']!r:.20}, wanted float64")
        m, d, parts = self.tokens, self.channels, 2 * self.factors + 2

        def parameter(name: str, *shape: int) -> Array:
            usable(name in arrays, f"the parameter {name} is missing")
            array = arrays.pop(name)
            usable(array.shape == shape, f"{name} has shape {array.shape}, wanted {shape}")
            prove(np.isfinite(array).all(), f"{name} has an entry that is no finite number")
            return np.asarray(array)

        def integers(name: str, *shape: int) -> Array:
            array = parameter(name, *shape)
            small = (array == np.rint(array)).all() and np.abs(array).max(initial=0) <= SMALL
            prove(small, f"{name} has an entry that is no integer of at most {SMALL:,}")
            return array.astype(np.int64)

        unit = self._unit_on(
            integers("embedding.weight", m, embedding),
            integers("layers.0.phi.hidden.weight", hidden, embedding),
            integers("layers.0.phi.hidden.bias", hidden),
        )
        out = parameter("layers.0.phi.out.weight", parts * d, hidden)
        prove(not parameter("layers.0.phi.out.bias", parts * d).any(), "φ's second bias is not 0")
        raw = out.T[unit].reshape(m, parts, d)
        self.keys, self.scale = self._keys(raw[:, 0 : 2 * self.factors : 2])
        self.doubled = self._saturated(raw[:, 1 : 2 * self.factors : 2], "β")
        prove(self._saturated(raw[:, None, -2], "the gate").all(), "a gate is 0: a token forgets the state")
        prove(not raw[:, -1].any(), "b is not 0")
        self.initial = integers("layers.0.initial_state", d)
        self.psi = integers("layers.0.psi.weight", readout, d), integers("layers.0.psi.bias", readout)
        self.head = integers("head.weight", self.classes, readout), integers("head.bias", self.classes)
        prove(not arrays, f"nothing is proved of the parameter {', '.join(sorted(arrays))[:80]}")

    @staticmethod
    def _unit_on(embedding: Array, weight: Array, bias: Array) -> Array:
        """The one hidden unit that each token turns on, shape (tokens,)."""
        room = np.abs(weight).sum(axis=1).max() * np.abs(embedding).max(initial=0) + np.abs(bias).max()
        prove(room < EXACT, "a sum of φ may round")
        values = np.maximum(embedding @ weight.T + bias, 0)
        prove(((values > 0).sum(axis=1) == 1).all(), "a token turns on no hidden unit, or more than one")
        prove((values.max(axis=1) == 1).all(), "a hidden unit that is on is not 1")
        found: Array = values.argmax(axis=1)
        return found

    @staticmethod
    def _keys(raw: Array) -> tuple[Array, int]:
        """The keys (tokens, factors, channels) of raw ones as integers over a common power of 2."""
        small = (raw == np.rint(raw)).all() and np.abs(raw).max(initial=0) <= SMALL
        prove(small, f"a key has an entry that is no integer of at most {SMALL:,}")
        vectors = raw.astype(np.int64)
        squares = (vectors**2).sum(axis=-1)
        prove(squares.max(initial=0) < EXACT, "a sum of squares may round")
        lengths = np.array([math.isqrt(x) for x in squares.ravel().tolist()], dtype=np.int64).reshape(squares.shape)
        prove((lengths**2 == squares).all(), "a key's length is no integer, so that its entries round")
        lengths = np.maximum(lengths, 1)[..., None]
        scale = next((1 << bit for bit in range(11) if not (vectors * (1 << bit) % lengths).any()), None)
        prove(scale is not None, "a key's entries are no dyadic numbers, so that they round")
        assert scale is not None
        return vectors * scale // lengths, scale

    @staticmethod
    def _saturated(raw: Array, name: str) -> Array:
        """Whether each sigmoid of a mean over channels, raw (..., channels), is exactly 1; the others are exactly 0."""
        size = np.abs(raw)
        prove(((size >= SATURATED) & (size <= LARGEST_RAW)).all(), f"{name} is not saturated, so that it rounds")
        on: Array = raw > 0
        prove((on == on[..., :1]).all(), f"{name} is a mean of numbers of both signs")
        return on[..., 0]

    def step(self, states: Array, token: int) -> Array:
        """The states (n, channels) after one token, in integers; refuted where a float might round."""
        for key, doubled in zip(self.keys[token], self.doubled[token].tolist(), strict=True):
            products = states @ key  # in units of 1/scale
            prove((np.abs(states) @ np.abs(key)).max() < EXACT, f"token {token}: a product with a key may round")
            if not doubled:
                continue
            moved = 2 * products[:, None] * key  # in units of 1/scale²
            scaled = states * self.scale**2
            prove((np.abs(scaled) + np.abs(moved)).max() < EXACT, f"token {token}: a reflection may round")
            states, rest = np.divmod(scaled - moved, self.scale**2)
            prove(not rest.any(), f"token {token} leads to a state that is no integer")
        return states

    def answers(self, states: Array) -> Array:
        """The class that the network answers in each state, shape (n,)."""
        for weight, bias in (self.psi, self.head):
            room = np.abs(states) @ np.abs(weight).T + np.abs(bias)
            prove(room.max() < EXACT, "a score may round")
            scores = states @ weight.T + bias
            best = scores.argmax(axis=1)
            own = scores[np.arange(len(scores)), best]
            prove(((scores == own[:, None]).sum(axis=1) == 1).all(), "two scores are equal, so that nothing is decided")
            states = np.zeros_like(scores)
            states[np.arange(len(scores)), best] = 1
        found: Array = best
        return found


def states_of(network: Network, group: ListedGroup, alphabet: Array) -> Array:
    """The state of each element, shape (order, channels), proved to follow the group; see the head of this file."""
    n, m = group.order, len(alphabet)
    usable(n * m <= MAX_PAIRS, f"{n:,} elements and {m:,} tokens are too many to check")
    prove((network.tokens, network.classes) == (m, n), "the network has other numbers of tokens and classes")
    images = [group.times(int(element)) for element in alphabet]
    states = np.zeros((n, network.channels), dtype=np.int64)
    states[0] = network.initial
    known = np.zeros(n, dtype=bool)
    known[0] = True
    frontier = np.zeros(1, dtype=np.int64)
    while len(frontier):
        reached: list[int] = []
        for token, image in enumerate(images):
            new = frontier[~known[image[frontier]]]
            states[image[new]] = network.step(states[new], token) if len(new) else 0
            known[image[new]] = True
            reached += image[new].tolist()
        frontier = np.array(sorted(set(reached)), dtype=np.int64)
    prove(known.all(), "the tokens do not generate the group")
    for token, image in enumerate(images):
        wrong = np.flatnonzero((network.step(states, token) != states[image]).any(axis=1))
        prove(not len(wrong), f"the state of element {wrong[:1]} steps wrongly on token {token}")
    wrong = np.flatnonzero(network.answers(states) != np.arange(n))
    prove(not len(wrong), f"in the state of element {wrong[:1]} the network answers something else")
    return states


def claim_of(group: ListedGroup, alphabet: Array, network: Network) -> str:
    """The sentence about a network whose states were checked. No name stands in it: names are not proved."""
    least = 2 if any(group.product(int(x), int(x)) for x in alphabet) else 1
    fewer = "and no such layer with fewer can" if least == network.factors else f"and any such layer needs {least}"
    fewer = f"{fewer} or more" if least < network.factors else fewer
    tokens = count(len(alphabet), "token")
    return (
        f"the network tracks a group of order {group.order:,} with {tokens} on words of every length, without rounding "
        f"in float64 and float32, by one delta-rule layer with {count(network.factors, 'factor')} a token, {fewer}"
    )


def check(folder: Path, certificate: dict[str, Any] | None = None) -> Verdict:
    """What a certificate claims of a folder, verified; `FaultError` with one line otherwise. The certificate is the
    folder's own, or one that is to be written there."""
    files = Files(folder, FILES)
    certificate = opened(files, certificate, {KIND: FIELDS}, 1)
    name = certificate["name"]
    check_files(files, certificate["files"], set(FILES))
    about = with_keys(files.json("group.json"), {"format", "name"}, "group.json")
    usable(about["format"] == 1 and about["name"] == name, "group.json and certificate.json bear different names")
    arrays = files.tensors("group.safetensors")
    group = ListedGroup(arrays, certificate["generators"])
    alphabet = take(arrays, "alphabet", 1, min(group.order, MAX_ORDER))
    usable(not arrays, "group.safetensors has arrays beside elements and alphabet")
    network = Network(files.json("config.json"), files.tensors("model.safetensors", "F64"))
    states_of(network, group, alphabet)
    claim = claim_of(group, alphabet, network)
    prove(certificate["claim"] == claim, f"certificate.json claims something else than was proved: {claim}")
    return Verdict(claim, (*group.facts(), CITED), name)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], check))
