"""Is a capability learnt, not only allowed? `probe` trains fresh copies of an architecture on tasks of known depth."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console, RenderableType
from rich.console import Group as Renderables
from rich.text import Text

from ..common.errors import InputError
from ..common.kinds import PROBE, claim_folder
from ..common.summary import SUMMARY, Tabular, write_summary
from ..common.terminal import Shown, plain_table, progress
from ..common.wording import counted, default_folder
from ..common.writing import write_file

if TYPE_CHECKING:
    from ..models.probing.architectures import Architecture
    from ..models.probing.runs import Copy, ProbeStore, Told
    from ..models.probing.suite import Budget

YES, NO, OPEN = "yes", "never", "not known"
"""What theory says of an architecture and a task: nothing proved stands against it, it is excluded for words of every
length, or no theorem here speaks of such layers."""


@dataclass(frozen=True)
class Allowed:
    """What theory says of one architecture and one task.

    Arguments:
        answer: `yes`, `never` or `not known`.
        reason: why, in a sentence; empty where nothing is known.
    """

    answer: str
    reason: str


@dataclass(frozen=True, repr=False)
class Probe(Tabular, Shown):
    """What copies of some architectures learnt.

    Arguments:
        folder: of rows, weights, `summary.csv` and the picture.
        tasks, architectures: that were asked for, by name.
        rows: one dictionary a copy, flat, as `summary.csv` has them: `architecture`, `task`, `depth`, `allowed`,
            `reason`, `seed`, `learning_rate`, `longest`, `whole`, `validation`, `steps`, `loss`, `parameters`,
            `seconds`, `network`.
        longest: the length that was tried.
    """

    folder: Path
    tasks: tuple[str, ...]
    architectures: tuple[str, ...]
    rows: tuple[dict[str, Any], ...]
    longest: int

    def rows_of_table(self) -> tuple[dict[str, Any], ...]:
        """One dictionary a copy."""
        return self.rows

    @property
    def picture(self) -> Path:
        """The heat map: rows tasks, columns architectures, colour the longest length, × where theory says never."""
        return self.folder / "probe.png"

    def of(self, task: str, architecture: str | None = None) -> tuple[dict[str, Any], ...]:
        """The copies that count for one cell: every seed at the learning rate that is best on validation words.

        Arguments:
            task: its name.
            architecture: its name; None for the first.
        """
        wanted = self.architectures[0] if architecture is None else architecture
        own = [row for row in self.rows if (row["task"], row["architecture"]) == (task, wanted)]
        rates = dict.fromkeys(row["learning_rate"] for row in own)
        if not rates:
            return ()
        merit = {rate: sum(row["validation"] for row in own if row["learning_rate"] == rate) for rate in rates}
        best = max(rates, key=lambda rate: merit[rate])
        return tuple(row for row in own if row["learning_rate"] == best)

    def cell(self, task: str, architecture: str | None = None) -> tuple[int, str, bool] | None:
        """Of one cell the longest length of its best seed, that with `k/n` seeds that reached the end, and whether
        theory says never; None where nothing was trained."""
        rows = self.of(task, architecture)
        if not rows:
            return None
        reached = max(row["longest"] for row in rows)
        ends = sum(row["longest"] >= self.longest for row in rows)
        return reached, f"{reached} ({ends}/{len(rows)})", rows[0]["allowed"] == NO

    def view(self) -> RenderableType:
        """What `probe` prints: tasks against architectures."""
        table = plain_table("task", "depth", *self.architectures)
        for task in self.tasks:
            depth = next((row["depth"] for row in self.rows if row["task"] == task), None)
            cells = [self.cell(task, architecture) for architecture in self.architectures]
            shown = ["–" if cell is None else ("× " if cell[2] else "") + cell[1] for cell in cells]
            table.add_row(task, "–" if depth is None else str(depth), *shown)
        lines = [
            f"longest length above 90 % of the best seed, tried to {self.longest} (seeds that reached it)",
            "depth: at least so many layers of (Gated) AUSSM are needed; ×: theory says never",
            *self._surprises(),
            f"table: {self.folder / SUMMARY}; picture: {self.picture}; copies: {self.folder}/networks",
        ]
        return Renderables(table, *map(Text, lines))

    def _surprises(self) -> list[str]:
        """Tasks that theory excludes and that were right as far as was tried: on random words of that length."""
        found = []
        for architecture in self.architectures:
            names = [task for task in self.tasks if (cell := self.cell(task, architecture)) and cell[2]
                     and cell[0] >= self.longest]  # fmt: skip
            if names:
                found.append(
                    f"note: {architecture} is right on {', '.join(names)} up to {self.longest}; theory excludes it for "
                    "words of every length: longer words fail, or those that `refute` looks for"
                )
        return found

    def as_json(self) -> dict[str, Any]:
        """The object that `probe --json` prints."""
        return {
            "folder": str(self.folder),
            "tasks": list(self.tasks),
            "architectures": list(self.architectures),
            "longest": self.longest,
            "rows": [dict(row) for row in self.rows],
        }

    def _repr_png_(self) -> bytes:
        return self.picture.read_bytes()


def probe(
    architecture: Any,
    tasks: str | Sequence[str] | None = None,
    *,
    budget: str = "quick",
    layers: int | None = None,
    width: int | None = None,
    steps: int | None = None,
    batch: int | None = None,
    length: str | None = None,
    learning_rate: float | Sequence[float] | None = None,
    seeds: int | Sequence[int] | None = None,
    test_length: int | None = None,
    test_words: int | None = None,
    out: str | Path | None = None,
    processes: int | None = None,
    device: str = "cpu",
    scheduler: str | None = None,
    force: bool = False,
) -> Probe:
    """Train fresh copies of an architecture on tasks of known depth. Called again, it does only what is missing.

    What theory allows is printed first, on standard error; with a scheduler when it has trained.

    Arguments:
        architecture: a family of ours or a stack (`negative-mamba`, `mamba,aussm`), a model_type of transformers
            (`olmo_hybrid`, `mamba2`, `transformers:mamba`), a `config.json` or a folder with one, a configuration,
            `file.py:factory`, or a function (letters, classes) → `torch.nn.Module`. Several are separated by `;`, or a
            list: each is a column.
        tasks: groups and automata, separated by commas, or a list; None for the suite.
        budget: `quick` (minutes) or `paper`; the next options change parts of it.
        layers, width: how many layers, and the hidden size, of a stack of ours or of a tiny transformers model.
        steps, batch, length: of training; `2>>24` are words that grow from 2 to 24 letters.
        learning_rate: one or several: each is tried, and the best by validation words counts.
        seeds: their number, or a list of them.
        test_length, test_words: of the words that judge.
        out: folder; `probes/` and the architecture's name by default.
        processes, device: as for `sn.train`.
        scheduler: a Dask scheduler, as for `sn.sweep`.
        force: whether `out` may be a folder that holds something else.

    Raises:
        InputError: something is not understood, a copy cannot be made, or copies were lost with their processes.

    Examples:
        >>> import subnormal as sn
        >>> found = sn.probe("negative-mamba", "C2", layers=1, steps=2, seeds=1, test_length=20, processes=1)
        >>> found.tasks, len(found.rows)
        (('C2',), 1)
    """
    from ..models.probing.architectures import read_architectures
    from ..models.probing.runs import ProbeStore, train_copies
    from ..models.probing.suite import BUDGETS, budget_of, read_tasks, task_named
    from ..models.training.needed import least_depth

    names = read_tasks(tasks if tasks is None or isinstance(tasks, str) else list(tasks))
    rates = None if learning_rate is None else tuple([learning_rate] if isinstance(learning_rate, int | float)
                                                     else learning_rate)  # fmt: skip
    known = BUDGETS.get(budget)
    numbers = range(known.seeds if known else 1) if seeds is None else range(seeds) if isinstance(seeds, int) else seeds
    if not len(numbers) or any(isinstance(n, bool) or not isinstance(n, int) or not 0 <= n < 2**32 for n in numbers):
        raise InputError(f"seeds: {seeds!r:.40}; wanted a number of seeds, e.g. 2, or a list, e.g. [4, 7]")
    asked = budget_of(
        budget, steps=steps, batch=batch, length=length, learning_rates=rates, seeds=len(numbers),
        test_length=test_length, test_words=test_words,
    )  # fmt: skip
    found = read_architectures(architecture, layers, width)
    about = {name: task_named(name) for name in names}
    for task in about.values():
        asked.require_room(task)
    depths = {name: least_depth(task.tracked) for name, task in about.items()}
    folder = Path(out) if out is not None else Path("probes") / default_folder(found[0].name)
    claim_folder(folder, PROBE, force)
    allowed = {(one.name, name): _allowed(one, name) for one in found for name in names}
    from ..models.training.pool import Resources

    machine = Resources(processes, device, scheduler=scheduler)
    if scheduler is None:
        machine.check()
    write_file(folder / "probe.json", json.dumps({"budget": budget, **asked.as_json()}, indent=2) + "\n")
    store = ProbeStore(folder)
    theory = list(_theory_lines(found, names, allowed))
    if scheduler is None:  # a scheduler that is not there is to be one line
        _say(theory)
    total = len(found) * len(names) * len(numbers) * len(asked.learning_rates)
    with _watching(total) as watch:
        lost = _train_families(found, names, numbers, asked, store, machine, watch)
        copies = _copies(found, names, numbers, asked)
        watch.expect({copy.key: f"{copy.architecture.name} on {copy.task}, seed {copy.seed}, rate "
                                f"{copy.learning_rate:g}" for copy in copies}, store)  # fmt: skip
        lost += len(train_copies(copies, store, machine, watch))
    if scheduler is not None:
        _say(theory)
    rows = [_line(row, depths, allowed, folder) for row in _rows(found, names, numbers, asked, store)]
    result = Probe(folder, names, tuple(one.name for one in found), tuple(rows), asked.test_length)
    write_summary(folder / SUMMARY, rows)
    _draw(result, depths, budget, asked)
    if lost:
        raise InputError(f"{lost} copies were lost with their processes; start the same command again to go on")
    return result


def _say(lines: Sequence[str]) -> None:
    for line in lines:
        print(line, file=sys.stderr, flush=True)


def _copies(found: Sequence[Architecture], names: Sequence[str], numbers: Sequence[int], asked: Budget) -> list[Copy]:
    from ..models.probing.architectures import OWN
    from ..models.probing.runs import Copy

    return [
        Copy(one, name, seed, float(rate), asked)
        for one in found
        if one.kind != OWN
        for name in names
        for rate in asked.learning_rates
        for seed in numbers
    ]


def _train_families(
    found: Sequence[Architecture],
    names: Sequence[str],
    numbers: Sequence[int],
    asked: Budget,
    store: ProbeStore,
    machine: Any,
    watch: _Watch,
) -> int:
    """Train the copies of our own families by `train`'s pool, in batches; how many were lost."""
    from ..models.probing.runs import own_run
    from ..models.training.pool import train_all
    from ..models.training.runs import RunStore

    runs = {
        own_run(one, name, seed, float(rate), asked): f"{one.name} on {name}, seed {seed}, rate {rate:g}"
        for one, name, seed, rate in _own(found, names, numbers, asked)
    }
    own = RunStore(store.families)
    watch.expect({run.key: text for run, text in runs.items()}, own)
    return len(train_all(list(runs), own, machine, watch.runs)) if runs else 0


