"""What a recurrent model holds: are its states after words of one class together, and apart from the others.

The state is all that its recurrent layers keep, side by side.

A class is what the answer should be after a word: a state of the machine that the model computes, or an element of
what it should track. Two lengths are measured over all words that were read up to a length: the largest distance
between two states of one class (the *spread*), and the least between states of different classes (the *gap*). While
the gap is larger, every class is a cluster of its own; the margin is their quotient.

Right answers do not need that. A model may hold more than its answers show, and then a class falls into *parts*: far
from one another as the classes are, each of them narrow. And a model that drifts is right until its classes meet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...common.brief import Brief
from ...common.errors import InputError
from ...common.wording import counted
from ..network import DCDNetwork
from .model import ForeignModel
from .trials import all_words
from .ways import Feed, why_not

Words = NDArray[np.int64]
Floats = NDArray[np.float64]

LENGTHS = (1, 2, 3, 4, 5, 7, 10, 14, 20, 30, 40, 60, 80, 120, 200, 300, 500, 800, 1200, 2000, 3000, 5000, 8000)
"""Lengths at which states are read, up to the longest."""

RANDOM, HARD, SHORT = 24, 8, 64
"""Random words, adversarial ones, and all words of a length of which there are no more than so many."""

LONGEST = 300
"""Letters of the longest words whose states are read, where nothing is said."""

TOGETHER = 16
"""Words that are read at a time."""

FAR = 0.1
"""Parts of a class are told apart where they lie at least so much of the gap from one another."""

NARROW = 2.0
"""And where so many times their own width lies between them."""

SEEN = 3
"""Words that lead into a part, at least: fewer are strays."""

COUNTED = 1e-12
"""Distances below this, relative to the size of the states, are nothing."""


class NotLookedAtError(InputError):
    """Nothing can be said of a model's states; what its answers show stands."""


@dataclass(frozen=True, eq=False, repr=False)
class StatesInside(Brief):
    """States of recurrent layers after words, and how they lie.

    Arguments:
        states: shape (words, numbers).
        classes: of the machine, or of the task, after each word, (words,).
        lengths: of the words, (words,).
        wrong: words after which the model's answer is not that of the class.
        names: of the classes.
        size: the largest norm of a state.
        beside: what else the model keeps, which is not looked at; empty for nothing.
    """

    states: Floats
    classes: Words
    lengths: Words
    wrong: int
    names: tuple[str, ...]
    size: float
    beside: str
    by_length: tuple[tuple[int, float, float], ...]
    """Length, gap and spread over all words of up to that length; the gap is infinite while one class was seen."""
    parts: tuple[int, ...]
    """Into how many parts each class falls, by its number; 0 where no word led to it."""

    @property
    def seen(self) -> int:
        """Classes that words led to."""
        return sum(count > 0 for count in self.parts)

    @property
    def together_to(self) -> int:
        """The longest length up to which every class is a cluster: the gap is above the spread; 0 for none."""
        found = 0
        for length, gap, spread in self.by_length:
            if not gap > spread:
                break
            found = length
        return found

    @property
    def together(self) -> bool:
        """Whether that holds for all words that were read."""
        return self.together_to == self.by_length[-1][0]

    @property
    def split(self) -> tuple[int, ...]:
        """Classes that fall into several parts."""
        return tuple(i for i, count in enumerate(self.parts) if count > 1)

    def margins(self) -> tuple[tuple[int, float], ...]:
        """Length and gap / spread; infinite where the states of a class are one."""
        return tuple((length, _quotient(gap, spread)) for length, gap, spread in self.by_length)

    def sentence(self) -> str:
        """In a line: together, split, or drifting, and by how much."""
        length, gap, spread = self.by_length[-1]
        far = f"{gap:.3g} from those of others" if gap < np.inf else "and no other class was seen"
        if self.split:
            first = self.split[0]
            all_of = "every class falls" if len(self.split) == self.seen else f"{len(self.split)} of {self.seen} fall"
            sum_of = sum(self.parts)
            return (
                f"{all_of} into parts (e.g. {self.names[first]} into {self.parts[first]}), each a cluster of its own: "
                f"its state holds {sum_of:,} classes where {self.seen:,} are answered"
            )
        if self.together:
            wide = "one state for each class" if not spread else f"states of a class within {spread:.3g}"
            return f"{wide}, {far}, on all words that were read, up to {length:,} letters"
        if not self.together_to:
            return f"the classes are no clusters: states of one class up to {spread:.3g} apart, of two {gap:.3g}"
        return (
            f"the classes are clusters up to {counted(self.together_to, 'letter')} and meet by {self._meets():,}: "
            f"states of a class lie up to {spread:.3g} apart at {length:,}, of two classes {gap:.3g}"
        )

    def _meets(self) -> int:
        return next(length for length, gap, spread in self.by_length if not gap > spread)

    def as_json(self) -> dict[str, Any]:
        """The object under `inside` that `decompile --json` prints."""
        finite = [(n, None if gap == np.inf else gap, spread) for n, gap, spread in self.by_length]
        return {
            "words": len(self.states),
            "numbers": self.states.shape[1],
            "classes": self.seen,
            "together": self.together,
            "together_to": self.together_to,
            "by_length": [{"length": n, "gap": gap, "spread": spread} for n, gap, spread in finite],
            "parts": {self.names[i]: count for i, count in enumerate(self.parts) if count},
            "answers_wrong": self.wrong,
            "beside": self.beside or None,
        }


