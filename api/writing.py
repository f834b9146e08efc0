"""Words in files, grids of runs, and the papers' experiments: words, sweep, reproduce."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from rich.text import Text

from ..algebra.automata.automaton import Automaton
from ..common.errors import InputError
from ..common.kinds import RUN, claim_folder
from ..common.terminal import Shown
from ..models.training.pool import RUNS_TOGETHER, Resources
from .groups import MachineLike, machine


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
    check: str | Path | None = None,
) -> WordFile:
    """Write words in the field's group=k.csv format, or check a file of them.

    Arguments:
        tracked: a group or an automaton, as for `sn.machine`.
        length: tokens in each word.
        count: of the words.
        alphabet: of a group: `all`, `generators`, or elements such as `1;3`.
        seed: of the words.
        out: folder of the file.
        check: check this file instead of writing one; it has its own length and count.

    Raises:
        InputError: the group has no name in the format, or the file cannot be written or is wrong; the line is named.

    Examples:
        >>> import subnormal as sn
        >>> file = sn.words("S3", length=5, count=10)
        >>> file.path.name
        'S3=5.csv'
        >>> sn.words("S3", check=file.path).count
        10
    """
    from ..models.training.tasks import automaton_task, full_task, make_task
    from ..models.training.word_files import check_words, write_words

    asked = machine(tracked)
    if isinstance(asked, Automaton):
        task, answer, letters = automaton_task(asked, alphabet), "the state of", "letters"
    else:
        listed = asked.listed()
        task = full_task(listed) if check is not None else make_task(listed, alphabet)
        answer, letters = "the product in", "elements"
    if check is not None:
        count, length = check_words(Path(check), task)
        text = f"{check}: {count:,} words of {length} {letters}, every target {answer} {task.name}"
        return WordFile(Path(check), count, length, text)
    path = write_words(Path(out), task, task.training_words(count, length, seed), seed)
    return WordFile(path, count, length, str(path))


@dataclass(frozen=True, repr=False)
class Sweep(Shown):
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
        return Text("\n".join([head, *diverged(self.rows), f"rows: {self.folder}/rows; summary: {self.picture}"]))

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
) -> Sweep:
    """Run a grid of settings; called again, it does only what is missing.

    Arguments:
        path: a TOML file with settings; a list makes an axis of the grid.
        scheduler: a Dask scheduler, e.g. `tcp://127.0.0.1:8786` (extra `cluster`).
        out: folder of the store and the plot; `runs/` and the file's name by default.
        processes, device, runs_together: as for `sn.train`.

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
    failed = watched(grid.runs, store, Resources(processes, device, runs_together, scheduler))
    draw_sweep(grid, store, folder / "summary.png")
    refuse_lost(failed)
    rows = {row["key"]: row for row in store.of(grid.runs)}
    return Sweep(folder, tuple(rows.values()), store.made, missing - store.made)


@dataclass(frozen=True, repr=False)
class Experiment(Shown):
    """An experiment that was run.

    Arguments:
        name: as typed.
        page: a text in Markdown with its tables; rows and pictures stand beside it.
    """

    name: str
    page: Path

    @property
    def folder(self) -> Path:
        """Of everything."""
        return self.page.parent

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
        name: `table1`, `table2`, `near-solution`, `parity`, `deltaproduct`, `automata`, `learning`, `learn-together` or
            `learn-blocks`.
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
    page = experiments.EXPERIMENTS[name](folder, quick, Resources(processes, device, runs_together))
    return Experiment(name, page)