def _own(
    found: Sequence[Architecture], names: Sequence[str], numbers: Sequence[int], asked: Budget
) -> Iterator[tuple[Architecture, str, int, float]]:
    from ..models.probing.architectures import OWN

    for one in found:
        if one.kind == OWN:
            yield from ((one, name, seed, rate) for name in names for rate in asked.learning_rates for seed in numbers)


def _rows(
    found: Sequence[Architecture], names: Sequence[str], numbers: Sequence[int], asked: Budget, store: ProbeStore
) -> Iterator[dict[str, Any]]:
    """The rows of all copies that are finished, ours in the layout of the others."""
    from ..models.probing.runs import own_run
    from ..models.training.runs import RunStore

    own = RunStore(store.families)
    for one, name, seed, rate in _own(found, names, numbers, asked):
        row = own.get(own_run(one, name, seed, float(rate), asked).key)
        if row is not None:
            place = {"architecture": one.name, "task": name, "seed": seed, "learning_rate": float(rate)}
            seconds = round(row["batch_seconds"] / row["batch_runs"], 2)
            yield row | place | {"seconds": seconds, "network": str(own.network_folder(row["key"]))}
    for copy in _copies(found, names, numbers, asked):
        row = store.get(copy.key)
        if row is not None:
            yield row | {"network": str(store.network_folder(row["key"]))}