def _quotient(gap: float, spread: float) -> float:
    return gap / spread if spread else float("inf")


class StateReader:
    """The states of a model's recurrent layers.

    Arguments:
        model: whose they are.

    Raises:
        InputError: it shows no state of a recurrent layer.
    """

    def __init__(self, model: ForeignModel) -> None:
        self.model, self.layers_beside, self.window = model, "", ""
        module = model.module
        wanted = "wanted a recurrent model, e.g. a folder that `compile S3 --target olmo-hybrid` writes"
        if module is None:
            raise InputError(f"{model.name} shows no state: a function gives logits alone; {wanted}")
        if isinstance(module, DCDNetwork):
            return
        if reason := why_not(model, "cached"):
            raise InputError(f"{model.name} shows no state: {reason}; {wanted}")
        cache = self._first()
        layers = _recurrent(cache)
        if not layers:
            raise InputError(f"{model.name} shows no state: its cache has no recurrent layer's; {wanted}")
        others = len(getattr(cache, "layers", ())) - len(layers)
        self.layers_beside = counted(others, "other layer") if others else ""
        taps = getattr(_only_convolution(module), "weight", None)
        if taps is not None and bool(taps[..., :-1].any()):
            self.window = f"a convolution over {taps.shape[-1]} tokens"

    def beside(self, silent: bool) -> str:
        """What else the model keeps, which is not read; empty for nothing.

        Arguments:
            silent: whether its other layers write nothing.
        """
        return " and ".join(filter(None, ("" if silent else self.layers_beside, self.window)))

    def _first(self) -> Any:
        """The cache after a word of one letter."""
        assert self.model.module is not None
        feed = Feed(self.model.module, self.model)
        with torch.inference_mode():
            feed(torch.from_numpy(self.model.tokens(np.zeros((1, 1), dtype=np.int64))[0]))
        return feed.cache

    def after(self, words: Words, lengths: Sequence[int]) -> tuple[Floats, Words]:
        """States after the first letters of words, (lengths, n, numbers), and the answers there, (lengths, n).

        A model that keeps a cache is read token by token. What one batch holds is bounded: wide states take turns.

        Arguments:
            words: int64 (n, length).
            lengths: how many letters, each at most `length`.
        """
        at = np.array(lengths) - 1
        found = [self._after(words[i : i + TOGETHER], at) for i in range(0, len(words), TOGETHER)]
        return np.concatenate([one for one, _ in found], axis=1), np.concatenate([one for _, one in found], axis=1)

    def _after(self, words: Words, at: Words) -> tuple[Floats, Words]:
        module, model = self.model.module, self.model
        ids, ends = model.tokens(words)
        ends = np.maximum.accumulate(np.where(ends < 0, 0, ends), axis=1)[:, at]  # behind the word alone: its last
        if isinstance(module, DCDNetwork):
            with torch.no_grad():
                tokens = torch.from_numpy(ids)
                traced, best = module.trace(tokens), model.best(module(tokens)).numpy()
            rows = np.arange(len(words))[:, None]
            states = _plain([layer.states[rows, ends] for layer in traced])
            return states.transpose(1, 0, 2), best[rows, ends].T
        assert module is not None
        feed, places = Feed(module, model), set(ends.flatten().tolist())
        kept: list[Any] = [[None] * len(words) for _ in at]
        answers = np.zeros((len(at), len(words)), dtype=np.int64)
        with torch.inference_mode():
            for token in range(ids.shape[1]):
                logits = feed(torch.from_numpy(ids[:, token : token + 1]))
                if token not in places:
                    continue
                best = model.best(logits[:, -1:]).numpy()[:, 0]
                states = _plain([state[:, None] for state in _recurrent(feed.cache)])
                for row, i in zip(*np.nonzero(ends == token), strict=True):
                    kept[i][row], answers[i, row] = states[row, 0], best[row]
        return np.array(kept), answers


