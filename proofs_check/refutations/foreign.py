"""Somebody's model beside a task: what theory says of its architecture, and a search for words that it answers wrongly.

Theory speaks of a configuration that `audit` knows. What is excluded there is excluded of the recurrent layers alone;
where attention or others stand beside them, only that is said. The search runs words, and only a word that was run, and
run again by itself, is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ...algebra.automata.automaton import spanning_tree
from ...algebra.automata.image_groups import image_groups
from ...algebra.depth.families import CIRCLE
from ...algebra.depth.series import shortest_series
from ...algebra.groups.group import Group
from ...algebra.tracked import Tracked, TrackedAutomaton, TrackedGroup
from ...common.brief import Brief
from ...common.errors import InputError
from ...common.wording import counted
from ...models.foreign.decompile import require_steady
from ...models.foreign.moore import Asked, Integers, MooreMachine, Word
from ...models.foreign.trials import (
    LONG_WORDS,
    Compared,
    Trial,
    Wrong,
    every_word,
    long_trials,
    longest_taken,
    short_trials,
)
from ..audits.configurations import facts_of
from ..audits.layers import (
    NO_GROUP,
    NO_GROUP_BY_TOKENS,
    NO_GROUP_TURNED,
    NO_LARGE_ORDER,
    NO_ODD,
    NOT_FOR_EVER,
    NOT_SOLVABLE,
    ONE_MAP,
    ONLY_ADDS,
    SOLVABLE,
    LayerAudit,
)
from .theory import is_delta_stack, theory_of

if TYPE_CHECKING:
    from torch import nn

    from ...models.foreign.model import ForeignModel
    from ...models.specification import LayerSpecification


@dataclass(frozen=True, eq=False, repr=False)
class ModelTheory(Brief):
    """What is known of an architecture and a task.

    Arguments:
        possible: False where its layers cannot, True where they can, None where that is not known.
        reason: why.
        changes: what would make it possible, or possible with less.
        layers: the recurrent layers that were looked at.
    """

    possible: bool | None
    reason: str
    changes: tuple[str, ...] = ()
    layers: tuple[LayerAudit, ...] = ()


def writes_nothing(module: nn.Module | None) -> bool:
    """Whether a model has softmax attention, and all of it is multiplied by output weights that are 0."""
    if module is None:
        return False
    parts: Iterator[Any] = module.modules()
    found = [
        part.o_proj.weight
        for part in parts
        if all(hasattr(part, name) for name in ("q_proj", "k_proj", "v_proj", "o_proj"))
        and not any(hasattr(part, name) for name in ("A_log", "dt_bias", "conv1d", "q_conv1d"))
    ]
    return bool(found) and not any(bool(weight.any()) for weight in found)


def theory_of_model(
    config: dict[str, Any] | None, tracked: Tracked, tokens: int = 1, silent: bool = False
) -> ModelTheory:
    """What the audit of a configuration says of a task.

    Arguments:
        config: of the model; None where it has none.
        tracked: the task, its letters as they are read.
        tokens: the most tokens that spell a letter.
        silent: whether its attention layers write nothing (`writes_nothing`).
    """
    if config is None:
        return ModelTheory(None, "nothing is known of its architecture: it has no configuration")
    try:
        facts = facts_of(config)
    except InputError as error:
        return ModelTheory(None, f"nothing is known of its architecture: {error}")
    layers = facts.layers
    if not layers:
        return ModelTheory(
            None,
            f"{config.get('model_type', 'the model')} has no recurrent layer: attention answers words up to some "
            "length, and theory says nothing of one length",
            ("one gated delta-rule layer with negative eigenvalues tracks every group: olmo_hybrid",),
        )
    switches = tuple(line for line in facts.switch if "would bound" not in line and "no field" not in line)
    beside = not silent and any("attention stands beside" in note for note in facts.notes)
    reason = _excluded(layers, tracked, tokens)
    if reason is not None:
        changes = switches or _changes(layers, tracked)
        if beside:
            text = f"its recurrent layers alone cannot: {reason}; what stands beside them is attention, of which only "
            return ModelTheory(None, f"{text}words of bounded length are known to be answered", changes, layers)
        return ModelTheory(False, reason, changes, layers)
    can = "; ".join(dict.fromkeys(layer.can for layer in layers if layer.can))
    if can:
        return ModelTheory(_carries(layers, tracked, tokens), f"such layers carry {can}", (), layers)
    return ModelTheory(None, "nothing is excluded of such layers, and nothing is known that they carry", (), layers)


def theory_of_layers(layers: Sequence[LayerSpecification], tracked: Tracked) -> ModelTheory:
    """What theory says of a network of our own and a task, as for `theory_of_model`."""
    try:
        if isinstance(tracked, TrackedGroup):
            found = theory_of(layers, tracked.group, np.asarray(tracked.alphabet))
        else:
            assert isinstance(tracked, TrackedAutomaton)
            found = theory_of(layers, tracked.automaton)
    except InputError as error:
        return ModelTheory(None, str(error))
    if not found.forbidden:
        return ModelTheory(None, found.sentence.removeprefix("theory does not forbid this: "))
    if found.by_width:
        return ModelTheory(False, found.sentence, ("wider layers",))
    changes: tuple[str, ...] = ("another stack",)
    if is_delta_stack([layer.family for layer in layers]) and isinstance(tracked, TrackedGroup):
        needed = _needed(tracked)
        changes = (f"{needed[0]} factors a token: delta-{needed[0]}",) if needed is not None else changes
    return ModelTheory(False, found.sentence, changes)


def _groups(tracked: Tracked) -> tuple[Group, ...]:
    """The groups that words of a task hold, trivial ones left out."""
    if isinstance(tracked, TrackedGroup):
        own = tracked.group.subgroup(np.asarray(tracked.alphabet).tolist())
        return (own.as_group(),) if own.order > 1 else ()
    assert isinstance(tracked, TrackedAutomaton)
    return tuple(part.listed for part in image_groups(tracked.automaton.reachable()))


def _excluded(layers: Sequence[LayerAudit], tracked: Tracked, tokens: int) -> str | None:
    """Why no stack of such layers alone tracks a task; None where nothing says so.

    Only statements about a stack of one kind are used, so layers that exclude different things exclude nothing here.
    """
    told = {layer.excludes for layer in layers}
    group = isinstance(tracked, TrackedGroup)
    try:
        held = _groups(tracked)
    except InputError:
        return None
    if not held:
        return None
    name = f"{tracked.name} is one" if group else f"words of {tracked.name} hold one"
    if told == {NO_LARGE_ORDER}:
        return _few_factors(layers, tracked, tokens)
    if len(told) != 1:
        if group and told <= {NO_GROUP, NO_GROUP_TURNED}:
            return f"they exclude every group but the trivial one; {name}"
        return None
    text = next(iter(told))
    if not text:
        return _few_factors(layers, tracked, tokens)
    short = text.split(":")[0].split(" (")[0]
    every = (NO_GROUP, NO_GROUP_TURNED) + ((NO_GROUP_BY_TOKENS, NOT_FOR_EVER, ONLY_ADDS) if group else ())
    if text in every or (text == ONE_MAP and group and tracked.count > 1):
        return f"they exclude {short}; {name}"
    if text in (SOLVABLE, NOT_SOLVABLE) and not all(shortest_series(own, CIRCLE).is_complete for own in held):
        return f"they exclude {short}; {name}"
    if text == NO_ODD and group and any(own.order & (own.order - 1) for own in held):
        return f"they exclude {short}; {name}"
    return None


def _factors(layer: LayerAudit) -> int:
    """Householder factors a token of a delta-rule layer with negative eigenvalues; 0 of any other."""
    if layer.low != -1.0 or ("reflection" not in layer.can and "factors" not in layer.can):
        return 0
    words = layer.kind.split(", ")[-1].split(" ")
    return int(words[0]) if words[-1] == "factors" and words[0].isdigit() else 1


def _needed(tracked: TrackedGroup) -> tuple[int, int] | None:
    """How many Householder factors a token one layer is known to do with, and needs at least; None where unknown."""
    from ...algebra.representations.reflections import householders

    try:
        alphabet = sorted({int(x) for x in tracked.alphabet})
        found = householders(tracked.group, alphabet)
    except InputError:
        return None
    return found.found, found.least


def _few_factors(layers: Sequence[LayerAudit], tracked: Tracked, tokens: int) -> str | None:
    """Why one layer with few factors a token cannot; None where it can, or there are more layers."""
    if len(layers) != 1 or tokens > 1 or not isinstance(tracked, TrackedGroup):
        return None
    own = _factors(layers[0])
    needed = _needed(tracked)
    if not own or needed is None or own >= needed[1]:
        return None
    have = counted(own, "factor")
    return (
        f"one delta-rule layer with {have} a token cannot: each letter of {tracked.name} is one token, and at least "
        f"{needed[1]} factors are needed"
    )


def _carries(layers: Sequence[LayerAudit], tracked: Tracked, tokens: int) -> bool | None:
    """Whether the layers are known to carry a task; None where that is not known."""
    if isinstance(tracked, TrackedGroup):
        own = max(map(_factors, layers))
        needed = _needed(tracked) if own else None
        if needed is not None and own * max(1, tokens) >= needed[0]:
            return True
    return None


def _changes(layers: Sequence[LayerAudit], tracked: Tracked) -> tuple[str, ...]:
    """What another configuration of the class, or another class, would bring."""
    if isinstance(tracked, TrackedGroup) and any(map(_factors, layers)):
        needed = _needed(tracked)
        own = max(map(_factors, layers))
        if needed is not None and needed[0] > own:
            return (
                f"{needed[0]} factors a token (deltaproduct: num_householder {needed[0]}), or {needed[0]} tokens a "
                "letter in the words",
                "one more layer: nothing is excluded of two",
            )
    return ("no field of this class allows it; one gated delta-rule layer with negative eigenvalues tracks every "
            "group: olmo_hybrid with linear_allow_neg_eigval: true",)  # fmt: skip


@dataclass(frozen=True, eq=False, repr=False)
class Searched(Brief):
    """What a search ran and found.

    Arguments:
        wrong: the shortest wrong word found; None where none was.
        tested: what was run: name → words.
        words, letters: how many in all.
        all_to: all words of up to so many letters were run.
        taken, refused: the longest word tried, and what the model says of longer ones.
        unsteady: words that were answered rightly when they were run again by themselves.
    """

    wrong: Wrong | None
    tested: dict[str, int]
    words: int
    letters: int
    all_to: int
    taken: int
    refused: str
    unsteady: tuple[Word, ...]


def search_model(
    model: ForeignModel,
    tracked: Tracked,
    special: Callable[[int], Sequence[Word]],
    length: int = 2000,
    seed: int = 0,
) -> Searched:
    """Search words that a model answers wrongly: all short ones, each letter in each state, adversarial and random
    ones; what is found is shrunk.

    Arguments:
        model: with the task's letters and classes.
        tracked: the task.
        special: adversarial words of a length.
        length: of the longest words.
        seed: of the random words.

    Raises:
        InputError: the model takes no words or answers one in two ways, or what is tracked is too large to list.
    """
    asked = Asked(model, tracked.count)
    taken, refused = longest_taken(asked.run, length)
    require_steady(asked, taken, np.random.default_rng([seed, 1]))
    moves = tracked.moves.astype(np.int64)

    def labels(words: Integers) -> Integers:
        found = np.empty_like(words)
        state = np.full(len(words), int(tracked.start), dtype=np.int64)
        for t in range(words.shape[1]):
            state = moves[state, words[:, t]]
            found[:, t] = state
        return found

    compared = Compared(asked, labels, model.reading.answer != "every")
    unsteady: list[Word] = []
    all_to = 0
    best: Wrong | None = None
    trials = _trials(tracked, moves, compared.whole, special, taken, seed)
    for trial in trials:
        found = compared.search(iter([trial]))
        if found is None:
            if trial.name.startswith("all words"):
                all_to = trial.words.shape[1]
            continue
        alone = compared.first(np.array([found.word], dtype=np.int64))
        if alone is None:
            unsteady.append(found.word)
            continue
        best = compared.shrunk(alone)
        break
    for trial in trials:  # the rest, cut off where it could only find a longer word
        if best is None or len(best.word) <= all_to + 1:
            break
        found = compared.search(iter([Trial(trial.name, trial.words[:, : len(best.word) - 1])]))
        if found is not None and compared.first(np.array([found.word], dtype=np.int64)) is not None:
            best = compared.shrunk(found)
    if best is not None:
        best = compared.first(np.array([best.word], dtype=np.int64)) or alone
    reached = all_to if best is None else min(all_to, len(best.word) - 1)
    return Searched(best, compared.tested, asked.words, asked.asked, reached, taken, refused, tuple(unsteady))


def _trials(
    tracked: Tracked, moves: Integers, whole: bool, special: Callable[[int], Sequence[Word]], taken: int, seed: int
) -> Iterator[Trial]:
    random = np.random.default_rng([seed, 3])
    count = tracked.count
    start = int(tracked.start)
    path: dict[int, Word] = {start: ()}
    for state, x, following in spanning_tree(moves, start):
        path[following] = (*path[state], x)
    machine = MooreMachine(moves, np.arange(len(moves)), tuple(path.values()), 0)
    trials = [every_word(count, whole), short_trials(machine, count, random)]
    trials.append(long_trials(count, taken, special, random))
    for some in trials:
        for trial in some:
            if trial.words.shape[1] <= taken:
                yield trial
    if taken > 8:
        yield Trial(f"256 random words of {min(taken, 64)} letters", random.integers(count, size=(256, min(taken, 64))))
    for size in sorted({min(taken, 512), taken}):
        yield Trial(
            f"{LONG_WORDS} more random words of {size:,} letters", random.integers(count, size=(LONG_WORDS, size))
        )
