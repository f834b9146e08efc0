"""The independent checker of `certificate.json`: the standard library and NumPy, nothing of this project.

    python checker.py FOLDER        exit code 0: verified · 1: the claim is refuted · 2: the files cannot be used

What it proves, from the arrays alone (permutations compose left to right, element 0 is the identity):

* The rows of `elements` are a group: n different permutations, closed under right multiplication by the certificate's
  generators and each reached from the identity by them; so they are exactly the group that the generators generate.
* "tracks": decoding is a bijection, state 0 decodes to the identity, and decode(step(s, x)) = decode(s)·x for every
  state s and token x. By induction all words are tracked. The generators are tokens: the alphabet generates G.
* "no fewer": put V_0 = G, V_i = [V_{i-1}, V_{i-1}]·V_{i-1}^m (m the family's exponent; m = 0: no powers). A tree of
  commutators and m-th powers with all leaves at least l levels deep has its value in V_l, so a value ≠ 1 shows V_l ≠ 1.
  That l layers track G only if V_l = 1 is cited, not proved: Theorem 2 of the first paper of docs/mathematics.md.
* "never": a subgroup P ≠ 1 whose generators are products of commutators and m-th powers in P, so P ≤ V_i for every i.
* "isomorphic": elements g_1 … g_r that generate G, with g_i^{p_i} a word in later ones, and g_i⁻¹·g_j·g_i, for j > i, a
  word in g_{i+1} … g_r. In the group so presented each ⟨g_{i+1}, …⟩ is normal in ⟨g_i, …⟩ with a factor of at most
  p_i elements, so it has at most p_1 ⋯ p_r; where that is |G|, G is that group.
* What is said about the group beside: computed here.

Names, ids, notes, decompositions and the alphabet as text are labels: digests bind them, nothing proves them. They are
quoted, on a line of their own, and stand in no sentence that is proved.
"""

from __future__ import annotations

import hashlib
import json
import math
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

FAMILIES = {"aussm": ("AUSSM", 0), "simple-aussm": ("Simple AUSSM", 0), "negative-mamba": ("Negative Mamba", 2)}
FAMILIES |= {"mamba": ("Mamba", 1), "s4d": ("S4D", 1)}  # name: title and exponent
FIELDS = {
    "tracks": {"format", "kind", "name", "claim", "files", "generators", "layers", "lower_bound", "presentation"},
    "never": {"format", "kind", "name", "claim", "files", "generators", "family", "residual", "presentation"},
}
CITED = "cited, not proved here: what more layers are needed for, with finitely many reachable states (Theorem 2)"
MAX_ENTRIES = 1 << 20  # of larger arrays of elements the orders are not computed
MAX_DESCRIBED = 5000  # of larger groups no more than the order is computed
MAX_DIGITS = 4300  # of an integer in JSON
MAX_JSON, MAX_TENSORS, MAX_ORDER, MAX_DEGREE, MAX_TREE = 1 << 22, 1 << 31, 1 << 22, 1 << 16, 64


class FaultError(Exception):
    """Why there is no verified claim, and the exit code: 1 for a claim that is not so, 2 for files of no use."""


@dataclass(frozen=True)
class Verdict:
    """What was proved: the claim, and facts about the group; and, apart from these, how the folder calls itself."""

    claim: str
    facts: tuple[str, ...]
    label: str
    presentation: dict[str, Any] | None = None

    def lines(self) -> list[str]:
        quoted = json.dumps(self.label[:200], ensure_ascii=True)
        return [self.claim, *self.facts, f"label, not proved: the folder calls it {quoted}"]


def prove(condition: object, problem: str, code: int = 1) -> None:
    if not condition:
        raise FaultError(problem, code)


usable = partial(prove, code=2)


def with_keys(value: Any, keys: set[str], name: str) -> dict[str, Any]:
    usable(isinstance(value, dict) and set(value) == keys, f"{name} should hold {', '.join(sorted(keys))}")
    return dict(value)


def as_list(value: Any, name: str, of: type = object) -> list[Any]:
    fits = isinstance(value, list) and all(isinstance(x, of) and not isinstance(x, bool) for x in value)
    usable(fits, f"{name} should be a list of {of.__name__}")
    return list(value)


