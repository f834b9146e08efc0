"""`learn`: from words with labels to an exact machine.

Many seeds are trained as one batch of runs, layer by layer. After each layer the snap keeps the channels that are
counters on the training words; they become the exact lower layers of the next one. A run ends when it has one state for
each label, when a layer adds nothing, or when it has as many layers as were allowed; a layer that would end it too
early is trained again, and the channels of all attempts count. It is exact when its states are a group whose decoded
elements agree with every label, of the training words and of words held out.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...common.brief import Brief
from ...common.wording import counted
from .exact import ExactMachine, NotExactError, exact_machine, outcome_json
from .machine import CounterMachine
from .recipe import Recipe, TrainedLayer, train_layers
from .snap import Snapped, snap
from .words import Words, first_labels

MAX_LAYERS = 8
"""Layers that are trained where their number is left open."""

BATCH_OF_RUNS = 10
"""Most runs trained side by side."""

DECODING_WORDS = 300
"""Training words on which a network's answers are counted for each state."""

Report = Callable[[str], None]


@dataclass(frozen=True, eq=False, repr=False)
class LearntLayer(Brief):
    """One layer of one run: as trained, what was kept, and the machine up to it."""

    trained: TrainedLayer
    kept: list[Snapped]
    machine: CounterMachine


@dataclass(frozen=True, eq=False, repr=False)
class LearntRun(Brief):
    """What became of one seed.

    Arguments:
        seed: of its weights and of the order of its words.
        layers: layer 1 first.
        exact: the machine it found; None where it found none.
        failure: why not; None where it did.
    """

    seed: int
    layers: tuple[LearntLayer, ...]
    exact: ExactMachine | None
    failure: str | None

    def as_json(self) -> dict[str, Any]:
        """The figures of a run: losses, what was kept and reached in each layer, and the outcome."""
        return outcome_json(self.seed, self.exact, self.failure) | {
            "states": [layer.machine.states for layer in self.layers],
            "losses": [round(layer.trained.curve[-1], 5) for layer in self.layers if layer.trained.curve],
            "kept": [[k.counter.modulus for k in layer.kept] for layer in self.layers],
            "moduli": [[c.modulus for c in layer.machine.layers[-1]] for layer in self.layers],
        }


def learn_runs(
    words: Sequence[Words],
    seeds: Sequence[int],
    recipe: Recipe,
    layers: int | None = None,
    held_out: Sequence[Words] | None = None,
    report: Report | None = None,
) -> list[LearntRun]:
    """Train, snap and judge runs.

    Arguments:
        words: the training words of each run; equal shapes.
        seeds: one for each run.
        recipe: settings.
        layers: most layers; None for `MAX_LAYERS`.
        held_out: words of each run that it is judged by and not trained on.
        report: called with a line of progress.
    """
    found: list[LearntRun] = []
    for start in range(0, len(seeds), BATCH_OF_RUNS):
        part = slice(start, start + BATCH_OF_RUNS)
        judged = held_out[part] if held_out is not None else None
        found += _learn_batch(words[part], seeds[part], recipe, layers or MAX_LAYERS, judged, report)
    return found


def _learn_batch(
    words: Sequence[Words],
    seeds: Sequence[int],
    recipe: Recipe,
    layers: int,
    held_out: Sequence[Words] | None,
    report: Report | None,
) -> list[LearntRun]:
    labels = len(words[0].label_names)
    machines = [CounterMachine.empty(len(words[0].token_names)) for _ in seeds]
    done: list[list[LearntLayer]] = [[] for _ in seeds]
    going = list(range(len(seeds)))
    for number in range(1, layers + 1):
        unfinished, found = going, dict[int, LearntLayer]()
        for attempt in range(recipe.attempts):
            for alike in _by_states(unfinished, machines):
                trained = train_layers(
                    [words[r] for r in alike],
                    [machines[r] for r in alike],
                    [seeds[r] for r in alike],
                    recipe,
                    None if report is None else _reporter(report, number, recipe.steps, len(alike)),
                    attempt,
                )
                for run, layer in zip(alike, trained, strict=True):
                    wider = found[run].trained.joined(layer) if run in found else layer
                    found[run] = LearntLayer(wider, *_snapped(wider, machines[run], words[run], recipe))
            wanted = {r: labels if number == layers else machines[r].states + 1 for r in unfinished}
            unfinished = [r for r in unfinished if found[r].machine.states < wanted[r]]
        for run in going:
            machines[run] = found[run].machine
            done[run].append(found[run])
        going = [r for r in going if machines[r].layers[-1] and machines[r].states < labels]
        if not going:
            break
    judged = held_out if held_out is not None else [None] * len(seeds)
    return [
        _judged(seed, tuple(own), words[run], judged[run])
        for run, (seed, own) in enumerate(zip(seeds, done, strict=True))
    ]


def _snapped(
    layer: TrainedLayer, lower: CounterMachine, words: Words, recipe: Recipe
) -> tuple[list[Snapped], CounterMachine]:
    """The channels that are kept, and the machine with them."""
    kept = snap(layer.phases, lower, words, recipe.concentration)
    return kept, lower.with_few([k.counter for k in kept])


def _by_states(runs: Sequence[int], machines: Sequence[CounterMachine]) -> list[list[int]]:
    """The runs, those with equally many states together: a run's draws must not depend on its neighbours."""
    sizes = sorted({machines[r].states for r in runs})
    return [[r for r in runs if machines[r].states == size] for size in sizes]