def _plain(layers: Sequence[torch.Tensor]) -> Floats:
    """The states of layers, each (n, m, …), as real numbers side by side, (n, m, numbers)."""
    real = [torch.view_as_real(one) if one.is_complex() else one for one in layers]
    found: Floats = torch.cat([one.double().flatten(2) for one in real], dim=2).cpu().numpy()
    return found


def _recurrent(cache: Any) -> list[torch.Tensor]:
    """The recurrent states in a cache, (batch, …), one for each layer that has one."""
    found = [getattr(layer, "recurrent_states", None) for layer in getattr(cache, "layers", ())]
    return [state for layer in found if isinstance(layer, dict) for state in layer.values() if state is not None]


def _only_convolution(module: torch.nn.Module) -> torch.nn.Module | None:
    return next((part for part in module.modules() if isinstance(part, torch.nn.Conv1d)), None)


def look_inside(
    model: ForeignModel,
    run: Callable[[Words], Words],
    answers: NDArray[np.int64],
    names: Sequence[str],
    *,
    length: int = LONGEST,
    seed: int = 0,
    special: Callable[[int], Sequence[tuple[int, ...]]] | None = None,
    reader: StateReader | None = None,
    silent: bool = False,
) -> StatesInside:
    """Read the states of a model's recurrent layers after words, and measure how they lie.

    Arguments:
        model: whose they are.
        run: words (n, length) to the class after each letter, (n, length).
        answers: the right answer in each class.
        names: of the classes.
        length: of the longest words.
        seed: of the random words.
        special: adversarial words of a length; None for none.
        reader: of the states; None for a fresh one.
        silent: whether its layers without a state write nothing.

    Raises:
        InputError: the model shows no state of a recurrent layer.

    Example:
        >>> import subnormal as sn
        >>> from subnormal.api.models import task_of_name
        >>> from subnormal.models.foreign.model import foreign_model
        >>> c2 = task_of_name("C2").tracked
        >>> model = foreign_model(sn.compile("C2").network(), None, c2)
        >>> found = look_inside(model, lambda w: w.cumsum(1) % 2, np.arange(2), ("even", "odd"), length=20)
        >>> found.together, found.parts
        (True, (1, 1))
    """
    reader = reader or StateReader(model)
    random = np.random.default_rng([seed, 7])
    longest = random.integers(model.letters, size=(RANDOM, length))
    hard = [word for word in (special(length) if special is not None else ()) if len(word) == length][:HARD]
    longest = np.concatenate([longest, np.array(hard, dtype=np.int64).reshape(-1, length)])
    chosen = sorted({n for n in LENGTHS if n < length} | {length})
    some = [n for n in chosen if n <= 6 and model.letters**n <= SHORT]
    states, classes, lengths, wrong = [], [], [], 0
    for words, read in ((all_words(model.letters, max(some, default=1)), some), (longest, chosen)):
        if read:
            found, given = reader.after(words, read)
            at = np.asarray(run(words))[:, np.array(read) - 1].T
            wrong += int((given != answers[at]).sum())
            states.append(found.reshape(-1, found.shape[-1]))
            classes.append(at.flatten())
            lengths.append(np.repeat(read, len(words)))
    return measured(
        np.concatenate(states), np.concatenate(classes), np.concatenate(lengths), wrong, tuple(names),
        reader.beside(silent),
    )  # fmt: skip