class Files:
    """The files of a folder: each is opened once, and its digest is that of the bytes that were read."""

    def __init__(self, folder: Path, parsed: tuple[str, ...] = ("cascade.json", "cascade.safetensors")) -> None:
        usable(folder.is_dir(), f"{folder} is not a folder")
        self.folder, self._parsed = folder, (*parsed, "manifest.json", "certificate.json")
        self._contents: dict[str, bytes] = {}
        self._digests: dict[str, str] = {}

    def has(self, name: str) -> bool:
        return (self.folder / name).exists()

    def content(self, name: str, limit: int) -> bytes:
        if name not in self._contents:
            with self._open(name, limit).open("rb") as file:
                self._contents[name] = file.read()
        usable(len(self._contents[name]) <= limit, f"{name} has over {limit:,} bytes")
        return self._contents[name]

    def digest(self, name: str) -> str:
        """The SHA-256; what is not parsed afterwards is not kept."""
        if name not in self._digests and name in self._parsed:
            self._digests[name] = hashlib.sha256(self.content(name, MAX_TENSORS)).hexdigest()
        elif name not in self._digests:
            with self._open(name, MAX_TENSORS).open("rb") as stream:
                self._digests[name] = hashlib.file_digest(stream, "sha256").hexdigest()
        return self._digests[name]

    def _open(self, name: str, limit: int) -> Path:
        path = self.folder / name
        fits = path.is_file() and path.stat().st_size <= limit
        usable(fits, f"{name} is missing or has over {limit:,} bytes")
        return path

    def json(self, name: str) -> dict[str, Any]:
        return parse_json(self.content(name, MAX_JSON), name)

    def tensors(self, name: str, *wanted: str) -> dict[str, Array]:
        return parse_tensors(self.content(name, MAX_TENSORS), name, *(wanted or ("I32",)))


def parse_json(content: bytes, name: str) -> dict[str, Any]:
    """A JSON object, its keys all different."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        usable(len(dict(pairs)) == len(pairs), f"{name} repeats a key")
        return dict(pairs)

    def short(digits: str) -> int:
        usable(len(digits) <= MAX_DIGITS, f"{name} is not JSON that is read: a number of {len(digits):,} digits")
        return int(digits)

    try:
        value = json.loads(content.decode(), object_pairs_hook=unique, parse_int=short)
    except (ValueError, RecursionError) as error:  # bad JSON, bad UTF-8, thousands of brackets
        raise FaultError(f"{name} is not JSON ({str(error)[:80]})", 2) from None
    usable(isinstance(value, dict), f"{name} holds no JSON object")
    return dict(value)


def parse_tensors(content: bytes, name: str, *wanted: str) -> dict[str, Array]:
    """The arrays of a safetensors file, of dtypes that are wanted (`I32`, `F64`): header length, JSON header, data
    without gaps. No array is empty, unless several dtypes are wanted: a compact network's embedding has length 0."""
    size = len(content)
    usable(size >= 8, f"{name} is truncated")
    length = int.from_bytes(content[:8], "little")
    usable(length <= min(size - 8, MAX_JSON), f"{name} declares a header of {length:,} bytes in a file of {size:,}")
    header = parse_json(content[8 : 8 + length], name)
    header.pop("__metadata__", None)
    arrays: dict[str, Array] = {}
    spans = []
    for key, entry in header.items():
        where = f"{name}: {key!r:.60}"
        with_keys(entry, {"dtype", "shape", "data_offsets"}, where)
        usable(entry["dtype"] in wanted, f"{where} has dtype {entry['dtype']!r:.20}, wanted {' or '.join(wanted)}")
        shape, span = as_list(entry["shape"], where, int), as_list(entry["data_offsets"], where, int)
        usable(len(shape) <= 3 and len(span) == 2 and min(shape + span) >= 0, f"{where} has a strange shape or place")
        start, stop = span
        item = int(entry["dtype"][1:]) // 8
        least = 0 if len(wanted) > 1 else 1
        usable(
            least <= stop - start == item * math.prod(shape), f"{where} has shape {shape} but {stop - start:,} bytes"
        )
        usable(8 + length + stop <= size, f"{where} ends at byte {8 + length + stop} of {size}: truncated")
        spans.append(span)
        dtype = f"<{entry['dtype'][0].lower()}{item}"
        arrays[key] = np.frombuffer(content, dtype, math.prod(shape), 8 + length + start).reshape(tuple(shape))
    starts, stops = [start for start, _ in sorted(spans)], [0, *(stop for _, stop in sorted(spans))]
    usable(starts == stops[:-1] and 8 + length + stops[-1] == size, f"{name}: its arrays overlap or leave gaps")
    return arrays