def _line(
    row: dict[str, Any], depths: dict[str, int | None], allowed: dict[tuple[str, str], Allowed], folder: Path
) -> dict[str, Any]:
    """A row as `summary.csv` has it."""
    said = allowed[row["architecture"], row["task"]]
    return {
        "architecture": row["architecture"],
        "task": row["task"],
        "depth": depths[row["task"]],
        "allowed": said.answer,
        "reason": said.reason,
        "seed": row["seed"],
        "learning_rate": row["learning_rate"],
        "longest": row["test"]["longest"],
        "last": row["test"]["last"][-1],
        "whole": row["test"]["whole"][-1],
        "validation": row["validation"]["longest"],
        "steps": row["steps"],
        "loss": row["loss"],
        "diverged_at": row.get("diverged_at"),
        "parameters": row["parameters"],
        "seconds": row["seconds"],
        "network": row["network"],
    }


# ---------------------------------------------------------------------------------------------- theory


def _allowed(architecture: Architecture, name: str) -> Allowed:
    """What theory says of an architecture and a task, from the layers alone."""
    from ..models.probing.architectures import LIBRARY, OWN, only_recurrent
    from ..models.probing.runs import own_run
    from ..models.probing.suite import BUDGETS, task_named
    from ..proofs_check.audits.excluded import excluded
    from ..proofs_check.refutations.theory import theory_of

    task = task_named(name)
    if architecture.kind == OWN:
        from ..algebra.tracked import TrackedAutomaton
        from ..models.training.initial import initial_network

        network = initial_network(own_run(architecture, name, 0, 1e-3, BUDGETS["quick"]), task)
        try:
            if isinstance(task.tracked, TrackedAutomaton):
                found = theory_of(network.specifications, task.tracked.automaton)
            else:
                found = theory_of(network.specifications, task.group, task.alphabet)
        except InputError as error:
            return Allowed(OPEN, str(error))
        return Allowed(NO if found.forbidden else YES, found.sentence)
    if architecture.kind == LIBRARY:
        config = architecture.content["config"]
        layers = only_recurrent(architecture)
        if layers is None:
            return Allowed(OPEN, "other layers stand among the recurrent ones, e.g. attention")
        try:
            reason = excluded(config, task.tracked, layers)
        except InputError as error:
            return Allowed(OPEN, str(error))
        return Allowed(NO, reason) if reason else Allowed(YES, "nothing is proved against it")
    return Allowed(OPEN, "a module of somebody's own")


