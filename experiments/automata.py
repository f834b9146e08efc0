"""Named automata × families × 1 to 3 layers: what theory allows beside what was learnt."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ..algebra.depth.families import FAMILIES
from ..algebra.input.parser import read_automaton
from ..common.reading import read_json
from ..common.writing import write_figure, write_file
from ..constructions.automata.inspection import Judgement, inspect_automaton
from ..models.network import DCDNetwork
from ..models.training.configuration import PROTOCOLS
from ..models.training.evaluation import evaluate
from ..models.training.letters import LetterDraw
from ..models.training.live import train_watched
from ..models.training.pool import Resources
from ..models.training.recorded import task_of
from ..models.training.runs import Row, RunStore
from ..models.training.tasks import TEST
from .cells import Budget, Cell, merit, outcome
from .folder import write_record

TASKS = (
    "parity", "flip-flop(2)", "tomita(2)", "tomita(3)", "tomita(4)", "tomita(5)", "tomita(6)", "tomita(7)",
    "even-pairs", "counter(5,reset)", "permutation-reset(S3)", "modular-arithmetic(4,left-to-right)", "dyck(2,2)",
    "cycle-navigation(5)", "grid(4)",
)  # fmt: skip
TRAINED = ("s4d", "mamba", "negative-mamba", "aussm", "gated-aussm")
DEPTHS = (1, 2, 3)
FLIP_FLOP = "flip-flop(2)"
LETTERS = {FLIP_FLOP: "keep=0.8", "counter(5,reset)": "reset=0.02", "permutation-reset(S3)": "reset=0.02"}
"""Tasks that a letter makes easy which is drawn as often as the others."""

SPARSE, DENSE = "keep=0.98", "keep=0.1"
JUDGED = (60, 80, 100)
"""Lengths between 41 and 100 at which the accuracy is measured."""

SETTINGS: dict[str, Any] = PROTOCOLS["chomsky"] | {
    "batch": 16, "steps": 500, "check_every": 100, "check_words": 64, "channels": 8, "hidden": 32, "readout": 16,
    "weight_decay": 0.1, "keep": "best",
}  # fmt: skip
FULL = Budget(2, (3e-3, 1e-2), SETTINGS)
QUICK = Budget(1, (1e-2,), SETTINGS | {"steps": 150, "check_every": 50, "test_words": 200})
QUICK_TASKS, QUICK_FAMILIES, QUICK_DEPTHS = (FLIP_FLOP, "counter(5,reset)"), ("mamba", "gated-aussm"), (1, 2)

PAGE_NAME = "README.md"
PAGE = """# Automata: what theory allows, and what was learnt{quick}
{waiting}
Words of {length} letters to train on, at most {steps:,} steps of {batch} words, {channels} channels a layer; judged
on {words:,} words of length {longest}, at every 20th letter. The longest length is the largest at which, and at every
shorter one, more than 90 % of the states are right. Each cell has {seeds} seeds × the learning rates {rates}; a run
keeps the network of its best check on validation words of length {check_length}. Every position is labelled with the
state, and layers read those below before and after the letter. Letters are drawn uniformly, but such that a state which
is never left is entered only by accident (one letter in a hundred is drawn among all). Where one letter would make the
task easy it has a share of its own: {shares}.
*Constant* is what answering the most common state gives at lengths {judged}.

*Theory* is what `inspect` says: the layers that are needed for all words of any length by a network with finitely many
states. In the cells: ✔ such a network exists and is compiled, ✘ none exists, ? open; then the longest length of the run
chosen on validation words, and how many runs reached {longest}.

{table}

{summary}

![longest lengths](plot.png)

## Flip-flop: sparse and dense

The chosen network of each cell on test words with `keep` at its training share 0.8, at 0.98 (sparse) and at 0.1
(dense): share of right symbols at length {longest}.

{flip_flop}

