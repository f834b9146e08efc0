"""Words on which models fail: refute, and parity."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from ..algebra.tracked import TrackedAutomaton
from ..common.errors import InputError
from ..common.terminal import Shown, progress
from .foreign import LENGTH, ModelRefutation, foreign_artifact, refute_model
from .groups import MachineLike
from .models import network_and_task, task_of_name
from .pages import refutation_page

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..artifacts.artifact import Artifact
    from ..models.foreign.reading import Reading
    from ..models.network import DCDNetwork
    from ..models.training.tasks import Task
    from ..proofs_check.refutations.automaton import AutomatonRefutation
    from ..proofs_check.refutations.parity import CompiledParity
    from ..proofs_check.refutations.refutation import Refutation


def refute(
    model: DCDNetwork | Callable[..., Any] | MachineLike | Path | Artifact | None = None,
    tracked: MachineLike | None = None,
    alphabet: NDArray | None = None,
    epsilon: float | None = None,
    *,
    reading: Reading | Mapping[str, Any] | str | Path | None = None,
    length: int | None = None,
    random: str | Sequence[str] | None = None,
    layers: int = 1,
    width: int | None = None,
    seed: int = 0,
    activation: str = "hard",
    html: str | Path | None = None,
) -> Refutation | AutomatonRefutation | ModelRefutation:
    """Find the words on which a model fails that cannot track a group or an automaton.

    Of somebody else's model the shortest word is sought that it answers wrongly, with a line of plain torch that runs
    it again; where theory says why there must be one, that stands beside it.

    Arguments:
        model: a network, or a folder with `config.json` and `model.safetensors`; or somebody else's model, as for
            `sn.decompile`. With `random` the group or the automaton may stand here instead, as on the command line.
        tracked: the group or the automaton, as for `sn.machine`; None for that of a compiled folder.
        alphabet: the element of each token, shape (tokens,), for a network; None for all elements in order, or the
            compiled folder's own.
        epsilon: states this close in every channel count as one; 1e-6 by default. For groups, as `alphabet`.
        reading: how somebody else's model is read; None for the default, or its own.
        length: of the longest words that somebody else's model is run on; 2,000 by default.
        random: instead of a model: a random network of this family, or of a stack such as `mamba,aussm`.
        layers: with `random` and one family: how many layers.
        width: with `random`: channels of each layer; None for 16 or what makes whole blocks.
        seed: with `random`: of the weights.
        activation: with `random`: of the readouts, `hard`, `softmax`, `relu`, `tanh` and others.
        html: also write a page for the browser, where the two words run side by side.

    Raises:
        InputError: the model or the group cannot be read, or they do not fit together.

    Examples:
        >>> import subnormal as sn
        >>> sn.refute("S3", random="aussm", width=2).refuted
        True
        >>> sn.refute(sn.compile("S3").network(), "S3").kind
        'allowed'
        >>> import torch
        >>> def last_letter(ids):
        ...     return torch.nn.functional.one_hot(ids, 2)
        >>> found = sn.refute(last_letter, "C2").failing_word
        >>> found.word, found.product, found.answer
        (('1', '0'), '1', '0')
    """
    if html is not None:
        from ..constructions.pages.packing import check_page_path

        check_page_path(Path(html))
    if random is not None:
        if (model is None) == (tracked is None):
            raise InputError(f"both MODEL {model} and --random {random}; wanted one, e.g. `refute S3 --random aussm`")
        task = task_of_name(model if tracked is None else tracked)  # type: ignore[arg-type]
        network = _drawn(task, _families(random, layers), width, seed, activation)
    elif model is None:
        raise InputError("no model; wanted e.g. sn.refute('s4'), or random too, e.g. sn.refute('S3', random='aussm')")
    elif (foreign := foreign_artifact(model, reading, "refute")) is not None:
        for option, value in (("html", html), ("alphabet", alphabet), ("epsilon", epsilon)):
            if value is not None:
                raise InputError(f"--{option} goes with a network of our own; leave it out")
        return refute_model(foreign, tracked, seed=seed, length=LENGTH if length is None else length)
    else:
        if length is not None:
            raise InputError("--length goes with somebody else's model; leave it out")
        network, task = network_and_task(model, tracked, "refute")  # type: ignore[arg-type]
    if isinstance(task.tracked, TrackedAutomaton):
        from ..proofs_check.refutations.automaton import refute_automaton

        for option, value in (("html", html), ("alphabet", alphabet), ("epsilon", epsilon)):
            if value is not None:
                raise InputError(f"--{option} goes with a group, and {task.name} is an automaton; leave it out")
        return refute_automaton(network, task.tracked.automaton)
    from ..proofs_check.refutations.refutation import refute as search

    tokens = task.alphabet if alphabet is None else alphabet
    found = search(network, task.group, tokens, 1e-6 if epsilon is None else epsilon)
    if html is not None:
        refutation_page(found, network, task.group, tokens, Path(html))
    return found


def _drawn(task: Task, families: list[str], width: int | None, seed: int, activation: str) -> DCDNetwork:
    from ..proofs_check.refutations import automaton
    from ..proofs_check.refutations.refutation import random_network

    if isinstance(task.tracked, TrackedAutomaton):
        return automaton.random_network(task.tracked.automaton, families, width, seed, activation)
    return random_network(task.classes, families, width, seed, activation)


def _families(stack: str | Sequence[str], layers: int) -> list[str]:
    names = stack.split(",") if isinstance(stack, str) else stack
    families = [family.strip().lower().replace("_", "-") for family in names]
    if len(families) == 1:
        return families * layers
    if layers not in (1, len(families)):
        raise InputError(f"--layers {layers} with a stack of {len(families)} families; leave --layers out")
    return families


DELTAS = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 20.0, 36.0, 39.0)
"""Step sizes Δ of the table of Negative Mamba without rounding to -1."""


@dataclass(frozen=True, repr=False)
class Parity(Shown):
    """Which families follow parity.

    Arguments:
        mixtures: for each stack of S4D and Mamba what was found about its random networks.
        compiled: one layer of Negative Mamba and one of AUSSM that track parity.
        step_sizes: Negative Mamba with a moderate step size Δ: a row for each Δ and precision.
        tokens: up to which length the words of those rows were run.
    """

    mixtures: dict[str, tuple[Refutation, ...]]
    compiled: tuple[CompiledParity, ...]
    step_sizes: tuple[dict[str, Any], ...]
    tokens: int

    @property
    def refuted(self) -> bool:
        """Whether every network of every mixture was shown to fail."""
        return all(found.refuted for some in self.mixtures.values() for found in some)

    def as_json(self) -> dict[str, Any]:
        """The object that `parity --json` prints."""
        layers = [
            {
                "family": layer.family,
                "multipliers": [[a.real, a.imag] for a in layer.multipliers],
                "shifts": [[b.real, b.imag] for b in layer.shifts],
                "initial_state": [layer.initial.real, layer.initial.imag],
                "scores": [list(row) for row in layer.scores],
                "tokens_run": layer.tokens_run,
            }
            for layer in self.compiled
        ]
        return {
            "mixtures": {name: [found.as_json() for found in some] for name, some in self.mixtures.items()},
            "compiled": layers,
            "step_sizes": list(self.step_sizes),
        }

    def view(self) -> Text:
        """What the command prints."""
        lines = [_stack_line(name, some) for name, some in self.mixtures.items()]
        lines += [_compiled_line(layer) for layer in self.compiled]
        return Text("\n".join([*lines, *_step_lines(self.step_sizes, self.tokens)]))


def parity(layers: int = 4, width: int = 8, seeds: int = 1, activation: str = "hard", tokens: int = 200_000) -> Parity:
    """Show which families cannot follow parity, on words, and which can, by weights.

    Arguments:
        layers: mixtures of S4D and Mamba up to this many layers are refuted.
        width: channels of each layer.
        seeds: random networks of each mixture.
        activation: of the readouts, as for `sn.refute`.
        tokens: the longest word run for the table of step sizes.

    Examples:
        >>> import subnormal as sn
        >>> found = sn.parity(layers=1, width=2, tokens=100)
        >>> found.refuted, [layer.family for layer in found.compiled]
        (True, ['negative-mamba', 'aussm'])
    """
    from ..proofs_check.refutations.parity import compiled_parity, refute_parity, stacks

    every = list(stacks(layers))
    mixtures = {}
    with progress("mixtures", len(every)) as advance:
        for done, stack in enumerate(every, 1):
            mixtures[",".join(stack)] = tuple(refute_parity(stack, width, seed, activation) for seed in range(seeds))
            advance(done)
    compiled = tuple(compiled_parity(family) for family in ("negative-mamba", "aussm"))
    return Parity(mixtures, compiled, tuple(_step_sizes(tokens)), tokens)


def _stack_line(name: str, some: Sequence[Refutation]) -> str:
    pairs = [found.pair for found in some if found.pair]
    text = f"{name}: {len(pairs)} of {len(some)} refuted by two words of different parity"
    grown = sum(found.kind in ("divergence", "growth") for found in some)
    if grown:
        text += f", {grown} by growth"
    if pairs:
        shown = min(pairs, key=lambda pair: len(str(pair.words[0])))
        lengths = sorted(pair.words[0].length for pair in pairs)
        text += f"; lengths {lengths[0]:,} to {lengths[-1]:,}" if len(pairs) > 1 else f"; length {lengths[0]:,}"
        text += f"\n  {shown.words[0]}\n  {shown.words[1]}"
        text += f"\n  states {shown.distance:.1e} apart, answers {shown.answers[0]} and {shown.answers[1]}"
    return text


def _compiled_line(layer: CompiledParity) -> str:
    a, scores = layer.multipliers, layer.scores
    return (
        f"{layer.family}: one compiled layer tracks parity. a(0) = {a[0]:.17g}, a(1) = {a[1]:.17g}, b = 0, "
        f"h before = {layer.initial:g}; "
        f"the decision is the larger of {_score(scores[0])} (even) and {_score(scores[1])} (odd); "
        f"run on a random and a constant word of {layer.tokens_run:,} tokens without a wrong answer"
    )


def _score(weights: tuple[float, ...]) -> str:
    names = ("h",) if len(weights) == 1 else ("Re h", "Im h")
    return " + ".join(f"{weight:g} {name}" for weight, name in zip(weights, names, strict=True) if abs(weight) > 1e-9)


def _step_sizes(most: int) -> list[dict[str, Any]]:
    import torch

    from ..proofs_check.refutations.parity import first_wrong, vanishing_length

    rows = []
    for delta in DELTAS:
        for name, dtype in (("float32", torch.float32), ("float64", torch.float64)):
            predicted = vanishing_length(delta, dtype)
            row: dict[str, Any] = {
                "delta": delta,
                "dtype": name,
                "predicted": None if predicted == float("inf") else predicted,
            }
            for arithmetic in ("token by token", "flushed", "blocks"):
                try:
                    row[arithmetic] = first_wrong(delta, dtype, most, arithmetic)
                except InputError:
                    row[arithmetic] = None
            rows.append(row)
    return rows


def _step_lines(rows: Sequence[dict[str, Any]], most: int) -> list[str]:
    lines = [
        "",
        "Negative Mamba with a moderate step size Δ for the token 1: length of the first word 1ⁿ answered wrongly",
        f"(– where none was up to n = {most:,}; `predicted`: where aⁿ leaves the normal numbers, a formula)",
        f"{'Δ':>5} {'dtype':8} {'predicted':>12} {'flushed':>12} {'scan':>12} {'token by token':>15}",
    ]
    for row in rows:
        predicted = "never: a = -1" if row["predicted"] is None else f"{row['predicted']:.4g}"
        cells = [f"{row[key]:,}" if row[key] else "–" for key in ("flushed", "blocks", "token by token")]
        lines.append(f"{row['delta']:>5g} {row['dtype']:8} {predicted:>13} " + "{:>11} {:>12} {:>15}".format(*cells))
    return lines
