"""Why a model family cannot carry an automaton, or not with so few layers: words that a checker follows.

Every witness is about a complete automaton all of whose states are reachable and told apart. Words act on the right.
What each proves stands in docs/automata.md and docs/mathematics.md; `proofs_check` checks them by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..automata.automaton import Automaton
from ..automata.image_groups import ImageGroup
from ..automata.monoid import TransitionMonoid
from .families import Family
from .series import shortest_series
from .witness import Expression, depth_witness, residual

SHORT = 40
"""Elements of the monoid, those of the shortest words, among which a failing identity is looked for."""


@dataclass(frozen=True)
class Witness:
    """A fact about an automaton that a checker can follow.

    Arguments:
        kind: `merge`, `cycle`, `kept apart`, `subgroup`, `nested` or `identity`.
        data: its content, for JSON; letters and states are numbers.
        text: it as a sentence.
    """

    kind: str
    data: dict[str, Any]
    text: str

    def as_json(self) -> dict[str, Any]:
        return {"kind": self.kind, **self.data}


def merge(automaton: Automaton) -> Witness | None:
    """A letter that leads two states to one; None where every letter permutes the states."""
    for x in range(automaton.width):
        first: dict[int, int] = {}
        for q, target in enumerate(automaton.table[:, x].tolist()):
            if target in first:
                p = first[target]
                names = automaton.states
                text = f"{automaton.letters[x]} leads both {names[p]} and {names[q]} to {names[target]}"
                return Witness("merge", {"letter": x, "states": [p, q]}, text)
            first[target] = q
    return None


def kept_apart(automaton: Automaton) -> Witness | None:
    """A word that fixes two different states, so that what came before it is never forgotten; None where the automaton
    is definite: words of some length lead all states to one."""
    n = automaton.count
    alive = ~np.eye(n, dtype=bool)
    columns = [automaton.table[:, x] for x in range(automaton.width)]
    while alive.any():
        stays = np.zeros_like(alive)
        for column in columns:
            stays |= alive[np.ix_(column, column)]
        stays &= alive
        if (stays == alive).all():
            break
        alive = stays
    if not alive.any():
        return None
    p, q = (int(i) for i in np.argwhere(alive)[0])
    seen: dict[tuple[int, int], int] = {}
    letters: list[int] = []
    while (p, q) not in seen:
        seen[p, q] = len(letters)
        x = next(x for x, column in enumerate(columns) if alive[column[p], column[q]])
        letters.append(x)
        p, q = int(columns[x][p]), int(columns[x][q])
    word = letters[seen[p, q] :]
    text = f"{automaton.word_text(word)} leads {automaton.states[p]} and {automaton.states[q]} back to themselves"
    return Witness("kept apart", {"word": word, "states": [p, q]}, text)


def cycle(automaton: Automaton, monoid: TransitionMonoid, wanted: Callable[[int], bool]) -> Witness | None:
    """A short word that permutes some states in a cycle of a wanted length; None where none does.

    Arguments:
        wanted: says of a length whether it is wanted. Multiples of a wanted length must be wanted too: a group has
            such a cycle exactly where a prime that divides its order is wanted (Cauchy).
    """
    best: tuple[int, tuple[int, ...], list[int]] | None = None
    for subgroup in monoid.maximal_subgroups:
        points = subgroup.points
        primes = (p for p in range(2, len(points) + 1) if subgroup.order % p == 0 and all(p % d for d in range(2, p)))
        if not any(wanted(p) for p in primes):
            continue
        for tried, (row, word) in enumerate(subgroup.some()):
            if best is None or len(word) < best[0]:
                found = next((c for c in _cycles(row, range(len(points))) if wanted(len(c))), None)
                if found is not None:
                    best = len(word), word, [points[i] for i in found]
            if best is not None and tried >= 10 * SHORT:
                break
    if best is None:
        return None
    _, word, states = best
    around = " → ".join(automaton.states[q] for q in [*states[:6], *([] if len(states) > 6 else states[:1])])
    text = f"{automaton.word_text(word)} turns {around}{' → …' if len(states) > 6 else ''}"
    return Witness("cycle", {"word": list(word), "states": states}, text)


def _cycles(element: NDArray[np.unsignedinteger], points: Sequence[int]) -> list[list[int]]:
    left, found = set(points), []
    while left:
        start = q = min(left)
        own = []
        while q in left:
            left.remove(q)
            own.append(q)
            q = int(element[q])
        assert q == start, "an element of a subgroup permutes the image of its idempotent"
        found.append(own)
    return found


class _Words:
    """The elements of a subgroup as words."""

    def __init__(self, automaton: Automaton, subgroup: ImageGroup) -> None:
        self.automaton, self.subgroup = automaton, subgroup

    def word(self, element: int) -> list[int]:
        """A word that acts as an element of the subgroup on its points."""
        return list(self.subgroup.word(element))

    def nested(self, tree: Expression) -> Any:
        """An expression whose leaves are words: `{"word": […]}`, `[left, right]`, `{"power": m, "of": …}`."""
        if not tree.parts:
            return {"word": self.word(tree.value)}
        if tree.exponent:
            return {"power": tree.exponent, "of": self.nested(tree.parts[0])}
        return [self.nested(part) for part in tree.parts]

    def text(self, tree: Expression) -> str:
        if not tree.parts:
            word = self.word(tree.value)
            text = self.automaton.word_text(word)
            return text if len(text) <= 24 else text[:23] + "…"
        if tree.exponent:
            return f"({self.text(tree.parts[0])})^{tree.exponent}"
        return f"[{self.text(tree.parts[0])}, {self.text(tree.parts[1])}]"


def standstill(automaton: Automaton, whole: ImageGroup, layer: Family) -> Witness | None:
    """A subgroup P of a maximal subgroup with P = [P, P]·P^m: no stack of the family's layers carries it. None where
    the group is too large to list, and no small subgroup of it was found that holds one."""
    subgroup = whole.part(lambda group: not shortest_series(group, layer).is_complete)
    if subgroup is None:
        return None
    found = residual(shortest_series(subgroup.listed, layer), layer)
    words = _Words(automaton, subgroup)
    data = {
        "points": list(subgroup.points),
        "exponent": found.exponent,
        "generators": [words.word(g) for g in found.subgroup.generators],
        "products": [[words.nested(tree) for tree in trees] for trees in found.expressions],
    }
    first = "·".join(words.text(tree) for tree in found.expressions[0])
    generator = words.text(Expression(found.subgroup.generators[0]))
    text = (
        f"words permute {len(subgroup.points)} states as a group whose subgroup of order {found.subgroup.order} is "
        f"generated by its own commutators{' and powers' if found.exponent else ''}, e.g. {generator} = {first}"
    )
    return Witness("subgroup", data, text)


def nested(automaton: Automaton, whole: ImageGroup, layer: Family) -> tuple[int, Witness | None]:
    """How many layers a maximal subgroup needs, and a nested commutator of words that shows it: None for one layer, and
    where the group is too large to list and no small subgroup was found that needs as many."""
    length = shortest_series(whole.group, layer).length
    subgroup = whole.part(lambda group: shortest_series(group, layer).length == length) if length > 1 else None
    if subgroup is None:
        return length, None
    tree = depth_witness(shortest_series(subgroup.listed, layer))
    assert tree is not None, "a nontrivial group has a witness"
    words = _Words(automaton, subgroup)
    elements = subgroup.listed.elements
    moved = int(np.flatnonzero(elements[tree.value] != elements[0])[0])
    state = subgroup.points[moved]
    data = {
        "points": list(subgroup.points),
        "exponent": layer.exponent,
        "expression": words.nested(tree),
        "state": state,
    }
    text = f"{words.text(tree)} moves {automaton.states[state]}"
    return length, Witness("nested", data, text)


# ---------------------------------------------------------------------- one layer


def not_one_layer(monoid: TransitionMonoid, layer: Family) -> Witness | None:
    """An identity that one layer of a family with resets obeys and the monoid does not; None if none was found.

    The channels of one layer count modulo n or are set, independently of each other. What they hold after a word is
    determined by the order of the last occurrences of letters and, for letters x and y, the number of y after the last
    x, modulo n. So x^n·y·x = y·x and xy·z·x·w·y = yx·z·x·w·y (docs/automata.md; these two are a basis).
    """
    return _power_identity(monoid, layer) or (_swap_identity(monoid) if layer.exponent != 1 else None)


def _power_identity(monoid: TransitionMonoid, layer: Family) -> Witness | None:
    """x^n·y·x ≠ y·x: n = 1 without rotations, 2 for signs, and for any n a power of x that is idempotent."""
    automaton = monoid.automaton
    listing = monoid.beginning(10 * SHORT)
    some = listing.elements.astype(np.intp)
    for s, x in enumerate(some):
        power, exponent = x, layer.exponent or 1
        if layer.exponent == 0:
            while not np.array_equal(power[power], power):
                power, exponent = x[power], exponent + 1
        else:
            for _ in range(exponent - 1):
                power = x[power]
        # After y and x: some[y] is (states,), x[some[y]] what y·x does; with the power before it.
        after = x[some]
        wrong = np.argwhere(after[:, power] != after)
        if len(wrong):
            t, q = (int(i) for i in wrong[0])
            words = {"x": list(listing.word(s)), "y": list(listing.word(t))}
            data = {**words, "exponent": exponent, "state": q}
            u = automaton.word_text(words["x"])
            tail = "·".join([*([automaton.word_text(words["y"])] if words["y"] else []), u])
            left = f"({u})^{exponent}" if exponent > 1 else u
            text = f"{left}·{tail} and {tail} lead {automaton.states[q]} to different states"
            return Witness("identity", {"law": "power", **data}, text)
    return None


def _swap_identity(monoid: TransitionMonoid) -> Witness | None:
    """xy·z·x·w·y ≠ yx·z·x·w·y, z and w any words: pairs of states that can still be told apart are traced back."""
    automaton = monoid.automaton
    columns = [automaton.table[:, a].astype(np.intp) for a in range(automaton.width)]
    listing = monoid.beginning(SHORT)
    some = listing.elements.astype(np.intp)
    telling = [column for column in columns if (column != column[0]).any()]  # the others tell no pair apart

    def before(pairs: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """The pairs from which some word leads into these."""
        while pairs.any():
            grown = pairs.copy()
            for column in telling:
                grown |= grown[np.ix_(column, column)]
            if (grown == pairs).all():
                break
            pairs = grown
        return pairs

    for t, y in enumerate(some):
        apart = before(y[:, None] != y[None, :])
        for s, x in enumerate(some):
            first, second = y[x], x[y]
            if np.array_equal(first, second):
                continue
            traced = before(apart[np.ix_(x, x)])
            wrong = np.flatnonzero(traced[first, second])
            if not len(wrong):
                continue
            q = int(wrong[0])
            p, r = int(first[q]), int(second[q])
            z = _way(columns, (p, r), lambda a, b, x=x, apart=apart: bool(apart[x[a], x[b]]))  # type: ignore[misc]
            for letter in z:
                p, r = int(columns[letter][p]), int(columns[letter][r])
            w = _way(columns, (int(x[p]), int(x[r])), lambda a, b, y=y: bool(y[a] != y[b]))  # type: ignore[misc]
            words = {"x": list(listing.word(s)), "y": list(listing.word(t)), "z": z, "w": w}
            texts = {name: automaton.word_text(word) for name, word in words.items()}
            tail = "·".join(texts[name] for name in "zxwy" if words[name])
            text = (
                f"{texts['x']}·{texts['y']}·{tail} and {texts['y']}·{texts['x']}·{tail} lead {automaton.states[q]} to "
                "different states"
            )
            return Witness("identity", {"law": "swap", **words, "state": q}, text)
    return None


def _way(columns: list[NDArray[np.intp]], start: tuple[int, int], wanted: Callable[[int, int], bool]) -> list[int]:
    """A shortest word that leads a pair of states to a wanted pair; there is one."""
    words: dict[tuple[int, int], list[int]] = {start: []}
    queue = [start]
    for pair in queue:  # grows while it is walked
        if wanted(*pair):
            return words[pair]
        for letter, column in enumerate(columns):
            following = int(column[pair[0]]), int(column[pair[1]])
            if following not in words:
                words[following] = [*words[pair], letter]
                queue.append(following)
    raise AssertionError("no word leads there")
