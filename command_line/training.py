"""The commands of training: train, evaluate, words, reproduce, sweep."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from ..common.errors import InputError
from ..common.kinds import RUN, claim_folder
from ..common.terminal import console
from ..models.training.configuration import RunConfiguration
from ..models.training.pool import RUNS_TOGETHER, Machine
from .settings import with_settings
from .shared import MAX_RUNS, MAX_SEED, Force, GroupOrNone, GroupText, Json, Regex, number, one_of

Out = Annotated[
    Path | None, typer.Option(help="Folder for rows, networks and pictures. Default: runs/ and the group's name.")
]
Processes = Annotated[
    int | None, number(least=1, most=256, help="Processes, with one torch thread each. Default: one a core.")
]

Device = Annotated[str, typer.Option(help="Where to train: cpu, or another device of torch, e.g. cuda.")]
RunsTogether = Annotated[
    int,
    number(
        "--runs-together",
        "--stack-size",
        least=1,
        most=MAX_RUNS,
        help="Most runs trained as one batch; a GPU takes more than a core.",
    ),
]


@with_settings(RunConfiguration, seed="seeds")
def train(
    group: GroupOrNone = None,
    noise: Annotated[str, typer.Option(help="σ of the noise on every initial weight; several, e.g. 0,0.1.")] = "0",
    learning_rate: Annotated[
        str | None,
        typer.Option(help="Several are separated by commas. Default: 0.003, or 0.0003 from compiled or saved weights."),
    ] = None,
    seeds: Annotated[str, typer.Option(help="A number of seeds (3: 0, 1, 2), or a list such as 4,7.")] = "1",
    out: Out = None,
    processes: Processes = None,
    device: Device = "cpu",
    runs_together: RunsTogether = RUNS_TOGETHER,
    tensorboard: Annotated[bool, typer.Option(help="Write TensorBoard logs (extra `tensorboard`).")] = False,
    regex: Regex = None,
    protocol: Annotated[
        str | None,
        typer.Option(help="The field's settings for automata: chomsky or flip-flop. Options that are given win."),
    ] = None,
    force: Force = False,
    **settings: Any,
) -> None:
    """Train networks on GROUP: every seed × learning rate × noise. Start the same command again to continue."""
    from ..api.training import train as trained
    from ..models.training.live import diverged

    training = trained(
        one_of(group, regex),
        noise=_numbers("noise", noise),
        learning_rate=None if learning_rate is None else _numbers("learning-rate", learning_rate),
        seeds=_seeds(seeds),
        out=out,
        processes=processes,
        device=device,
        runs_together=runs_together,
        tensorboard=tensorboard,
        protocol=protocol,
        force=force,
        **_given(settings),
    )
    console().print(training.view())
    for line in diverged(training.rows):
        print(line)
    print(f"networks: {training.folder}/networks/")
    print(f"curves: {training.picture}")


def _given(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that are not as they are without an option."""
    defaults = {known.name: known.default for known in fields(RunConfiguration)}
    return {name: value for name, value in settings.items() if value != defaults[name]}


def _numbers(name: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{name}: {text[:40]!r}; wanted numbers separated by commas, e.g. 0.001,0.003") from None


def _seeds(text: str) -> int | list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts) or parts == ["0"]:
        raise InputError(f"seeds: {text[:40]!r}; wanted a number of seeds, e.g. 5, or a list, e.g. 4,7")
    return int(parts[0]) if len(parts) == 1 else [int(part) for part in parts]


