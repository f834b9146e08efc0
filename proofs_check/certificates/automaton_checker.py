"""The independent checker of a compiled automaton's folder, or of a refusal: it reads files, nothing of the compiler.

    python -m subnormal.proofs_check.certificates.automaton_checker FOLDER

Exit code 0: verified · 1: refuted · 2: files of no use. Only NumPy, the standard library and the reading functions of
`proofs_check.certificates.checker` are used. Words act on the right. What is proved, from the arrays alone:

* The automaton (`transitions`, `accepting`, start 0) has no states but those that words reach; and no two that no word
  tells apart, where some states accept.
* "tracks": state 0 decodes to 0, and decode(step(s, x)) = transitions[decode(s), x] for every letter x and every state
  s that can be reached: that set is computed here, layer by layer, as tables have rows for the lower states in it, in
  lexicographic order of their residues, and for no others. By induction all words are tracked.
* The layers are of the family, or of a stack of several in their order: what is added is within a layer's rotations,
  and only families with the eigenvalue 0 set.
* "never", and "at least": a witness, each kind followed letter by letter (`Witness`). What it implies is cited:
  docs/mathematics.md, "Automata". All of it is about machines with finitely many states that can be reached.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path
from typing import Any

import numpy as np

from .checker import (
    MAX_TREE,
    Array,
    Files,
    Verdict,
    as_list,
    check_files,
    count,
    indices,
    main,
    opened,
    prove,
    take,
    usable,
    with_keys,
)

FAMILIES = {
    "s4d": ("S4D", 1, False),
    "mamba": ("Mamba", 1, True),
    "negative-mamba": ("Negative Mamba", 2, True),
    "simple-aussm": ("Simple AUSSM", 0, False),
    "aussm": ("AUSSM", 0, False),
    "gated-aussm": ("Gated AUSSM", 0, True),
}
"""Name: title; the exponent m of its rotations (0: any); whether it has the eigenvalue 0."""

CITED = "cited, not proved here: what the witness implies, with finitely many reachable states (docs/mathematics.md)"
FIELDS = {
    "tracks automaton": {"format", "kind", "name", "claim", "files", "family", "layers", "least", "witness"},
    "never automaton": {"format", "kind", "name", "claim", "files", "family", "witness"},
}
MAX_STATES, MAX_CASCADE, MAX_WORD = 1 << 12, 1 << 24, 1 << 20


class TransitionTable:
    """An automaton: next states (states, letters), start 0."""

    def __init__(self, arrays: dict[str, Array]) -> None:
        usable("transitions" in arrays and arrays["transitions"].ndim == 2, "the array transitions is missing")
        self.states, self.letters = arrays["transitions"].shape
        usable(1 <= self.states <= MAX_STATES and self.letters, f"{self.states} states are not handled")
        self.table = take(arrays, "transitions", 2, self.states)
        accepting = take(arrays, "accepting", 1, 2)
        usable(len(accepting) == self.states, "accepting has another length")
        reached = {0}
        queue = [0]
        for state in queue:  # grows while it is walked
            new = set(self.table[state].tolist()) - reached
            reached |= new
            queue.extend(new)
        prove(len(reached) == self.states, "a state of the automaton cannot be reached")
        self.minimal, self.accepting = bool(accepting.any()), accepting
        if self.minimal:
            self._require_minimal(accepting)

    def _require_minimal(self, accepting: Array) -> None:
        """Moore's refinement: blocks of states that words up to a length do not tell apart, until nothing changes."""
        blocks = accepting.astype(np.int64)
        while True:
            rows = np.concatenate([blocks[:, None], blocks[self.table]], axis=1)
            finer = np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)
            if finer.max() == blocks.max():
                break
            blocks = finer
        prove(blocks.max() + 1 == self.states, "two states of the automaton are told apart by no word")

    def text(self) -> str:
        return f"an automaton of {self.states} state{'s' * (self.states != 1)} and {self.letters} letters"

    def facts(self) -> list[str]:
        """What else is proved of the automaton."""
        if self.minimal:
            return [f"which is minimal, with {count(int(self.accepting.sum()), 'accepting state')}"]
        return ["whose every state words reach: the state is the output"]

    def act(self, word: Any, states: Array) -> Array:
        """Where a word leads some states."""
        usable(isinstance(word, list) and len(word) <= MAX_WORD, "a word is no list of letters")
        for letter in indices(word, self.letters, "a word"):
            states = self.table[states, letter]
        return states