def _reporter(report: Report, layer: int, steps: int, runs: int) -> Callable[[int, list[float]], None]:
    def tell(step: int, losses: list[float]) -> None:
        report(f"layer {layer}: step {step}/{steps}, {runs} runs, losses {min(losses):.3f} … {max(losses):.3f}")

    return tell


def _judged(seed: int, layers: tuple[LearntLayer, ...], words: Words, held_out: Words | None) -> LearntRun:
    machine = layers[-1].machine
    try:
        decode = majority_answers(layers, words)
        exact = exact_machine(machine, decode, len(words.label_names))
        for name, judged in (("training", words), ("held-out", held_out)):
            wrong = exact.disagreement(judged) if judged is not None else None
            if wrong is not None and judged is not None:
                raise NotExactError(f"its answer to the {name} word ({judged.spell(wrong[0], wrong[1] + 1)}) is wrong")
    except NotExactError as error:
        return LearntRun(seed, layers, None, str(error))
    return LearntRun(seed, layers, exact, None)


def majority_answers(layers: Sequence[LearntLayer], words: Words) -> NDArray[np.int64]:
    """The label that the last layer's own head, reading unrounded phases, gives most often in each final state.

    Raises:
        NotExactError: a state is never reached by the words.
    """
    last, lower = layers[-1], layers[-1].machine.history[-1]
    tokens = words.tokens[:DECODING_WORDS]
    answers = last.trained.answers(tokens, lower)
    states = last.machine.run(tokens)[1]
    counts = np.zeros((last.machine.states, len(words.label_names)), dtype=np.int64)
    np.add.at(counts, (states, answers), 1)
    unseen = np.flatnonzero(counts.sum(axis=1) == 0)
    if len(unseen):
        raise NotExactError(
            f"{last.machine.states} states, for {len(words.label_names)} labels; {len(unseen)} of them are not reached "
            "by the words"
        )
    found: NDArray[np.int64] = counts.argmax(axis=1)
    return found


def explain_failure(words: Words, failures: Sequence[str], kinds: str = "diagonal") -> str:
    """Why no run found an exact machine, as far as the words show it; for a message.

    The words' own steps are looked at only here, after the training.

    Arguments:
        words: the training words.
        failures: what each run failed by.
        kinds: of layers that were trained: `diagonal`, `block` or `auto`.
    """
    runs = counted(len(failures), "run")
    steps = words.steps
    unseen = np.argwhere(steps < 0)
    if len(unseen):
        label, token = unseen[0]
        return (
            f"none of {runs} found an exact machine, and the words leave it open: {len(unseen)} of {steps.size} "
            f"pairs of a label and the next token never occur, e.g. label {words.label_names[label]} and token "
            f"{words.token_names[token]}; more words are needed ({words.count} of at most {words.length} tokens came)"
        )
    from ...algebra.depth.families import CIRCLE
    from ...algebra.depth.refusal import refusal
    from ...algebra.depth.series import shortest_series

    group = group_of_steps(steps, words)
    if group is None:
        return (
            f"none of {runs} found an exact machine: the labels are no group under these tokens (two words "
            "with the same label act differently on other labels), so a label is less than the state of the machine"
        )
    series = shortest_series(group, CIRCLE)
    reasons = sorted(set(failures))
    if not series.is_complete:
        why = refusal(series, [CIRCLE])
        if kinds == "diagonal":
            return f"none of {runs} found an exact machine, and no diagonal layers can: {why}; try --layers-of block"
        return (
            f"none of {runs} found an exact machine by a block layer ({'; '.join(reasons)[:300]}), and diagonal layers "
            f"cannot: {why}; try --steps or other --matrices, e.g. SO(7)"
        )
    if kinds == "block":
        return (
            f"none of {runs} found an exact machine by a block layer ({'; '.join(reasons)[:300]}): try --layers-of "
            "auto, --steps or other --matrices, e.g. SO(7)"
        )
    return (
        f"none of {runs} found an exact machine ({'; '.join(reasons)[:200]}); the words are those of a "
        f"solvable group of order {group.order} that needs {series.length} layers: try more --runs, --steps or --layers"
    )


def group_of_steps(steps: NDArray[np.int64], words: Words) -> Any:
    """The group of a complete table of steps (labels, tokens), as an explanation of a failure; None if there is none.

    The start is the label from which every token leads to that token's first label.
    """
    from ...algebra.groups.group import Group

    first = first_labels(words)
    seen = first >= 0
    starts = np.flatnonzero((steps[:, seen] == first[seen]).all(axis=1))
    if len(starts) != 1:
        return None
    order = [int(starts[0])]
    number = {order[0]: 0}
    for label in order:
        for following in steps[label].tolist():
            if following not in number:
                number[following] = len(order)
                order.append(following)
    if len(order) != len(steps):
        return None
    relabelled = np.array([[number[int(y)] for y in steps[label]] for label in order], dtype=np.int64)
    products = CounterMachine(relabelled, np.zeros(len(order), dtype=np.int64)).products
    return None if products is None else Group.from_table(products, f"the group of these {len(order)} labels")


def is_no_group(words: Words) -> bool:
    """Whether the words show every step of the labels, and these are no group: a failure that training cannot mend."""
    return bool((words.steps >= 0).all()) and group_of_steps(words.steps, words) is None