def check_manifest(files: Files) -> None:
    """There is a manifest, and every file that it names is there and has its digest."""
    there = files.has("manifest.json")
    usable(there, "manifest.json is missing: nothing shows that the files belong together")
    stated = files.json("manifest.json").get("files")
    usable(isinstance(stated, dict), "manifest.json names no files")
    for name, wanted in sorted(dict(stated or {}).items()):
        usable(Path(name).name == name, f"manifest.json names {name!r:.60}")
        usable(files.digest(name) == wanted, f"{name} is not the file that manifest.json names: a mixed folder")
    for name in ("cascade.json", "cascade.safetensors", "config.json", "model.safetensors", "group.safetensors"):
        usable(name in dict(stated or {}) or not files.has(name), f"{name} is not named by manifest.json")


def check_files(files: Files, digests: Any, wanted: set[str]) -> None:
    """The files that a certificate is about, and no others, are those that were certified."""
    for file, wanted_digest in sorted(with_keys(digests, wanted, "files").items()):
        usable(files.digest(file) == wanted_digest, f"{file} is not the file that was certified (its SHA-256 differs)")


def take(arrays: dict[str, Array], name: str, dimensions: int, bound: int) -> Array:
    """An array by name, out of the dictionary, with entries 0 … bound - 1."""
    usable(name in arrays, f"the array {name} is missing")
    array = arrays.pop(name)
    usable(array.ndim == dimensions, f"{name} has shape {array.shape}")
    prove(array.min() >= 0 and array.max() < bound, f"{name} has entries outside 0 … {bound - 1}")
    return array


def indices(value: Any, bound: int, name: str) -> list[int]:
    prove(all(0 <= x < bound for x in as_list(value, name, int)), f"{name} has entries outside 0 … {bound - 1}")
    return list(value)