class Witness:
    """A fact about an automaton, followed letter by letter.

    merge        a letter that leads two states to one
    kept apart   a word, not empty, that fixes two states
    cycle        a word that turns some states in a cycle
    subgroup     words that permute some points, each a product of commutators (and m-th powers) of such words
    nested       a nested commutator (and powers) of words that permute some points, which moves one of them
    identity     words that one layer cannot tell apart, and a state from which they lead to different states
    """

    def __init__(self, machine: TransitionTable, content: Any, family: str) -> None:
        self.machine, self.family = machine, family
        usable(isinstance(content, dict), "the witness is no object")
        self.content = dict(content)
        self.kind = str(self.content.pop("kind", ""))

    def fields(self, *names: str) -> tuple[Any, ...]:
        with_keys(self.content, set(names), f"the witness of kind {self.kind:.20}")
        return tuple(self.content[name] for name in names)

    def shows_never(self) -> None:
        """That no number of layers of the family carries the automaton."""
        title, exponent, resets = FAMILIES[self.family]
        wanted = {"s4d": ("kept apart",), "mamba": ("cycle",), "negative-mamba": ("cycle",)}.get(
            self.family, ("subgroup",) if resets else ("subgroup", "merge")
        )
        prove(self.kind in wanted, f"a witness of kind {self.kind:.20} says nothing about {title}")
        if self.kind == "merge":
            letter, pair = self.fields("letter", "states")
            p, q = self._different(pair)
            after = self.machine.act([letter], np.array([p, q]))
            prove(after[0] == after[1], "the letter does not merge the two states")
        elif self.kind == "kept apart":
            word, pair = self.fields("word", "states")
            p, q = self._different(pair)
            usable(isinstance(word, list) and word, "the word is empty")
            prove((self.machine.act(word, np.array([p, q])) == [p, q]).all(), "the word does not fix both states")
        elif self.kind == "cycle":
            word, around = self.fields("word", "states")
            states = indices(around, self.machine.states, "the cycle")
            prove(len(set(states)) == len(states) > 1, "the cycle repeats a state, or has fewer than two")
            prove((self.machine.act(word, np.array(states)) == np.roll(states, -1)).all(), "the word does not turn it")
            odd = len(states)
            while exponent == 2 and odd % 2 == 0:
                odd //= 2
            prove(odd > 1, f"a cycle of {len(states)} states can be turned by signs")
        else:
            self._stands_still(exponent)

    def _different(self, pair: Any) -> tuple[int, int]:
        states = indices(pair, self.machine.states, "the witness's states")
        prove(len(states) == 2 and states[0] != states[1], "the witness has not two different states")
        return states[0], states[1]

    def _points(self, points: Any) -> Array:
        found = indices(points, self.machine.states, "the points")
        prove(len(set(found)) == len(found) > 1, "a point is repeated, or there are fewer than two")
        return np.array(found)

    def permutation(self, word: Any, points: Array) -> Array:
        """What a word does to the points, as positions; refuted where it does not permute them."""
        after = self.machine.act(word, points)
        place = np.full(self.machine.states, -1)
        place[points] = np.arange(len(points))
        moved = place[after]
        prove((np.sort(moved) == np.arange(len(points))).all(), "a word does not permute the points")
        return moved

    def evaluate(self, tree: Any, points: Array, exponent: int, room: int = MAX_TREE) -> tuple[Array, int, list[Array]]:
        """A tree of commutators and powers: its value on the points, the least depth of a leaf, and the leaves."""
        usable(room, "an expression is nested too deeply")
        if isinstance(tree, dict) and set(tree) == {"word"}:
            value = self.permutation(tree["word"], points)
            return value, 0, [value]
        if isinstance(tree, dict):
            with_keys(tree, {"power", "of"}, "a power in an expression")
            prove(exponent and tree["power"] == exponent, f"a power in an expression, the exponent is {exponent}")
            base, level, leaves = self.evaluate(tree["of"], points, exponent, room - 1)
            value = base
            for _ in range(exponent - 1):
                value = base[value]
            return value, level + 1, leaves
        usable(isinstance(tree, list) and len(tree) == 2, "an expression has a strange node")
        (a, i, left), (b, j, right) = (self.evaluate(part, points, exponent, room - 1) for part in tree)
        return b[a[np.argsort(b)[np.argsort(a)]]], min(i, j) + 1, left + right  # a⁻¹·b⁻¹·a·b

    def _stands_still(self, exponent: int) -> None:
        """P ≠ 1, generated by words, each of which is a product of commutators and m-th powers in P: P = [P, P]·P^m."""
        chosen, stated, generators, products = self.fields("points", "exponent", "generators", "products")
        prove(stated == exponent, "the subgroup is about another exponent")
        points = self._points(chosen)
        own = [self.permutation(word, points) for word in as_list(generators, "generators", list)]
        prove(any((g != np.arange(len(points))).any() for g in own), "the subgroup is trivial")
        members = generated(own)
        prove(len(as_list(products, "products", list)) == len(own), "the subgroup has not a product per generator")
        for g, words in zip(own, products, strict=True):
            product = np.arange(len(points))
            for word in words:
                value, level, leaves = self.evaluate(word, points, exponent)
                inside = all(leaf.tobytes() in members for leaf in leaves)
                prove(level and inside, "a word for a generator is no commutator or power in the subgroup")
                product = value[product]
            prove((product == g).all(), "the product for a generator has another value")

    def shows_least(self) -> int:
        """The number of layers that it shows to be needed."""
        title, exponent, resets = FAMILIES[self.family]
        if self.kind == "nested":
            chosen, stated, tree, state = self.fields("points", "exponent", "expression", "state")
            prove(stated == exponent, "the expression is about another exponent")
            points = self._points(chosen)
            value, level, _ = self.evaluate(tree, points, exponent)
            prove(
                (points[value] != points).any() and state in points[points[value] != points], "the state is not moved"
            )
            return level + 1
        prove(self.kind == "identity" and resets, f"a witness of kind {self.kind:.20} bounds no layers of {title}")
        if self.content.get("law") == "power":
            return self._power(exponent)
        prove(exponent != 1 and self.content.get("law") == "swap", "an unknown law")
        _, x, y, z, w, state = self.fields("law", "x", "y", "z", "w", "state")
        x, y, z, w = (self._word(part) for part in (x, y, z, w))
        left, right = [*x, *y, *z, *x, *w, *y], [*y, *x, *z, *x, *w, *y]
        self._apart(left, right, state)
        return 2

    def _power(self, exponent: int) -> int:
        _, x, y, power, state = self.fields("law", "x", "y", "exponent", "state")
        x, y = self._word(x), self._word(y)
        usable(type(power) is int and 1 <= power <= MAX_STATES and len(x) * power <= MAX_WORD, "a strange exponent")
        once = self.machine.act(x * power, np.arange(self.machine.states))
        # For rotations of any order: x^n is idempotent, so the law fails for every multiple of n, hence for every n.
        fits = power == exponent if exponent else (once[once] == once).all()
        prove(fits, "the power of the law is not one that the family obeys")
        self._apart([*x * power, *y, *x], [*y, *x], state)
        return 2

    def _word(self, word: Any) -> list[int]:
        usable(isinstance(word, list) and len(word) <= MAX_WORD, "a word is no list of letters")
        return indices(word, self.machine.letters, "a word")

    def _apart(self, left: list[int], right: list[int], state: Any) -> None:
        (start,) = indices([state], self.machine.states, "the state")
        both = np.array([start])
        prove(self.machine.act(left, both) != self.machine.act(right, both), "both words lead to the same state")


