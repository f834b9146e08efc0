"""Training from Python: the runs of `subnormal train`, and what came of them."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from rich.console import Group as Renderables
from rich.console import RenderableType
from rich.text import Text

from ..algebra.automata.automaton import Automaton
from ..algebra.input.parser import parse_group, parse_machine
from ..algebra.tracked import TrackedAutomaton, TrackedGroup
from ..artifacts.artifact import Artifact, load
from ..common.errors import InputError
from ..common.kinds import CHECKPOINT, MODULE, RUN, claim_folder
from ..common.summary import SUMMARY, Tabular, write_summary
from ..common.terminal import Shown, plain_table, progress
from ..common.wording import default_folder
from ..common.writing import make_folder
from ..models.training.pool import RUNS_TOGETHER, Resources
from .compiling import Checkpoint, Compiled, compile
from .groups import MachineLike
from .groups import machine as read_machine

if TYPE_CHECKING:
    from torch.nn import Module

    from ..models.foreign.reading import Reading
    from ..models.network import DCDNetwork
    from ..models.prose.judging import TextAccuracies, TextAccuracy
    from ..models.training.evaluation import Accuracy
    from ..models.training.tasks import Task
    from ..proofs_check.refutations.theory import Theory


@dataclass(frozen=True, repr=False)
class Training(Tabular, Shown):
    """Finished runs, in the order in which they were asked for.

    Arguments:
        folder: of rows, networks and the picture of the curves.
        rows: one dictionary a run: configuration, steps, loss, curve, test accuracies, longest length.
        forbidden: why no such network can track what it was trained on; None where theory does not say so.
    """

    folder: Path
    rows: tuple[dict[str, Any], ...]
    forbidden: str | None = None

    @property
    def longest(self) -> tuple[int, ...]:
        """For each run the longest length at which more than 90 % of the last symbols are right."""
        return tuple(int(row["test"]["longest"]) for row in self.rows)

    def rows_of_table(self) -> tuple[dict[str, Any], ...]:
        """One dictionary a run."""
        return self.rows

    def network(self, run: int = 0) -> DCDNetwork | Module:
        """The trained network of one run, a `torch.nn.Module`; of a checkpoint the model of transformers."""
        from ..models.network import DCDNetwork
        from ..models.training.runs import RunStore

        folder = RunStore(self.folder).network_folder(self.rows[run]["key"])
        if load(folder).kind == CHECKPOINT:
            from ..models.references.hugging_face import load_model

            found: Module = load_model(folder)
            return found
        return DCDNetwork.from_pretrained(folder)

    @property
    def picture(self) -> Path:
        """The curves: loss, longest length, accuracy against length."""
        return self.folder / "curves.png"

    def view(self) -> RenderableType:
        """What `train` prints: the table, runs that diverged, where everything is."""
        from ..models.training.live import diverged, loss_text

        table = plain_table("seed", "learning rate", "noise", "steps", "loss", "longest", "whole at 60", "network")
        for row in self.rows:
            configuration, test = row["configuration"], row["test"]
            whole = dict(zip(test["lengths"], test["whole"], strict=True)).get(60)
            table.add_row(
                *(f"{configuration[name]:g}" for name in ("seed", "learning_rate", "noise")),
                f"{row['steps']}{' (flawless)' if row['stopped_early'] else ''}",
                loss_text(row["loss"], row.get("diverged_at")),
                str(test["longest"]),
                "–" if whole is None else f"{whole:.1%}",
                row["key"],
            )
        places = [f"networks: {self.folder}/networks/", f"curves: {self.picture}", f"table: {self.folder / SUMMARY}"]
        return Renderables(table, *(Text(line) for line in [*diverged(self.rows), *places]))

    def _repr_png_(self) -> bytes:
        return self.picture.read_bytes()


def train(
    tracked: MachineLike,
    family: str | None = None,
    *,
    init: str | Path | Compiled | Checkpoint = "random",
    noise: float | Sequence[float] = 0.0,
    learning_rate: float | Sequence[float] | None = None,
    seeds: int | Sequence[int] = 1,
    out: str | Path | None = None,
    processes: int | None = None,
    device: str = "cpu",
    runs_together: int = RUNS_TOGETHER,
    tensorboard: bool = False,
    protocol: str | None = None,
    force: bool = False,
    **settings: Any,
) -> Training:
    """Train networks on a group: every noise × learning rate × seed. Call it again to continue.

    A line on standard error says first what theory allows such a network, or forbids it.

    Arguments:
        tracked: as for `sn.machine`; it must have a name or permutations that the commands understand.
        family: one model family, or a stack such as `negative-mamba,aussm`; None for that of `init`, else `aussm`.
            From compiled weights also a target, see `init`.
        init: `random`, `compiled`, a folder with a network or a checkpoint that `compile --target` wrote, or what
            `sn.compile` returned. `compiled` with the family `olmo-hybrid` or `delta`, or another target of
            `sn.compile` that torch can train, starts from that target's weights.
        noise: standard deviation of the noise on every initial weight; several make an axis.
        learning_rate: one or several; None for 0.003, or 0.0003 from given weights.
        seeds: their number, or a list of them; `seed=3` is `seeds=[3]`.
        out: folder for rows, networks and the picture; `runs/` and the group's name by default.
        processes, device: where to train: processes with one torch thread each; `cpu` or another device of torch.
        runs_together: most runs trained as one batch in a process.
        tensorboard: whether to write TensorBoard's logs into the folder (extra `tensorboard`).
        protocol: `chomsky` or `flip-flop`: the settings that the field trains and judges automata with; settings that
            are given win.
        force: whether `out` may be a folder that holds something else than runs.
        settings: the other fields of `subnormal.models.training.configuration.RunConfiguration`, such as `steps`,
            `layers`, `channels`, `batch`, `length` and `weight_decay`.

    Raises:
        InputError: an unknown setting, or a value that cannot be used.

    Examples:
        >>> import subnormal as sn
        >>> training = sn.train("C2", steps=2, length="4", test_words=2, test_length=20, seeds=2, processes=1)
        >>> len(training.rows)
        2
    """
    from ..models.training.checkpoint_runs import require_checkpoint
    from ..models.training.configuration import PROTOCOLS, RunConfiguration
    from ..models.training.curves import draw_curves
    from ..models.training.initial import initial_network
    from ..models.training.live import train_watched
    from ..models.training.logs import Logs
    from ..models.training.recorded import task_of
    from ..models.training.runs import RunStore
    from ..models.training.sweep import MAX_RUNS

    text = _text(tracked)
    folder = Path(out) if out is not None else Path("runs") / default_folder(read_machine(tracked).name)
    claim_folder(folder, RUN, force)
    target = _target(family) if init == "compiled" else None
    if target is not None:
        init = compile(tracked, alphabet=settings.get("alphabet"), target=target)
        if family == target:
            family = target if init.kind == CHECKPOINT else None
    if isinstance(init, Compiled):
        own = _family(init)
        if family not in (None, own):
            raise InputError(f"family: {family}, and init was compiled for {own}; leave family out")
        family = own
        init = init.save(folder / "start")
    elif isinstance(init, Checkpoint):
        init = init.save(folder / "start")
    if init not in ("random", "compiled"):
        start = load(init).require("train").source  # of a folder of runs its best network
        init = start.path
        written = _family_of(start) if family is None or start.kind == CHECKPOINT else family
        if family not in (None, written) and target is None:
            raise InputError(f"family: {family}, and {init} is a checkpoint for {written}; leave family out")
        family = family or written
        if start.kind == CHECKPOINT and "alphabet" not in settings:
            settings["alphabet"] = _letters_of(start)
    family = family or "aussm"
    if "group" in settings:
        raise InputError(f"group: {settings['group']!r:.40}, and {text[:40]} is trained; name it once, first")
    if "seed" in settings:
        if seeds != 1:
            raise InputError(f"seed and seeds: {settings['seed']!r:.20} and {seeds!r:.40}; give one, e.g. seeds=[3]")
        seeds = [settings.pop("seed")]
    if protocol is not None and protocol not in PROTOCOLS:
        raise InputError(f"unknown protocol {protocol[:40]!r}; wanted one of {', '.join(PROTOCOLS)}")
    fixed = PROTOCOLS[protocol] if protocol else {}
    base = RunConfiguration.from_json({"group": text, "family": family, "init": str(init), **fixed, **settings})
    rates = _several(base.learning_rate if learning_rate is None else learning_rate)
    numbers = range(seeds) if isinstance(seeds, int) else seeds
    asked = len(_several(noise)) * len(rates) * len(numbers)
    if asked > MAX_RUNS:
        raise InputError(
            f"{asked:,} runs, of every seed, rate and noise; at most {MAX_RUNS:,} are trained, e.g. --seeds 5"
        )
    runs = [
        base.with_changes(noise=float(sigma), learning_rate=float(rate), seed=seed)
        for sigma in _several(noise)
        for rate in rates
        for seed in numbers
    ]
    if not runs:
        raise InputError(f"seeds: {seeds}; wanted at least one run")
    task = task_of(runs[0])
    network = None
    if base.of_others:  # what cannot be made fails here, before any process is started
        require_checkpoint(runs[0])
    else:
        network = initial_network(runs[0], task)
    store, machine = RunStore(folder), Resources(processes, device, runs_together)
    machine.check()
    Logs(folder if tensorboard else None)  # whether TensorBoard is there
    make_folder(folder)  # what cannot be done is said alone, before theory
    theory = None if network is None else _theory(network, task)
    forbidden = theory.sentence if theory and theory.forbidden else None
    if theory is not None:
        said = theory.sentence if forbidden is None else f"{forbidden}; it is trained all the same"
        print(f"theory: {said.removeprefix('theory does not forbid this: ')}", file=sys.stderr, flush=True)
    train_watched(runs, store, machine, folder / "tensorboard" if tensorboard else None)
    rows = store.of(runs)
    training = Training(folder, tuple(rows), forbidden)
    draw_curves(rows, training.picture, f"{text}, {family}, init {init}")
    write_summary(folder / SUMMARY, rows)
    return training


def _theory(network: DCDNetwork, task: Task) -> Theory | None:
    """What theory says of a network and its task; None where no theorem speaks of such layers, or the monoid is too
    large to list."""
    from ..proofs_check.refutations.theory import theory_of

    try:
        if isinstance(task.tracked, TrackedAutomaton):
            return theory_of(network.specifications, task.tracked.automaton)
        return theory_of(network.specifications, task.group, task.alphabet)
    except InputError:
        return None


# Overloads write every parameter out: a type checker takes nothing over from the function itself.
@overload
def evaluate(
    model: DCDNetwork | Callable[..., Any] | str | Path | Artifact | Sequence[str | Path],
    tracked: MachineLike | None = None,
    length: int = 1000,
    words: int | None = None,
    seed: int = 0,
    *,
    reading: Reading | Mapping[str, Any] | str | Path | None = None,
    alphabet: str | None = None,
    ways: str | Sequence[str] = "whole",
    batch: int | None = None,
    data: None = None,
    generate: bool = True,
    out: str | Path | None = None,
) -> Accuracy: ...


@overload
def evaluate(
    model: DCDNetwork | Callable[..., Any] | str | Path | Artifact | Sequence[str | Path],
    tracked: MachineLike | None = None,
    length: int = 1000,
    words: int | None = None,
    seed: int = 0,
    *,
    reading: Reading | Mapping[str, Any] | str | Path | None = None,
    alphabet: str | None = None,
    ways: str | Sequence[str] = "whole",
    batch: int | None = None,
    data: str | Path | None,
    generate: bool = True,
    out: str | Path | None = None,
) -> Accuracy | TextAccuracy | TextAccuracies: ...


def evaluate(
    model: DCDNetwork | Callable[..., Any] | str | Path | Artifact | Sequence[str | Path],
    tracked: MachineLike | None = None,
    length: int = 1000,
    words: int | None = None,
    seed: int = 0,
    *,
    reading: Reading | Mapping[str, Any] | str | Path | None = None,
    alphabet: str | None = None,
    ways: str | Sequence[str] = "whole",
    batch: int | None = None,
    data: str | Path | None = None,
    generate: bool = True,
    out: str | Path | None = None,
) -> Accuracy | TextAccuracy | TextAccuracies:
    """Accuracy of a model at lengths 20, 40, … up to a length, on random words over its tokens, or on a file's words;
    and on adversarial words; of anybody's model also read in other ways.

    Arguments:
        model: a network, whose tokens are the group's elements in order; a folder written by `train` or `compile`; or
            anybody's model: a Hugging Face folder, a loaded `PreTrainedModel`, a callable from token ids (batch,
            tokens) to logits (batch, tokens, classes), or the text `path/to/file.py:function`.
        tracked: the group or the automaton; None for the folder's own.
        length: the longest.
        words: their number; None for 1,000, or for 100 where a letter is spelt with many tokens.
        seed: of the words.
        reading: how anybody's model is read (docs/how-to/anybodys-model.md); checkpoints of ours need none.
        alphabet: of a group: the elements that are letters, in order, where these are not all.
        ways: `whole`, `all`, or some of `cached`, `left`, `pieces`, `bfloat16`: how words are read. What differs from
            one pass is said.
        batch: words that are run at a time; None for as many as fit into memory.
        data: a file of words with labels (CSV in the field's dialects, JSON lines) to judge by in their place: of the
            folder's own group or automaton, of `tracked`, or of that in the file's name, `S3_x_Z4=20.csv`. Or prompts
            of `sn.words(…, style=…)`: then the model is a folder of a causal language model with its tokenizer, or
            several: a list, or one text with `;` between them. They come into one table and one picture.
        generate: with prompts, whether texts are generated too, beside the choice by likelihood.
        out: folder for `summary.csv`, and for the picture of accuracy against steps. Of anybody's model also for the
            counts so far: the same call goes on where it was stopped.

    Raises:
        InputError: the model, the reading or the group cannot be read, or they do not fit together.

    Examples:
        >>> import subnormal as sn
        >>> sn.evaluate(sn.compile("S3").network(), "S3", length=40, words=10).longest
        40
        >>> import torch
        >>> parity = lambda ids: torch.eye(2)[ids.cumsum(1) % 2]
        >>> sn.evaluate(parity, "C2", length=60, words=10).by_length[60]
        1.0
    """
    from ..models.training.evaluation import evaluate as measured
    from .models import network_and_task

    if data is not None:
        folder = None if out is None else Path(out)
        return _on_file(model, tracked, Path(data), generate, folder, reading, alphabet, batch)
    if isinstance(model, Sequence) and not isinstance(model, str):
        raise InputError("several models: they go with prompts, e.g. evaluate(['one', 'two'], data='S3-code=20.jsonl')")
    artifact = load(model, reading)
    if artifact.kind in (CHECKPOINT, MODULE):
        return _evaluated(
            artifact, tracked, length, words, seed, alphabet, ways, batch, None if out is None else Path(out)
        )
    given = {"alphabet": alphabet, "ways": None if ways == "whole" else ways, "batch": batch}
    if other := [name for name, value in given.items() if value is not None]:
        raise InputError(f"{', '.join(other)}: goes with a model of others, and {artifact} is our own; leave it out")
    network, task = network_and_task(model, tracked, "evaluate")
    with progress("tokens of each word", length) as advance:
        found = measured(network, task, length, WORDS if words is None else words, seed=seed, report=advance)
    from ..models.foreign.evaluation import by_sort
    from ..models.foreign.model import model_of_network

    sorts = by_sort(model_of_network(network, task.tracked), task.tracked, min(length, HARD_LENGTH))
    name = "" if model is network else str(model)
    return _kept(replace(found, name=task.name, folder=name, sorts=sorts), out)


def _kept(found: Accuracy, out: str | Path | None) -> Accuracy:
    """An evaluation, whose table is written where a folder was named."""
    if out is not None:
        write_summary(Path(out) / SUMMARY, found.rows_of_table())
    return found


def _on_file(
    model: Any,
    tracked: MachineLike | None,
    path: Path,
    generate: bool,
    out: Path | None,
    reading: Reading | Mapping[str, Any] | str | Path | None,
    alphabet: str | None,
    batch: int | None,
) -> Accuracy | TextAccuracy | TextAccuracies:
    """`evaluate` on a file of words, or of prompts."""
    from ..models.prose.samples import is_prose
    from ..models.training.word_files import group_of_file, is_word_file

    if is_prose(path):
        return _on_prompts(model, tracked, path, generate, out)
    if isinstance(model, Sequence) and not isinstance(model, str):
        raise InputError(f"several models: they go with prompts, and {path} has words; give one model")
    if not is_word_file(path):
        raise InputError(
            f"{path}: no file of words; wanted a .csv with the columns input and target, or .jsonl with input and "
            "target or with prompt and answer; `subnormal words S3` writes one"
        )
    import torch

    from ..models.training.evaluation import accuracy_of, answers_to
    from ..models.training.word_files import read_task_words
    from .models import model_and_task, network_and_task

    artifact = load(model, reading)
    if artifact.kind in (CHECKPOINT, MODULE):
        from ..models.foreign.evaluation import labelled_answers

        asked = group_of_file(path)[0] if tracked is None and not says_what(artifact) else tracked
        others, read_task = model_and_task(artifact, asked, "evaluate", alphabet=alphabet, batch=batch)
        assert read_task is not None
        task = read_task
        given = read_task_words(path, task)
        counted = accuracy_of(labelled_answers(others, given), given)
        return _kept(replace(counted, name=task.name, folder=others.name), out)
    try:
        network, task = network_and_task(model, tracked, "evaluate")
    except InputError:
        if tracked is not None:
            raise
        network, task = network_and_task(model, group_of_file(path)[0], "evaluate")
    given = read_task_words(path, task)
    found = accuracy_of(answers_to(lambda words: network.predict(torch.from_numpy(words))[0].numpy(), given), given)
    return _kept(replace(found, name=task.name, folder="" if model is network else str(model)), out)


def says_what(artifact: Artifact) -> bool:
    """Whether anybody's model says itself what it should track: a checkpoint of ours does."""
    try:
        return artifact.tracked is not None
    except InputError:
        return False


def _on_prompts(
    model: DCDNetwork | Callable[..., Any] | str | Path | Artifact | Sequence[str | Path],
    tracked: MachineLike | None,
    path: Path,
    generate: bool,
    out: Path | None,
) -> TextAccuracy | TextAccuracies:
    """`evaluate` of a causal language model on prompts."""
    from ..models.prose.judging import TextAccuracies, draw_text, judge_text
    from ..models.prose.samples import read_samples
    from ..models.references.hugging_face import load as load_model

    if tracked is not None:
        raise InputError(f"{tracked!r:.40} and {path}: prompts say themselves what they ask about; leave the first out")
    samples = read_samples(path)
    folders = _folders_of(model)
    for folder in folders:
        if not isinstance(folder, str | Path) or not Path(folder).is_dir():
            raise InputError(
                f"{str(folder)[:60]}: prompts are for a causal language model; wanted its folder, with config.json, "
                "weights and tokenizer; several are separated by ;"
            )
    each = []
    for folder in folders:
        tokenizer, network = load_model(Path(folder))
        with progress("prompts", len(samples)) as advance:
            each.append(judge_text(network, tokenizer, samples, str(folder), generate, advance))
    found: TextAccuracy | TextAccuracies = each[0] if len(each) == 1 else TextAccuracies(tuple(each))
    if out is not None:
        found = replace(found, picture=out / "accuracy.png")
        draw_text(each, out / "accuracy.png")
        write_summary(out / SUMMARY, found.rows_of_table())
    return found


def _folders_of(model: Any) -> list[Any]:
    """The folders of several language models: a list, or a text in which they are separated by `;`; else the one."""
    if isinstance(model, list | tuple):
        folders = list(model)
    elif isinstance(model, str | Path) and ";" in str(model) and not Path(model).exists():
        folders = [part.strip() for part in str(model).split(";")]
    else:
        return [model]
    if not folders or "" in folders or len({str(folder) for folder in folders}) < len(folders):
        raise InputError(f"{str(model)[:60]}: wanted folders for a causal language model each, each of them once")
    return folders


def _evaluated(
    artifact: Artifact,
    tracked: MachineLike | None,
    length: int,
    words: int | None,
    seed: int,
    alphabet: str | None,
    ways: str | Sequence[str],
    batch: int | None,
    out: Path | None,
) -> Accuracy:
    from ..models.foreign.altered import altered_from_compiled
    from ..models.foreign.evaluation import Evaluation, by_sort, by_way
    from ..models.foreign.ways import ways_named
    from .models import model_and_task

    for name, value in (("length", length), ("words", words), ("batch", batch)):
        if value is not None and value < 1:
            raise InputError(f"{name} {value}; wanted at least 1")
    named = ways_named(ways)
    model, task = model_and_task(artifact, tracked, "evaluate", alphabet=alphabet, batch=batch)
    assert task is not None
    if words is None:
        words = WORDS if max(map(len, model.reading.spellings)) < MANY_TOKENS else WORDS // 10
    run = Evaluation(model, task, length, words, seed, None if out is None else out / COUNTS)
    with progress("words", words) as advance:
        run.run(advance)
    altered = altered_from_compiled(model.folder, task.tracked) if model.folder is not None else ()
    found = replace(
        run.accuracy(),
        sorts=by_sort(model, task.tracked, min(length, HARD_LENGTH)),
        ways=by_way(model, task, named, length) if len(named) > 1 else (),
        notes=tuple(f"not as compiled: {line}" for line in altered),
    )
    return _kept(found, out)


WORDS, MANY_TOKENS = 1000, 5
"""How many words are run where nobody says; a tenth where a letter may be spelt with so many tokens (a product of many
reflections), since the time goes with the tokens."""

COUNTS = "counts.json"
"""Of an evaluation: what was counted so far."""

HARD_LENGTH = 1000
"""Of adversarial words, at most."""


def _automaton_text(asked: Automaton) -> str:
    for text in (asked.name, f"regex({asked.name})"):
        try:
            same = parse_machine(text)
        except InputError:
            continue
        if isinstance(same, Automaton) and np.array_equal(same.table, asked.table):
            return text
    raise InputError(f"{asked.name} has no name by which a run can find it again; wanted a text, e.g. 'tomita(5)'")


def _several(value: float | Iterable[float]) -> list[float]:
    return [value] if isinstance(value, (int, float)) else list(value)


def _family(compiled: Compiled) -> str:
    """The stack of a compilation as the settings write it."""
    return _stack([layer["family"] for layer in compiled.compilation.parameters()[0]["layers"]])


def _stack(families: Sequence[str]) -> str:
    return families[0] if len(set(families)) == 1 else ",".join(families)


def _target(family: str | None) -> str | None:
    """The target of `compile` whose weights a family asks for; None for the families of our cascades."""
    from ..algebra.depth.families import ALL_FAMILIES
    from ..constructions.targets.compiler import TARGETS

    if family is None or "," in family:
        return None
    if family in ALL_FAMILIES:
        return "delta" if ALL_FAMILIES[family].factors else None
    return family if family in TARGETS else None


def _family_of(start: Artifact) -> str | None:
    """The family that a folder's network, or its checkpoint, is trained as."""
    if start.kind == CHECKPOINT:
        from ..models.references.folder import read_config

        return str(read_config(start.path).get("model_type")).replace("_", "-")
    return _stack([layer.family for layer in start.network().specifications])


def _letters_of(start: Artifact) -> str | None:
    """The letters of a checkpoint of ours, as the settings write them; None for all, or where it does not say."""
    try:
        tracked = start.tracked
    except InputError:
        return None
    if not isinstance(tracked, TrackedGroup) or len(tracked.alphabet) == tracked.group.order:
        return None
    return ";".join(str(int(x)) for x in tracked.alphabet)


def _text(given: MachineLike) -> str:
    """A group or an automaton as the text that stands for it in a run's settings."""
    if isinstance(given, str):
        return given
    asked = read_machine(given)
    if isinstance(asked, Automaton):
        return _automaton_text(asked)
    text = asked.name.strip("<>")
    try:
        same = parse_group(text)
    except InputError:
        same = None
    if same is None or not np.array_equal(same.permutations, asked.permutations):
        raise InputError(f"{asked.name} has no name by which a run can find it again; wanted a text, e.g. 'S4'")
    return text
