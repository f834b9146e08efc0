"""Words in files, grids of runs, and the papers' experiments: words, sweep, reproduce."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.text import Text

from ..algebra.automata.automaton import Automaton
from ..algebra.groups.permutation_group import PermutationGroup
from ..algebra.tracked import TrackedPermutations
from ..common.errors import InputError
from ..common.kinds import RUN, claim_folder
from ..common.summary import SUMMARY, Tabular, write_summary
from ..common.terminal import Shown
from ..models.training.pool import RUNS_TOGETHER, Resources
from .groups import MachineLike, machine

if TYPE_CHECKING:
    from ..models.training.tasks import Task


@dataclass(frozen=True, repr=False)
class WordFile(Shown):
    """A file of words with their labels.

    Arguments:
        path: of the file.
        count, length: how many words, and how long they are.
        text: what the command says of it.
    """

    path: Path
    count: int
    length: int
    text: str

    def view(self) -> Text:
        """What the command prints."""
        return Text(self.text)


def words(
    tracked: MachineLike,
    length: int = 20,
    count: int = 1000,
    alphabet: str | None = None,
    seed: int = 0,
    out: str | Path = "data",
    *,
    format: str = "csv",
    last: bool = False,
    style: str | None = None,
    distractors: int = 0,
    paraphrases: int = 1,
    check: str | Path | None = None,
) -> WordFile:
    """Write words with their labels, as the field's CSV, as JSON lines or as text; or a task in words; or check a file.

    Arguments:
        tracked: a group or an automaton, as for `sn.machine`. Of a group too large to list the letters are its
            generators, and the labels permutations.
        length: tokens in each word; with `style` the most steps, of which prompts have 1, 2, … in turns.
        count: of the words.
        alphabet: of a group: `all`, `generators`, or elements such as `1;3`. With `style` swaps of two by default,
            where they generate the group, else generators.
        seed: of the words.
        out: folder of the file.
        format: `csv` (columns seed, input, target), `jsonl` (letters and labels by name), or `text` (a line for each
            word, `letters = last label`, for language models).
        last: whether only the label after the last letter is written.
        style: write prompts for language models instead: `cups`, `boxes`, `code` or `flip-flop`. One JSON object a
            line: prompt, answer, choices, steps, and the depth that theory asks for.
        distractors: with `style`, sentences without effect in each prompt.
        paraphrases: with `style`, ways to say each thing, 1 to 4.
        check: check this file instead of writing one; it has its own length and count.

    Raises:
        InputError: the file cannot be written or is wrong (the line is named), or the style has no words for the task.

    Examples:
        >>> import subnormal as sn
        >>> file = sn.words("S3", length=5, count=10)
        >>> file.path.name
        'S3=5.csv'
        >>> sn.words("S3", check=file.path).count
        10
        >>> sn.words("S3", length=5, count=10, style="cups").path.name
        'S3-cups=5.jsonl'
    """
    from ..models.training.word_files import check_words, write_words

    if style is None and (distractors or paraphrases != 1):
        raise InputError("distractors and paraphrases go with a style, e.g. style cups (--style cups)")
    if style is not None and (format != "csv" or last or check is not None):
        raise InputError(f"style {style[:20]} writes prompts as JSON lines: leave format, last and check out")
    asked = machine(tracked)
    if check is not None:
        task = _task(asked, alphabet, full=True)
        count, length = check_words(Path(check), task)
        kind = task.tracked
        what = "the state of" if kind.kind == "automaton" else "the product in"
        noun = "letters" if kind.kind == "automaton" else "elements"
        text = f"{check}: {count:,} words of {length} {noun}, every target {what} {task.name}"
        return WordFile(Path(check), count, length, text)
    if style is not None:
        return _prose(asked, style, length, count, alphabet, seed, Path(out), distractors, paraphrases)
    if isinstance(asked, PermutationGroup) and asked.order > LISTED_ORDER:
        if alphabet not in (None, "generators"):
            raise InputError(
                f"alphabet {alphabet[:40]}: {asked.name} is too large to list; its letters are its "
                "generators: leave --alphabet out"
            )
        tracked_by = TrackedPermutations(asked.permutations, asked.name)
        drawn = np.random.default_rng([1, seed]).integers(tracked_by.count, size=(count, length))
        path = write_words(Path(out), tracked_by, drawn, seed, format, last)
    else:
        task = _task(asked, alphabet)
        path = write_words(Path(out), task.tracked, task.training_words(count, length, seed), seed, format, last)
    return WordFile(path, count, length, str(path))


LISTED_ORDER = 10_000
"""Larger groups are not listed for a file of words: their labels are written as permutations."""


def _task(asked: PermutationGroup | Automaton, alphabet: str | None, full: bool = False) -> Task:
    from ..models.training.tasks import automaton_task, full_task, make_task

    if isinstance(asked, Automaton):
        return automaton_task(asked, alphabet)
    return full_task(asked.listed()) if full else make_task(asked.listed(), alphabet)


def _prose(
    asked: PermutationGroup | Automaton,
    style: str,
    length: int,
    count: int,
    alphabet: str | None,
    seed: int,
    out: Path,
    distractors: int,
    paraphrases: int,
) -> WordFile:
    from ..algebra.tracked import TrackedGroup
    from ..models.prose.samples import samples_of, swaps, write_samples
    from ..models.training.tasks import Task

    task = _task(asked, alphabet or ("generators" if isinstance(asked, PermutationGroup) else None))
    if alphabet is None and isinstance(task.tracked, TrackedGroup) and (found := swaps(task.tracked)):
        task = Task(TrackedGroup(task.tracked.group, np.array(found)))
    samples = samples_of(task, style, count, length, seed, distractors, paraphrases)
    path = write_samples(out, samples)
    depths = {sample.depth for sample in samples}
    layers = ", ".join("no number is enough" if depth is None else str(depth) for depth in depths)
    return WordFile(path, count, length, f"{path}\nlayers of AUSSM that theory asks for: {layers}")


@dataclass(frozen=True, repr=False)
class Sweep(Tabular, Shown):
    """A grid of runs, all of them made.

    Arguments:
        folder: of the rows and the summary.
        rows: one dictionary a run, as of `sn.train`.
        made: how many were trained now, by this call.
        elsewhere: how many another process made meanwhile; the others were there.
    """

    folder: Path
    rows: tuple[dict[str, Any], ...]
    made: int
    elsewhere: int = 0

    def rows_of_table(self) -> tuple[dict[str, Any], ...]:
        """One dictionary a run."""
        return self.rows

    @property
    def picture(self) -> Path:
        """Heat maps over two axes of the grid."""
        return self.folder / "summary.png"

    def view(self) -> Text:
        """What the command prints."""
        from ..models.training.live import diverged

        total = len(self.rows)
        head = f"{total} runs: {total - self.made - self.elsewhere} were there, {self.made} made"
        head += f", {self.elsewhere} made by another process" if self.elsewhere else ""
        places = f"rows: {self.folder}/rows; summary: {self.picture}, {SUMMARY}"
        return Text("\n".join([head, *diverged(self.rows), places]))

    def _repr_png_(self) -> bytes:
        return self.picture.read_bytes()


def sweep(
    path: str | Path,
    scheduler: str | None = None,
    out: str | Path | None = None,
    *,
    processes: int | None = None,
    device: str = "cpu",
    runs_together: int = RUNS_TOGETHER,
    tensorboard: bool = False,
) -> Sweep:
    """Run a grid of settings; called again, it does only what is missing.

    Arguments:
        path: a TOML file with settings; a list makes an axis of the grid.
        scheduler: a Dask scheduler, e.g. `tcp://127.0.0.1:8786` (extra `cluster`).
        out: folder of the store and the plot; `runs/` and the file's name by default.
        processes, device, runs_together: as for `sn.train`.
        tensorboard: whether to write TensorBoard's logs into the folder (extra `tensorboard`): of runs trained by
            processes here while they train, of a cluster's from their curves when they come back.

    Raises:
        InputError: an unknown setting, or runs were lost with their processes.

    Examples:
        >>> import subnormal as sn
        >>> from pathlib import Path
        >>> _ = Path("two.toml").write_text(
        ...     'group = "C2"\\nsteps = 2\\nlength = "4"\\ntest_words = 2\\ntest_length = 20\\nseed = [0, 1]\\n'
        ... )
        >>> len(sn.sweep("two.toml", processes=1).rows)
        2
    """
    from ..models.training.live import refuse_lost, watched
    from ..models.training.runs import RunStore
    from ..models.training.sweep import draw_sweep, read_sweep

    grid = read_sweep(Path(path))
    folder = Path(out) if out is not None else Path("runs") / Path(path).stem
    claim_folder(folder, RUN)
    store = RunStore(folder)
    missing = len(store.missing(grid.runs))
    logs = folder / "tensorboard" if tensorboard else None
    failed = watched(grid.runs, store, Resources(processes, device, runs_together, scheduler), logs)
    draw_sweep(grid, store, folder / "summary.png")
    rows = {row["key"]: row for row in store.of(grid.runs)}
    write_summary(folder / SUMMARY, rows.values())
    refuse_lost(failed)
    return Sweep(folder, tuple(rows.values()), store.made, missing - store.made)


@dataclass(frozen=True, repr=False)
class Experiment(Tabular, Shown):
    """An experiment that was run.

    Arguments:
        name: as typed.
        page: a text in Markdown with its tables; rows, summary.csv and pictures stand beside it.
    """

    name: str
    page: Path

    @property
    def folder(self) -> Path:
        """Of everything."""
        return self.page.parent

    def rows_of_table(self) -> list[dict[str, Any]]:
        """One dictionary a run, with what its cell of the page says."""
        found = []
        for name in ("rows.jsonl", "cells.jsonl"):
            path = self.folder / name
            lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
            for cell in map(json.loads, lines):
                runs = cell.pop("runs", None)
                found += [cell | run for run in runs] if runs else [cell]
        return found

    def view(self) -> Text:
        """What the command prints."""
        return Text(f"{self.page.read_text(encoding='utf-8')}\nwritten: {self.page}")


def reproduce(
    name: str,
    quick: bool = False,
    out: str | Path | None = None,
    *,
    processes: int | None = None,
    device: str = "cpu",
    runs_together: int = RUNS_TOGETHER,
) -> Experiment:
    """Run one of the papers' experiments, or those of `learn`, into a folder: rows, a page with a table, a picture.

    The experiments are in the repository alone; an installed package refuses, and says where they are.

    Arguments:
        name: `table1`, `table2`, `near-solution`, `parity`, `deltaproduct`, `automata`, `learning`,
            `learn-together`, `learn-blocks`, `train-blocks` or `two-block-layers`.
        quick: few runs and steps: minutes instead of an hour.
        out: folder; `results/NAME` or `results/NAME-quick` by default.
        processes, device, runs_together: as for `sn.train`.

    Raises:
        InputError: the experiment is not known, or not here.

    Examples:
        >>> import subnormal as sn
        >>> sn.reproduce("parity", quick=True).folder.name  # doctest: +SKIP
        'parity-quick'
    """
    try:  # by its name, because experiments stand above this room, and are not in the wheel
        experiments = import_module("..experiments.reproducing", __package__)
    except ModuleNotFoundError as error:
        if not str(error.name).startswith(str(__package__).rpartition(".")[0]):
            raise
        raise InputError(
            "the experiments are no part of the installed package; clone the repository, install that as its README "
            f"says, and run `subnormal reproduce {name[:40]}` there"
        ) from None
    if name not in experiments.EXPERIMENTS:
        raise InputError(f"unknown experiment {name[:40]!r}; wanted one of {', '.join(experiments.EXPERIMENTS)}")
    folder = Path(out) if out is not None else Path("results") / f"{name}{'-quick' if quick else ''}"
    claim_folder(folder, RUN)
    found = Experiment(name, experiments.EXPERIMENTS[name](folder, quick, Resources(processes, device, runs_together)))
    write_summary(folder / SUMMARY, found.rows_of_table())
    return found