def generated(generators: list[Array], limit: int = 1 << 18) -> set[bytes]:
    """The group of permutations that some generate, as bytes."""
    queue = [np.arange(len(generators[0]))]
    found = {queue[0].tobytes()}
    for here in queue:  # grows while it is walked
        for g in generators:
            product = g[here]
            key = product.tobytes()
            if key not in found:
                usable(len(found) < limit, "a subgroup is too large")
                found.add(key)
                queue.append(product)
    return found


def check_layers(metadata: dict[str, Any], arrays: dict[str, Array], machine: TransitionTable, stack: list[str]) -> int:
    """The number of layers, each of which its family can have, and together track the automaton. A stack of several
    families has these layers in this order, and others between them that hold nothing."""
    usable("decode" in arrays and arrays["decode"].ndim == 1, "the array decode is missing")
    decode = take(arrays, "decode", 1, machine.states)
    prove(len(decode) and decode[0] == 0, "the initial state does not decode to the start")
    reached = Reached(machine.letters, len(decode))
    k = 0
    described = as_list(metadata.get("layers"), "cascade.json's layers")
    free = list(stack)
    for i, layer in enumerate(described, 1):
        where = f"layer{i}"
        own = with_keys(layer, {"family", "moduli"}, f"layer {i} in cascade.json")
        while len(stack) > 1 and free and free[0] != own["family"]:
            free.pop(0)
        prove(free and own["family"] == free[0], f"layer {i} is of another family than the certificate's")
        if len(stack) > 1:
            free.pop(0)
        _, exponent, resets_allowed = FAMILIES[own["family"]]
        moduli = take(arrays, f"{where}.moduli", 1, MAX_CASCADE)
        moves = take(arrays, f"{where}.moves", 3, 2 * MAX_CASCADE)
        shape = (reached.count, machine.letters, len(moduli))
        prove(moves.shape == shape, f"{where} has a table of another shape than {shape}")
        inside = len(moduli) and (moduli >= 2).all() and (moves < 2 * moduli).all()
        prove(inside, f"{where} has entries outside its moduli")
        prove(own["moduli"] == moduli.tolist(), f"cascade.json states other moduli for layer {i}")
        resets = moves >= moduli
        prove(resets_allowed or not resets.any(), f"{where} sets a channel: its family has no eigenvalue 0")
        if exponent:
            prove((moduli == 2).all(), f"{where} has a modulus that signs cannot hold")
            turns = (moves != 0) & ~resets
            prove(exponent == 2 or not turns.any(), f"{where} flips a sign: its family has no negative eigenvalue")
        reached.extend(moduli.tolist(), moves)
        k = i
    prove(len(decode) == reached.count, f"{reached.count} states can be reached and {len(decode)} are decoded")
    wrong = np.argwhere(decode[reached.following] != machine.table[decode])
    prove(not len(wrong), f"state {wrong[:1, 0]} steps wrongly on letter {wrong[:1, 1]}")
    return k