def measured(
    states: Floats, classes: Words, lengths: Words, wrong: int, names: tuple[str, ...], beside: str = ""
) -> StatesInside:
    """Gaps, spreads and parts of states; arguments as of `StatesInside`. Raises `NotLookedAtError` where a state is not
    finite."""
    if not np.isfinite(states).all():
        first = int(lengths[~np.isfinite(states).all(axis=1)].min())
        raise NotLookedAtError(
            f"a state is not finite after {counted(first, 'letter')}; wanted states that stay finite, e.g. --length "
            f"{max(1, first - 1)}, or smaller weights"
        )
    between = torch.cdist(
        torch.from_numpy(states), torch.from_numpy(states), compute_mode="donot_use_mm_for_euclid_dist"
    ).numpy()
    size = float(np.linalg.norm(states, axis=1).max())
    between[between < COUNTED * size] = 0.0
    same = classes[:, None] == classes
    by_length = []
    for n in np.unique(lengths):
        rows = np.flatnonzero(lengths <= n)
        part, alike = between[np.ix_(rows, rows)], same[np.ix_(rows, rows)]
        gap = float(part[~alike].min()) if not alike.all() else np.inf
        by_length.append((int(n), gap, float(part[alike].max())))
    gap = by_length[-1][1]
    members = [np.flatnonzero(classes == i) for i in range(len(names))]
    parts = [_parts(between[np.ix_(rows, rows)], gap) for rows in members]
    return StatesInside(states, classes, lengths, wrong, names, size, beside, tuple(by_length), tuple(parts))


def _parts(between: Floats, gap: float) -> int:
    """Into how many parts states with these distances fall; see the head of this file."""
    if len(between) < 2:
        return len(between)
    edges = _spanning(between)
    heights = np.sort(edges[:, 2])
    best, count = 0.0, 1
    for low, high in zip(np.concatenate([[0.0], heights[:-1]]), heights, strict=True):
        if high < FAR * gap or high <= NARROW * low:
            continue
        of = _components(len(between), edges, low)
        sizes = np.bincount(of)
        if (sizes >= SEEN).sum() < 2 or (sizes >= SEEN).sum() < 0.5 * len(sizes):
            continue
        width = max(float(between[np.ix_(rows, rows)].max()) for rows in (of == i for i in range(len(sizes))))
        quotient = high / max(width, 1e-300)
        if min(high, gap) > NARROW * width and quotient > best:
            best, count = quotient, int((sizes >= SEEN).sum())
    return count


def _spanning(between: Floats) -> Floats:
    """The edges (a, b, distance) of a minimum spanning tree (Prim)."""
    count = len(between)
    nearest, distance = np.zeros(count, dtype=np.int64), between[0].copy()
    inside = np.zeros(count, dtype=bool)
    inside[0] = True
    edges = []
    for _ in range(count - 1):
        following = int(np.where(inside, np.inf, distance).argmin())
        edges.append((nearest[following], following, distance[following]))
        inside[following] = True
        closer = between[following] < distance
        nearest[closer], distance[closer] = following, between[following][closer]
    return np.array(edges).reshape(-1, 3)


def _components(count: int, edges: Floats, most: float) -> Words:
    """The component of each point, by the edges that are no longer than so much."""
    of = np.arange(count)
    for a, b, distance in edges:
        if distance <= most:
            of[of == of[int(b)]] = of[int(a)]
    return np.unique(of, return_inverse=True)[1].reshape(-1)