Runs: rows.jsonl; settings: config.json.
"""


def automata_cells(quick: bool) -> list[Cell]:
    """A cell for each task, family and number of layers; the row is the task, the column `family, layers`."""
    budget = QUICK if quick else FULL
    return [
        budget.cell(
            task,
            f"{family}, {layers}",
            "",
            **{"group": task, "family": family, "layers": layers, "letters": LETTERS.get(task, "alive")},
        )
        for task in (QUICK_TASKS if quick else TASKS)
        for family in (QUICK_FAMILIES if quick else TRAINED)
        for layers in (QUICK_DEPTHS if quick else DEPTHS)
    ]


def allowed(judgement: Judgement, layers: int) -> bool | None:
    """Whether so many layers can track an automaton: False where they cannot, True where they are built, else None."""
    least = judgement.verdict.least
    if least is None or layers < least:
        return False
    return True if judgement.most is not None and layers >= judgement.most else None


def reproduce_automata(folder: Path, quick: bool, machine: Resources) -> Path:
    """Run the experiment into a folder, task after task, and write the page of what is done after each; returns it."""
    cells = automata_cells(quick)
    store = RunStore(folder / "store")
    tasks = list(dict.fromkeys(cell.row for cell in cells))
    for task in tasks:
        own = [run for cell in cells if cell.row == task for run in cell.runs]
        if store.missing(own) or task == tasks[-1]:
            train_watched(own, store, machine)
            _write(folder, cells, store, quick)
    return folder / PAGE_NAME


def _write(folder: Path, planned: Sequence[Cell], store: RunStore, quick: bool) -> None:
    """The page, the picture and the rows of the tasks all of whose runs are done."""
    waiting = list(dict.fromkeys(cell.row for cell in planned if store.missing(cell.runs)))
    cells = [cell for cell in planned if cell.row not in waiting]
    runs = [run for cell in cells for run in cell.runs]
    write_record(folder, "automata", quick, runs, store)
    tasks = list(dict.fromkeys(cell.row for cell in cells))
    judged = {task: inspect_automaton(read_automaton(task)).judgements for task in tasks}
    _draw(cells, store, judged, folder / "plot.png")
    content = PAGE.format(
        quick=" (quick: it shows that the experiment runs; its figures are no finding)" if quick else "",
        waiting=f"\nNot run yet: {', '.join(waiting)}.\n" if waiting else "",
        length=runs[0].length,
        steps=runs[0].steps,
        batch=runs[0].batch,
        channels=runs[0].channels,
        words=runs[0].test_words,
        seeds=len({run.seed for run in runs}),
        rates=", ".join(f"{rate:g}" for rate in sorted({run.learning_rate for run in runs})),
        check_length=runs[0].check_length,
        shares=", ".join(f"{task} `{LETTERS[task]}`" for task in tasks if task in LETTERS) or "none here",
        judged=", ".join(map(str, JUDGED)),
        longest=runs[0].test_length,
        table=_table(cells, store, judged),
        summary=_summary(cells, store, judged),
        flip_flop=_flip_flop_table(folder, [cell for cell in cells if cell.row == FLIP_FLOP], store),
    )
    write_file(folder / PAGE_NAME, content)


def _place(cell: Cell) -> tuple[str, int]:
    """The family and the number of layers of a cell."""
    run = cell.runs[0]
    return run.family, len(run.families)


MARKS = {True: "✔", False: "✘", None: "?"}


def _table(cells: Sequence[Cell], store: RunStore, judged: dict[str, dict[str, Judgement]]) -> str:
    depths = sorted({_place(cell)[1] for cell in cells})
    heads = ["task", "constant", "model", "theory", *(f"layers: {depth}" for depth in depths)]
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    found = {(cell.row, *_place(cell)): cell for cell in cells}
    for task, family in dict.fromkeys((cell.row, _place(cell)[0]) for cell in cells):
        shown = []
        for depth in depths:
            cell = found[task, family, depth]
            came = outcome(cell, store)
            mark = MARKS[allowed(judged[task][family], depth)]
            shown.append(f"{mark} {came.best} ({came.solved}/{came.runs})")
        constant = _constant(found[task, family, depths[0]])
        theory = judged[task][family].layers_text
        lines.append(f"| {' | '.join([f'`{task}`', f'{constant:.0%}', FAMILIES[family].title, theory, *shown])} |")
    return "\n".join(lines)


def _constant(cell: Cell) -> float:
    """The mean over the judged lengths of the share of the most common state."""
    run = cell.runs[0]
    task = task_of(run)
    labels = task.labels(task.evaluation_words(TEST, run.test_words, max(JUDGED), 0))
    return statistics.fmean(float(np.bincount(labels[:, length - 1]).max()) / len(labels) for length in JUDGED)


def _summary(cells: Sequence[Cell], store: RunStore, judged: dict[str, dict[str, Judgement]]) -> str:
    """What was learnt of what is possible, and the cells that seem to contradict theory."""
    came = {cell: (allowed(judged[cell.row][_place(cell)[0]], _place(cell)[1]), outcome(cell, store)) for cell in cells}
    longest = cells[0].runs[0].test_length
    lines = []
    for verdict, title in ((True, "A network exists"), (None, "Open"), (False, "None exists")):
        own = [found for what, found in came.values() if what is verdict]
        if own:
            reached = sum(found.best == longest for found in own)
            lines.append(
                f"- {title} ({MARKS[verdict]}): in {reached} of {len(own)} cells the chosen run reaches {longest}."
            )
    odd = [cell for cell, (what, found) in came.items() if what is False and found.best == longest]
    if odd:
        named = "; ".join(f"`{cell.row}`, {cell.column}" for cell in odd)
        lines.append(
            f"- ✘ and yet {longest} ({len(odd)}): {named}. More than 90 % right on random words of these lengths is "
            "less than every word of every length."
        )
    return "\n".join(lines)


def _chosen(cell: Cell, store: RunStore) -> Row:
    return max(store.of(cell.runs), key=merit)


def _flip_flop_table(folder: Path, cells: Sequence[Cell], store: RunStore) -> str:
    lines = ["| model | layers | as trained | sparse | dense |", "|---|---|---|---|---|"]
    path = folder / "flip-flop.json"  # what is measured beside the runs' own test, by a run's key
    known: dict[str, list[float]] = read_json(path, dict[str, list[float]]) if path.is_file() else {}
    for cell in cells:
        row, run = _chosen(cell, store), cell.runs[0]
        if row["key"] not in known:
            network = DCDNetwork.from_pretrained(store.network_folder(row["key"]))
            tasks = [replace(task_of(run), letters=LetterDraw.parse(letters)) for letters in (SPARSE, DENSE)]
            known[row["key"]] = [evaluate(network, task, run.test_length, run.test_words).last[-1] for task in tasks]
        family, layers = _place(cell)
        shares = [row["test"]["last"][-1], *known[row["key"]]]
        lines.append(f"| {' | '.join([FAMILIES[family].title, str(layers), *(f'{x:.1%}' for x in shares)])} |")
    write_file(path, json.dumps(known, indent=1) + "\n")
    return "\n".join(lines)


def _draw(cells: Sequence[Cell], store: RunStore, judged: dict[str, dict[str, Judgement]], path: Path) -> None:
    """A heat map: tasks downwards, families and layers across; ✔, ✘ and ? are what theory says."""
    from matplotlib.figure import Figure

    tasks = list(dict.fromkeys(cell.row for cell in cells))
    columns = list(dict.fromkeys(_place(cell) for cell in cells))
    longest = cells[0].runs[0].test_length
    values = np.zeros((len(tasks), len(columns)))
    figure = Figure(figsize=(2.5 + 0.62 * len(columns), 1.6 + 0.42 * len(tasks)), layout="constrained")
    axes = figure.subplots()
    for cell in cells:
        family, layers = _place(cell)
        down, across = tasks.index(cell.row), columns.index((family, layers))
        values[down, across] = best = outcome(cell, store).best
        mark = {True: "can", False: "cannot", None: "open"}[allowed(judged[cell.row][family], layers)]
        colour = "black" if best > 0.6 * longest else "white"
        axes.text(across, down, f"{best}\n{mark}", ha="center", va="center", fontsize=6.5, color=colour)
    image = axes.imshow(values, vmin=0, vmax=longest, cmap="viridis", aspect="auto")
    axes.set_xticks(range(len(columns)), [str(layers) for _, layers in columns], fontsize=8)
    axes.set_yticks(range(len(tasks)), tasks, fontsize=8)
    for family in dict.fromkeys(family for family, _ in columns):
        own = [i for i, column in enumerate(columns) if column[0] == family]
        axes.text(float(np.mean(own)), -0.75, FAMILIES[family].title, ha="center", va="bottom", fontsize=9)
        if own[0]:
            axes.axvline(own[0] - 0.5, color="white", linewidth=2)
    axes.set(xlabel="layers")
    figure.colorbar(image, ax=axes, label="longest length > 90 % of the chosen run")
    write_figure(path, figure, dpi=120)