class Reached:
    """The states of the layers so far that words lead to from 0, numbered in lexicographic order of their residues.

    Attributes:
        count: of them.
        following: (count, letters), their next states.
    """

    def __init__(self, letters: int, limit: int) -> None:
        self.count, self.limit = 1, limit
        self.following = np.zeros((1, letters), dtype=np.int64)

    def extend(self, moduli: list[int], moves: Array) -> None:
        """One more layer: a state is now (lower state, residues), as a number in mixed radix."""
        own = math.prod(moduli)
        usable(self.count * own < 2**62, "a layer has too many residues")
        seen, frontier, rows = {0}, [0], []
        while frontier:
            here = np.array(frontier, dtype=np.int64)
            lower, residues = here // own, here % own
            after = self.following[lower]
            place = own
            for channel, n in enumerate(moduli):  # the first channel is the most significant
                place //= n
                move = moves[lower, :, channel].astype(np.int64)
                added = (residues // place % n)[:, None] + move
                after = after * n + np.where(move >= n, move - n, added % n)
            rows.append((here, after))
            frontier = [state for state in np.unique(after).tolist() if state not in seen]
            seen.update(frontier)
            usable(len(seen) <= self.limit, f"more than {self.limit} states can be reached, and no more are decoded")
        states, after = (np.concatenate(part) for part in zip(*rows, strict=True))
        order = np.argsort(states)
        self.count = len(states)
        self.following = np.searchsorted(states[order], after[order])


def check_statement(stated: Any, machine: TransitionTable) -> None:
    """The automaton in cascade.json, which whoever loads the folder gets, is that of the arrays."""
    usable(isinstance(stated, dict), "cascade.json holds no automaton")
    stated = {"accepting": []} | stated
    names, letters = (as_list(stated.get(key), f"the automaton's {key}", str) for key in ("states", "alphabet"))
    fits = len(set(names)) == len(names) == machine.states and len(set(letters)) == len(letters) == machine.letters
    prove(fits, "cascade.json states another number of states or letters")
    rows = zip(names, machine.table.tolist(), strict=True)
    wanted = {
        "states": names,
        "alphabet": letters,
        "transitions": {state: dict(zip(letters, [names[q] for q in row], strict=True)) for state, row in rows},
        "start": names[0],
        "accepting": [names[q] for q in np.flatnonzero(machine.accepting)],
    }
    prove(stated == wanted, "cascade.json states another automaton than the arrays")


def check_tracks(files: Files, certificate: dict[str, Any]) -> tuple[str, TransitionTable]:
    metadata, arrays = files.json("cascade.json"), files.tensors("cascade.safetensors")
    family = str(certificate["family"])
    stack = family.split(",")
    prove(all(one in FAMILIES and one != "s4d" for one in stack), "the claim is about no known family")
    usable(metadata.get("format") == "automaton 2", "cascade.json has another format than 'automaton 2'")
    machine = TransitionTable(arrays)
    check_statement(metadata.get("automaton"), machine)
    k = check_layers(metadata, arrays, machine, stack)
    usable(not arrays, f"cascade.safetensors has arrays of no layer: {', '.join(sorted(arrays))[:80]}")
    stated = [metadata.get("family"), metadata.get("states")]
    prove(stated == [family, machine.states], "cascade.json states another family or number of states")
    prove(certificate["layers"] == k, f"the cascade has {k} layers, another number is claimed")
    tracks = f"tracks {machine.text()} on words of every length"
    if len(stack) > 1:
        prove(
            certificate["least"] is certificate["witness"] is None, "no bound is proved for stacks of several families"
        )
        titles = ", ".join(FAMILIES[one][0] for one in stack)
        return f"{tracks}, with {k} layer{'s' * (k != 1)} in the stack {titles}", machine
    least = int(machine.states > 1)
    if certificate["witness"] is not None:
        least = Witness(machine, certificate["witness"], family).shows_least()
    prove(certificate["least"] == least <= k, f"{least} layers are shown to be needed, another number is claimed")
    title = FAMILIES[family][0]
    fewer = f"and no {title} with fewer can" if k == least else f"and any {title} needs at least {least}"
    with_layers = f"with {k} layer{'s' * (k != 1)}, {fewer}"
    return f"{tracks}, {with_layers}", machine


def check_never(files: Files, certificate: dict[str, Any]) -> tuple[str, TransitionTable]:
    arrays = files.tensors("automaton.safetensors")
    machine = TransitionTable(arrays)
    usable(not arrays, "automaton.safetensors has arrays beside transitions and accepting")
    family = str(certificate["family"])
    prove(family in FAMILIES, "the claim is about no known family")
    Witness(machine, certificate["witness"], family).shows_never()
    return f"no number of {FAMILIES[family][0]} layers can track {machine.text()}", machine


def check(folder: Path, certificate: dict[str, Any] | None = None) -> Verdict:
    """What a certificate claims of a folder, verified; `FaultError` with one line otherwise. The certificate is the
    folder's own, or one that is to be written there."""
    files = Files(folder, ("cascade.json", "cascade.safetensors", "automaton.safetensors"))
    certificate = opened(files, certificate, FIELDS, 1)
    never, name = certificate["kind"] == "never automaton", certificate["name"]
    wanted = {"automaton.safetensors"} if never else {"cascade.json", "cascade.safetensors"}
    check_files(files, certificate["files"], wanted)
    claim, machine = (check_never if never else check_tracks)(files, certificate)
    prove(certificate["claim"] == claim, f"certificate.json claims something else than was proved: {claim}")
    cited = [] if "," in str(certificate["family"]) else [CITED]  # no bound is claimed for a stack of several
    return Verdict(claim, (*machine.facts(), *cited), str(name))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], check))