def evaluate(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder written by compile, or a network written by train.")
    ],
    length: Annotated[int, number(least=1, most=10**9, help="The longest length.")] = 1000,
    words: Annotated[int, number(least=1, most=10**6, help="Number of words.")] = 1000,
    seed: Annotated[int, number(least=0, most=MAX_SEED, help="Of the words.")] = 0,
    as_json: Json = False,
) -> None:
    """Accuracy at lengths 20, 40, … 1000 and beyond, on words that were never trained on."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    from ..api.learning import network_and_task
    from ..common.terminal import console, plain_table
    from ..models.training.evaluation import THRESHOLD
    from ..models.training.evaluation import evaluate as evaluated

    network, task = network_and_task(folder, None, "evaluate")
    with Progress(
        *Progress.get_default_columns()[:2],
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        bar = progress.add_task("tokens of each word", total=length)
        accuracy = evaluated(
            network, task, length, words, seed=seed, report=lambda done: progress.update(bar, completed=done)
        )
    if as_json:
        print(json.dumps({"folder": str(folder), "group": task.group.name, **accuracy.as_json()}, ensure_ascii=False))
        return
    table = plain_table("length", "last symbol right", "whole word right")
    for i, reached in enumerate(accuracy.lengths):
        if reached in (20, 60) or reached % 200 == 0 or reached == accuracy.lengths[-1]:
            table.add_row(f"{reached:,}", f"{accuracy.last[i]:.2%}", f"{accuracy.whole[i]:.2%}")
    console().print(table)
    print(f"{task.group.name}, {words:,} words: longest length above {THRESHOLD:.0%}: {accuracy.longest:,}")


def words(
    group: GroupText,
    length: Annotated[int, number(least=1, most=10**6, help="Tokens in each word.")] = 20,
    count: Annotated[int, number(least=1, most=10**7, help="Number of words.")] = 1000,
    alphabet: Annotated[
        str | None, typer.Option(help="Of a group: all, generators, or elements such as '1;3'.")
    ] = None,
    seed: Annotated[int, number(least=0, most=MAX_SEED, help="Of the words.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder of the file.")] = Path("data"),
    check: Annotated[Path | None, typer.Option(help="Check this file of words instead of writing one.")] = None,
) -> None:
    """Write words in the field's group=k.csv format, or check a file of them."""
    from ..algebra.automata.automaton import Automaton
    from ..algebra.input.parser import parse_machine
    from ..models.learning.words import full_task
    from ..models.training.tasks import automaton_task, make_task
    from ..models.training.word_files import check_words, write_words

    asked = parse_machine(group)
    if isinstance(asked, Automaton):
        task, answer = automaton_task(asked, alphabet), "the state of"
    else:
        listed = asked.listed()
        task, answer = full_task(listed) if check is not None else make_task(listed, alphabet), "the product in"
    if check is not None:
        count, length = check_words(check, task)
        letters = "letters" if isinstance(asked, Automaton) else "elements"
        print(f"{check}: {count:,} words of {length} {letters}, every target {answer} {task.name}")
        return
    print(write_words(out, task, task.training_words(count, length, seed), seed))


EXPERIMENTS = (
    "table1",
    "table2",
    "near-solution",
    "parity",
    "deltaproduct",
    "automata",
    "learning",
    "learn-together",
    "learn-blocks",
)


def reproduce(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help=f"{', '.join(EXPERIMENTS[:-1])} or {EXPERIMENTS[-1]}.",
        ),
    ],
    quick: Annotated[bool, typer.Option("--quick", help="Few runs and steps: minutes instead of an hour.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder. Default: results/NAME, or results/NAME-quick.")] = None,
    processes: Processes = None,
    device: Device = "cpu",
    runs_together: RunsTogether = RUNS_TOGETHER,
) -> None:
    """Run one of the papers' experiments, or those of `learn`, into a folder: rows, a page with a table, a picture."""
    if name not in EXPERIMENTS:
        raise InputError(f"unknown experiment {name[:40]!r}; wanted one of {', '.join(EXPERIMENTS)}")
    from ..experiments.near_solution import reproduce_near_solution
    from ..experiments.tables import reproduce_table

    folder = out or Path("results") / f"{name}{'-quick' if quick else ''}"
    claim_folder(folder, RUN)
    machine = Machine(processes, device, runs_together)
    if name == "learning":
        from ..experiments.learning import reproduce_learning

        page = reproduce_learning(folder, quick, processes)
    elif name == "learn-together":
        from ..experiments.together import reproduce_together

        page = reproduce_together(folder, quick)
    elif name == "learn-blocks":
        from ..experiments.block_learning import reproduce_block_learning

        page = reproduce_block_learning(folder, quick)
    elif name == "automata":
        from ..experiments.automata import reproduce_automata

        page = reproduce_automata(folder, quick, machine)
    elif name == "near-solution":
        page = reproduce_near_solution(folder, quick, machine)
    else:
        page = reproduce_table(name, folder, quick, machine)
    print(page.read_text(encoding="utf-8"))
    print(f"written: {page}")


def sweep(
    file: Annotated[Path, typer.Argument(metavar="SWEEP.TOML", help="Settings; a list makes an axis of the grid.")],
    scheduler: Annotated[
        str | None, typer.Option(help="A Dask scheduler, e.g. tcp://127.0.0.1:8786 (extra `cluster`).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the store and the plot. Default: runs/ and the file's name.")
    ] = None,
    processes: Processes = None,
    device: Device = "cpu",
    runs_together: RunsTogether = RUNS_TOGETHER,
) -> None:
    """Run a grid of settings; started again, it does only what is missing."""
    from ..models.training.live import diverged, refuse_lost, watched
    from ..models.training.runs import RunStore
    from ..models.training.sweep import draw_sweep, read_sweep

    grid = read_sweep(file)
    folder = out or Path("runs") / file.stem
    claim_folder(folder, RUN)
    store = RunStore(folder)
    missing = len(store.missing(grid.runs))
    total = len({run.key for run in grid.runs})
    failed = watched(grid.runs, store, Machine(processes, device, runs_together, scheduler))
    draw_sweep(grid, store, folder / "summary.png")
    print(f"{total} runs: {total - missing} were there, {missing - len(failed)} made, {len(failed)} failed")
    for line in diverged(store.of(grid.runs)):
        print(line)
    print(f"rows: {folder}/rows; summary: {folder}/summary.png")
    refuse_lost(failed)