class ListedGroup:
    """Permutations, shape (n, degree), proved to be the group that the rows numbered `generators` generate."""

    def __init__(self, arrays: dict[str, Array], generators: Any) -> None:
        elements = take(arrays, "elements", 2, MAX_DEGREE)
        self.order, degree = elements.shape
        usable(self.order <= MAX_ORDER and degree <= MAX_DEGREE, f"elements is too large: {elements.shape}")
        self.elements, self.step = elements.astype(np.uint16), max(1, (1 << 20) // degree)
        self.index: dict[bytes, int] = {}
        for start in range(0, self.order, self.step):
            block = self.elements[start : start + self.step]
            prove((np.sort(block, axis=1) == np.arange(degree)).all(), "a row of elements is not a permutation")
            for i, row in enumerate(block, start):
                prove(self.index.setdefault(row.tobytes(), i) == i, f"row {i} of elements appears twice")
        prove((self.elements[0] == np.arange(degree)).all(), "element 0 is not the identity")
        self.generators = indices(generators, self.order, "generators")
        prove(len(self.generated(self.generators)) == self.order, "the generators do not reach every element")

    def times(self, element: int) -> Array:
        """a ↦ a·element for all a at once, shape (n,); refuted where a product is not among the elements."""
        image = np.empty(self.order, dtype=np.int64)
        for start in range(0, self.order, self.step):
            rows = self.elements[element][self.elements[start : start + self.step]]
            image[start : start + len(rows)] = [self.index.get(row.tobytes(), -1) for row in rows]
        prove((image >= 0).all(), f"the elements are not closed under multiplication by element {element}")
        return image

    def generated(self, generators: list[int]) -> set[int]:
        """The elements reached from the identity by right multiplication with some elements."""
        usable(len(generators) <= 64, f"{len(generators)} generators; 64 are enough for any group here")
        images, queue, found = [self.times(g) for g in generators], [0], {0}
        for here in queue:  # grows while it is walked
            new = {int(image[here]) for image in images} - found
            found |= new
            queue.extend(new)
        return found

    def product(self, *elements: int) -> int:
        """The product of some elements, by number."""
        value = self.elements[0]
        for element in elements:
            value = self.elements[element][value]
        return self.index[value.tobytes()]

    def power(self, element: int, exponent: int) -> int:
        value, base = 0, element
        while exponent:
            value = self.product(value, base) if exponent & 1 else value
            base, exponent = self.product(base, base), exponent >> 1
        return value

    def inverse(self, element: int) -> int:
        return self.index[np.argsort(self.elements[element]).astype(np.uint16).tobytes()]

    def derived(self, generators: list[int]) -> list[int]:
        """Generators of the derived subgroup of what some elements generate."""
        pairs = [(a, b) for i, a in enumerate(generators) for b in generators[:i]]
        waiting = [self.product(self.inverse(a), self.inverse(b), a, b) for a, b in pairs]
        found: list[int] = []
        members = {0}
        while waiting:
            element = waiting.pop()
            if element not in members:
                found.append(element)
                members = self.generated(found)
                waiting += [self.product(self.inverse(g), element, g) for g in generators]
        return found

    def element_orders(self) -> list[int]:
        """The order of every element: the least common multiple of when each point first comes back."""
        points = np.arange(self.elements.shape[1])
        back, here = np.zeros(self.elements.shape, dtype=np.int64), self.elements
        for length in range(1, len(points) + 1):
            back[(here == points) & (back == 0)] = length
            if back.all():
                break
            here = np.take_along_axis(self.elements, here.astype(np.int64), axis=1)
        found: list[int] = np.lcm.reduce(back, axis=1).tolist()
        return found

    def facts(self) -> list[str]:
        """What can be said about the group in a line or two, computed from its elements."""
        n, degree = self.elements.shape
        named = {math.factorial(degree): "symmetric", math.factorial(degree) // 2: "alternating"} if degree < 13 else {}
        lines = [f"isomorphic to: the {named[n]} group on {degree} points"] if n in named and degree > 2 else []
        if n > MAX_DESCRIBED:
            return [f"the group: order {n:,}; too large for more to be computed", *lines]
        central = np.ones(n, dtype=bool)
        for g in self.generators:
            right = self.times(g)
            left = [self.index[row.tobytes()] for row in self.elements[:, self.elements[g]]]
            central &= np.array(left) == right
        series, current = [n], self.generators
        while True:
            current = self.derived(current)
            order = len(self.generated(current))
            if order == series[-1]:
                break
            series.append(order)
        still = "" if series[-1] == 1 else ", where it stands still"
        abelian = "abelian" if central.all() else "not abelian"
        derived = " > ".join(str(order) for order in series)
        line = f"the group: {abelian}; centre of order {central.sum()}; derived series {derived}{still}"
        if n * degree <= MAX_ENTRIES:
            orders = Counter(self.element_orders())
            line += "; elements: " + ", ".join(f"{many:,} of order {order}" for order, many in sorted(orders.items()))
        return [line, *lines]

    def presented(self, presentation: Any) -> str:
        """A polycyclic presentation, proved to be one of this group, as a line."""
        keys = {"generators", "relative_orders", "powers", "conjugates"}
        presentation = with_keys(presentation, keys, "presentation")
        g = indices(presentation["generators"], self.order, "presentation")
        orders = as_list(presentation["relative_orders"], "relative_orders", int)
        powers = as_list(presentation["powers"], "powers", list)
        conjugates = as_list(presentation["conjugates"], "conjugates", list)
        r = len(g)
        usable(len(orders) == len(powers) == r <= 64 and all(p > 1 for p in orders), "the presentation has odd lengths")
        usable(len(conjugates) == r * (r - 1) // 2, "the presentation has not a conjugate for every pair")
        prove(math.prod(orders) == self.order, "the presentation is of a group of another order")
        relations = []

        def word(exponents: Any, first: int) -> tuple[int, str]:
            usable(len(as_list(exponents, "a word", int)) == r, "a word of the presentation has another length")
            fits = all(0 <= e < p for e, p in zip(exponents, orders, strict=True)) and not any(exponents[:first])
            prove(fits, "a word of the presentation is not in later generators")
            value = self.product(*(self.power(x, e) for x, e in zip(g, exponents, strict=True)))
            return value, " ".join(_power(i, e) for i, e in enumerate(exponents) if e) or "1"

        for i, (p, exponents) in enumerate(zip(orders, powers, strict=True)):
            value, text = word(exponents, i + 1)
            prove(self.power(g[i], p) == value, "a power relation of the presentation does not hold")
            relations.append(f"{_power(i, p)} = {text}")
        pairs = ((i, j) for i in range(r) for j in range(i + 1, r))
        for (i, j), exponents in zip(pairs, conjugates, strict=True):
            value, text = word(exponents, i + 1)
            same = self.product(self.inverse(g[i]), g[j], g[i]) == value
            prove(same, "a conjugation relation of the presentation does not hold")
            if text != _power(j, 1):
                relations.append(f"{_power(j, 1)}^{_power(i, 1)} = {text}")
        prove(len(self.generated(g)) == self.order, "the presentation's generators do not generate the group")
        names = ", ".join(_power(i, 1) for i in range(r))
        return f"isomorphic to: ⟨{names} | {', '.join(relations)}; all else commutes⟩"

    def evaluate(self, tree: Any, exponent: int, room: int = MAX_TREE) -> tuple[Array, int, list[int]]:
        """A tree of commutators and powers: its value as a permutation, the least depth of a leaf, and the leaves."""
        usable(room, "an expression is nested too deeply")
        if type(tree) is int:
            prove(0 <= tree < self.order, f"leaf {tree} is no element")
            return self.elements[tree], 0, [tree]
        if isinstance(tree, dict):
            with_keys(tree, {"power", "of"}, "a power in an expression")
            prove(exponent and tree["power"] == exponent, f"a power in an expression, the exponent is {exponent}")
            value, level, leaves = self.evaluate(tree["of"], exponent, room - 1)
            base = value
            for _ in range(exponent - 1):
                value = base[value]
            return value, level + 1, leaves
        usable(isinstance(tree, list) and len(tree) == 2, "an expression has a strange node")
        (a, i, left), (b, j, right) = (self.evaluate(part, exponent, room - 1) for part in tree)
        return b[a[np.argsort(b)[np.argsort(a)]]], min(i, j) + 1, left + right  # a⁻¹·b⁻¹·a·b


def cycle_lengths(images: list[int]) -> list[int]:
    lengths, seen = [1], [False] * len(images)
    for start in range(len(images)):
        length, point = 0, start
        while not seen[point]:
            seen[point], point, length = True, images[point], length + 1
        if length:
            lengths.append(length)
    return lengths


def _power(generator: int, exponent: int) -> str:
    name = chr(ord("a") + generator) if generator < 26 else f"g{generator + 1}"
    return name if exponent == 1 else f"{name}^{exponent}"


def check_steps(group: ListedGroup, alphabet: Array, layers: list[tuple[Array, Array]], decode: Array) -> None:
    prove(len(decode) == group.order and (np.bincount(decode) == 1).all(), "decode is not a bijection")
    prove(decode[0] == 0, f"the initial state decodes to element {decode[0]}, not to the identity")
    for token, element in enumerate(alphabet.tolist()):
        following = np.zeros(1, dtype=np.int64)  # the next state of the layers so far, for each state of theirs
        for moduli, increments in layers:
            own = np.zeros((len(following), 1), dtype=np.int64)
            for channel, n in enumerate(moduli.tolist()):  # the first channel is the most significant
                moved = (np.arange(n) + increments[:, token, channel, None]) % n
                own = (own[:, :, None] * n + moved[:, None, :]).reshape(len(following), -1)
            following = (following[:, None] * own.shape[1] + own).ravel()
        wrong = np.flatnonzero(decode[following] != group.times(element)[decode])
        prove(not len(wrong), f"state {wrong[:1]} steps wrongly on token {token} (element {element})")


def check_statements(metadata: dict[str, Any], n: int, orders: list[int], moduli: list[list[int]]) -> None:
    """What `cascade.json` says about order, series and factors: one entry a layer, a layer that a mixed stack leaves
    idle repeats the order and has no factor. In a cascade that steps rightly the elements whose first i layers hold 0
    are a subgroup, normal in the one before with the i-th layer's residues as factor."""
    prove(type(metadata.get("order")) is int and metadata["order"] == n, "cascade.json states another order")
    series, factors = as_list(metadata.get("series"), "series", int), as_list(metadata.get("factors"), "factors", list)
    usable(len(series) == len(factors) + 1, "cascade.json states a series and factors of different lengths")
    found, carried = [n], []
    for upper, lower, factor in zip(series, series[1:], factors, strict=False):
        prove(bool(factor) == (lower != upper), "cascade.json states another series")
        if factor:
            found.append(lower)
            carried.append(as_list(factor, "a factor", int))
    prove(series[:1] == [n] and found == orders, "cascade.json states another series")
    prove(carried == moduli, "cascade.json states other factors")


def check_tracks(files: Files, certificate: dict[str, Any]) -> tuple[str, ListedGroup]:
    metadata, arrays = files.json("cascade.json"), files.tensors("cascade.safetensors")
    group = ListedGroup(arrays, certificate["generators"])
    n, alphabet = group.order, take(arrays, "alphabet", 1, group.order)
    prove(set(group.generators) <= set(alphabet.tolist()), "a generator is no token")
    layers, families, orders = [], [], [n]
    for i, layer in enumerate(as_list(metadata.get("layers"), "cascade.json's layers"), 1):
        where, family = f"layer{i}", str(with_keys(layer, {"family", "moduli"}, f"layer {i} in cascade.json")["family"])
        moduli, increments = take(arrays, f"{where}.moduli", 1, n + 1), take(arrays, f"{where}.increments", 3, n)
        shape = (n // orders[-1], len(alphabet), len(moduli))
        prove(increments.shape == shape, f"{where}.increments has shape {increments.shape}, wanted {shape}")
        prove((moduli >= 2).all() and (increments < moduli).all(), f"{where} has entries outside its moduli")
        prove(layer["moduli"] == moduli.tolist(), f"cascade.json states other moduli for layer {i}")
        prove(family in FAMILIES, f"layer {i} is of no known family")
        exponent, states = FAMILIES[family][1], math.prod(moduli.tolist())
        prove(not exponent or (exponent % moduli == 0).all(), f"layer {i} has moduli that its family cannot carry")
        prove(orders[-1] % states == 0, f"the layers' states are not as many as the {n} elements")
        layers.append((moduli, increments))
        families.append(family)
        orders.append(orders[-1] // states)
    prove(orders[-1] == 1, f"{n // orders[-1]} states for {n} elements")
    check_steps(group, alphabet, layers, take(arrays, "decode", 1, n))
    usable(not arrays, f"cascade.safetensors has arrays of no layer: {', '.join(sorted(arrays))[:80]}")
    usable(metadata.get("format") == 2, "cascade.json has another format than 2")
    usable(metadata.get("name") == certificate["name"], "cascade.json and certificate.json bear different names")
    check_statements(metadata, n, orders, [x.tolist() for x, _ in layers])
    keys, k = {"exponent", "layers", "value", "expression"}, len(layers)
    bound = with_keys(certificate["lower_bound"], keys, "lower_bound")
    title, exponent = FAMILIES[families[0]] if len(set(families)) == 1 else ("stack of diagonal layers", 0)
    value, level, _ = group.evaluate(bound["expression"], exponent)
    least = level + 1
    prove((value != group.elements[0]).any(), "the lower bound's expression is the identity")
    prove(group.index[value.tobytes()] == bound["value"], "the lower bound's expression has another value")
    prove([bound["exponent"], bound["layers"]] == [exponent, least], f"the expression shows {least} layers are needed")
    prove(certificate["layers"] == k >= least, f"the cascade has {k} layers, another number is claimed")
    fewer = f"and no {title} with fewer can" if k == least else f"and any {title} needs at least {least}"
    group_text = f"a group of order {n:,} with {count(len(alphabet), 'token')}"
    return f"tracks {group_text} on words of every length, with {count(k, 'layer')}, {fewer}", group


def count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' * (number != 1)}"


def check_never(files: Files, certificate: dict[str, Any]) -> tuple[str, ListedGroup]:
    arrays = files.tensors("group.safetensors")
    group = ListedGroup(arrays, certificate["generators"])
    usable(not arrays, "group.safetensors has arrays beside elements")
    residual = with_keys(certificate["residual"], {"order", "generators", "products"}, "residual")
    prove(str(certificate["family"]) in FAMILIES, "the claim is about no known family")
    title, exponent = FAMILIES[str(certificate["family"])]
    generators, products = indices(residual["generators"], group.order, "residual"), residual["products"]
    members = group.generated(generators)
    prove(residual["order"] == len(members) > 1, f"the residual has order {len(members)}, another one is claimed")
    prove(len(as_list(products, "products", list)) == len(generators), "the residual has not a product per generator")
    for g, words in zip(generators, products, strict=True):
        product = group.elements[0]
        for word in words:
            value, level, leaves = group.evaluate(word, exponent)
            prove(level and members.issuperset(leaves), f"a word for generator {g} is no commutator or power in P")
            product = value[product]
        prove((product == group.elements[g]).all(), f"the product for generator {g} has another value")
    claim = f"no number of {title} layers can track this group of order {group.order:,}"
    return f"{claim}, over any alphabet that generates it", group


def opened(files: Files, given: dict[str, Any] | None, fields: dict[str, set[str]], version: int) -> dict[str, Any]:
    """The certificate of a folder whose files belong together, or one that is given, with the fields of its kind."""
    check_manifest(files)
    certificate = files.json("certificate.json") if given is None else given
    kind, name = str(certificate.get("kind")), certificate.get("name")
    usable(kind in fields, "certificate.json claims no known kind of thing")
    with_keys(certificate, fields[kind], "certificate.json")
    usable(isinstance(name, str) and 0 < len(name) <= 2000 and name.isprintable(), "certificate.json has no name")
    usable(certificate["format"] == version, f"certificate.json has another format than {version}")
    return certificate


def check(folder: Path, certificate: dict[str, Any] | None = None) -> Verdict:
    """What a certificate claims of a folder, verified; `FaultError` with one line otherwise. The certificate is the
    folder's own, or one that is to be written there."""
    files = Files(folder, ("cascade.json", "cascade.safetensors", "group.safetensors"))
    certificate = opened(files, certificate, FIELDS, 2)
    kind, name = certificate["kind"], certificate["name"]
    alone = kind == "tracks" or not files.has("cascade.json")
    usable(alone, "certificate.json is about a group, and the folder holds a cascade: it is of another artifact")
    wanted = {"group.safetensors"} if kind == "never" else {"cascade.json", "cascade.safetensors"}
    check_files(files, certificate["files"], wanted)
    claim, group = (check_tracks if kind == "tracks" else check_never)(files, certificate)
    prove(certificate["claim"] == claim, f"certificate.json claims something else than was proved: {claim}")
    facts, presentation = group.facts(), certificate["presentation"]
    if presentation is not None:
        facts.append(group.presented(presentation))
    return Verdict(claim, (*facts, CITED), str(name), presentation)


def main(arguments: list[str], verify: Callable[[Path], Verdict] = check) -> int:
    """Check one folder and print what was proved, or one line; returns the exit code."""
    try:
        usable(len(arguments) == 1, "wanted one folder, e.g. checker.py s4")
        print("verified: " + "\n".join(verify(Path(arguments[0])).lines()))
        return 0
    except FaultError as error:
        problem, code = error.args
        print(f"{'refuted' if code == 1 else 'error'}: {' '.join(problem.split())[:400]}", file=sys.stderr)
        return int(code)
    except (OSError, MemoryError, ValueError) as error:  # a path that cannot be, memory that is not there
        print(f"error: {' '.join(str(error).split()) or type(error).__name__}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