def _theory_lines(
    found: Sequence[Architecture], names: Sequence[str], allowed: dict[tuple[str, str], Allowed]
) -> Iterator[str]:
    """What theory allows, a line for each architecture and answer; tasks with one reason together."""
    for one in found:
        reasons: dict[str, list[str]] = {}
        for name in names:
            if allowed[one.name, name].answer == NO:
                reasons.setdefault(allowed[one.name, name].reason, []).append(name)
        for reason, own in reasons.items():
            yield f"theory: {one.name} never tracks {', '.join(own)}: {reason}"
        yes = [name for name in names if allowed[one.name, name].answer == YES]
        if yes:
            yield f"theory: nothing forbids {one.name} {', '.join(yes)}"
        unknown = [name for name in names if allowed[one.name, name].answer == OPEN]
        if unknown:
            reason = allowed[one.name, unknown[0]].reason
            yield f"theory: not known of {one.name}: {', '.join(unknown)} ({reason})"


def _draw(result: Probe, depths: dict[str, int | None], budget: str, asked: Budget) -> None:
    from ..models.probing.picture import draw_probe

    shown = {
        task: f"{task}  [{'–' if depths[task] is None else depths[task]}]" for task in result.tasks
    }  # its depth beside it
    cells = {
        (shown[task], architecture): cell
        for task in result.tasks
        for architecture in result.architectures
        if (cell := result.cell(task, architecture)) is not None
    }
    title = (
        f"{budget}: {asked.steps:,} steps of {asked.batch} words {asked.length}; best of {counted(asked.seeds, 'seed')}"
        "\n[layers that theory asks for]; × theory: never"
    )
    draw_probe(list(shown.values()), result.architectures, cells, result.longest, result.picture, title)


# ---------------------------------------------------------------------------------------------- progress


class _Watch:
    """What is seen while copies are trained: a bar on a terminal, else a line for each that ends."""

    def __init__(self, total: int, advance: Callable[[float], None], screen: Console) -> None:
        self.total, self.advance, self.screen = total, advance, screen
        self.names: dict[str, str] = {}
        self.shares: dict[str, float] = {}

    def expect(self, names: dict[str, str], store: Any) -> None:
        """Copies that are to be trained, by key; those that the store has are done."""
        self.names |= names
        self.shares |= {key: 1.0 for key in names if store.row_path(key).is_file()}
        self.advance(sum(self.shares.values()))

    def __call__(self, told: Told) -> None:
        """What a copy tells."""
        self._note(told.key, told.share, told.longest, told.loss, done=told.share == 1.0)

    def runs(self, statuses: Sequence[Any]) -> None:
        """What runs of our own families tell."""
        for status in statuses:
            share = 1.0 if status.done else status.step / status.steps
            self._note(status.key, share, status.longest, status.loss, status.done)

    def _note(self, key: str, share: float, longest: int, loss: float | None, done: bool) -> None:
        ended = done and self.shares.get(key) != 1.0
        if share < 1.0 or done:
            self.shares[key] = share
        self.advance(sum(self.shares.values()))
        if ended and not self.screen.is_terminal:
            count = sum(one == 1.0 for one in self.shares.values())
            shown = "–" if loss is None else f"{loss:.3g}"
            text = f"[{count}/{self.total}] {self.names.get(key, key)} · longest {longest}, loss {shown}"
            self.screen.print(text, markup=False, soft_wrap=True)


@contextmanager
def _watching(total: int) -> Iterator[_Watch]:
    with progress("copies", total) as advance:
        yield _Watch(total, advance, Console(stderr=True, highlight=False))
