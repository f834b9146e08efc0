"""The commands of training: train, evaluate, words, reproduce, sweep."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from subnormal.algebra.base.errors import InputError
from subnormal.command_line.shared import GroupText, Json
from subnormal.models.training.pool import STACK_SIZE, Machine

if TYPE_CHECKING:
    from subnormal.models.training.runs import Row

Out = Annotated[
    Path | None, typer.Option(help="Folder for rows, networks and pictures. Default: runs/ and the group's name.")
]
Processes = Annotated[
    int | None, typer.Option(min=1, max=256, help="Processes, with one torch thread each. Default: one a core.")
]

Device = Annotated[str, typer.Option(help="Where to train: cpu, or another device of torch, e.g. cuda.")]
StackSize = Annotated[
    int, typer.Option(min=1, help="Most runs trained side by side in a process; a GPU takes more than a core.")
]


def train(
    group: GroupText,
    family: Annotated[
        str, typer.Option(help="aussm, simple-aussm, negative-mamba, mamba, s4d, rnn; or a stack, e.g. s4d,mamba.")
    ] = "aussm",
    layers: Annotated[int | None, typer.Option(help="Default: 1, or what the initial network has.")] = None,
    init: Annotated[
        str, typer.Option(help="random, compiled, or a folder with a network (compiled or trained).")
    ] = "random",
    noise: Annotated[str, typer.Option(help="σ of the noise on every initial weight; several, e.g. 0,0.1.")] = "0",
    learning_rate: Annotated[str, typer.Option(help="Several are separated by commas.")] = "0.003",
    seeds: Annotated[str, typer.Option(help="A number of seeds (3: 0, 1, 2), or a list such as 4,7.")] = "1",
    channels: Annotated[int | None, typer.Option(help="Of each layer. Default: 16, or the initial network's.")] = None,
    hidden: Annotated[
        int | None, typer.Option(help="Hidden units of φ. Default: 64, or the initial network's.")
    ] = None,
    readout: Annotated[int | None, typer.Option(help="Units of ψ. Default: 32, or the initial network's.")] = None,
    activation: Annotated[
        str | None, typer.Option(help="Of ψ: gelu, relu, tanh, silu, identity, softmax, hard.")
    ] = None,
    alphabet: Annotated[str | None, typer.Option(help="all, generators, or elements such as '1;3'.")] = None,
    hold_out: Annotated[int, typer.Option(help="Ordered pairs of non-commuting tokens kept for evaluation.")] = 0,
    batch: Annotated[int, typer.Option(help="Words in a step.")] = 32,
    length: Annotated[str, typer.Option(help="Of training words: 60, 2-60 (uniform) or 2>60 (growing).")] = "2-60",
    steps: Annotated[int, typer.Option(help="Training steps.")] = 2000,
    weight_decay: Annotated[float, typer.Option(help="Of ψ, the head and b (AdamW).")] = 0.0,
    keep: Annotated[str, typer.Option(help="The network of the last check, or of the best one: last, best.")] = "last",
    early_stop: Annotated[bool, typer.Option(help="Stop after two checks in a row without a mistake.")] = True,
    check_every: Annotated[int, typer.Option(help="Steps between checks, which are also the checkpoints.")] = 100,
    check_length: Annotated[int, typer.Option(help="Length of the words of a check.")] = 240,
    test_length: Annotated[int, typer.Option(help="Length of the words that judge a finished run.")] = 1000,
    test_words: Annotated[int, typer.Option(help="Their number.")] = 1000,
    dtype: Annotated[str, typer.Option(help="float32 or float64.")] = "float32",
    out: Out = None,
    processes: Processes = None,
    device: Device = "cpu",
    stack_size: StackSize = STACK_SIZE,
    tensorboard: Annotated[bool, typer.Option(help="Write TensorBoard logs (extra `tensorboard`).")] = False,
) -> None:
    """Train networks on GROUP: every seed × learning rate × noise. Start the same command again to continue."""
    from subnormal.algebra.base.wording import default_folder
    from subnormal.algebra.input.parser import list_group
    from subnormal.models.training.configuration import RunConfiguration
    from subnormal.models.training.curves import draw_curves
    from subnormal.models.training.initial import initial_network, task_of
    from subnormal.models.training.live import train_watched
    from subnormal.models.training.runs import RunStore

    base = RunConfiguration(
        group, family, layers, init, channels=channels, hidden=hidden, readout=readout, activation=activation,
        alphabet=alphabet, hold_out=hold_out, batch=batch, length=length, steps=steps, weight_decay=weight_decay,
        keep=keep, early_stop=early_stop, check_every=check_every, check_length=check_length, test_length=test_length,
        test_words=test_words, dtype=dtype,
    )  # fmt: skip
    runs = [
        base.with_changes(noise=sigma, learning_rate=rate, seed=seed)
        for sigma in _numbers("noise", noise)
        for rate in _numbers("learning-rate", learning_rate)
        for seed in _seeds(seeds)
    ]
    folder = out or Path("runs") / default_folder(list_group(group).name)
    store = RunStore(folder)
    machine = Machine(processes, device, stack_size)
    initial_network(runs[0], task_of(runs[0]))  # a bad configuration fails here, before any process is started
    train_watched(runs, store, machine, folder / "tensorboard" if tensorboard else None)
    rows = store.of(runs)
    picture = folder / "curves.png"
    draw_curves(rows, picture, f"{group}, {family}, init {init}")
    _show(rows)
    print(f"networks: {folder}/networks/")
    print(f"curves: {picture}")


def _show(rows: Sequence[Row]) -> None:
    from subnormal.algebra.base.terminal import console, plain_table
    from subnormal.models.training.live import number

    table = plain_table("seed", "learning rate", "noise", "steps", "loss", "longest", "whole at 60", "network")
    for row in rows:
        configuration, test = row["configuration"], row["test"]
        whole = dict(zip(test["lengths"], test["whole"], strict=True)).get(60)
        table.add_row(
            *(f"{configuration[name]:g}" for name in ("seed", "learning_rate", "noise")),
            f"{row['steps']}{' (flawless)' if row['stopped_early'] else ''}",
            number(row["loss"]),
            str(test["longest"]),
            "–" if whole is None else f"{whole:.1%}",
            row["key"],
        )
    console().print(table)


def _numbers(name: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{name}: {text[:40]!r}; wanted numbers separated by commas, e.g. 0.001,0.003") from None


def _seeds(text: str) -> list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts) or parts == ["0"]:
        raise InputError(f"seeds: {text[:40]!r}; wanted a number of seeds, e.g. 5, or a list, e.g. 4,7")
    return list(range(int(parts[0]))) if len(parts) == 1 else [int(part) for part in parts]


def evaluate(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A folder written by compile, or a network written by train.")
    ],
    length: Annotated[int, typer.Option(min=1, max=10**9, help="The longest length.")] = 1000,
    words: Annotated[int, typer.Option(min=1, max=10**6, help="Number of words.")] = 1000,
    seed: Annotated[int, typer.Option(min=0, help="Of the words.")] = 0,
    as_json: Json = False,
) -> None:
    """Accuracy at lengths 20, 40, … 1000 and beyond, on words that were never trained on."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    from subnormal.algebra.base.terminal import console, plain_table
    from subnormal.models.training.evaluation import THRESHOLD
    from subnormal.models.training.evaluation import evaluate as evaluated

    network, task = _network_and_task(folder)
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


def _network_and_task(folder: Path) -> tuple:
    from subnormal.models.network import DCDNetwork
    from subnormal.models.training.configuration import RunConfiguration
    from subnormal.models.training.initial import task_of
    from subnormal.models.training.tasks import Task

    network = DCDNetwork.from_pretrained(folder)
    if (folder / "task.json").is_file():
        try:
            content = json.loads((folder / "task.json").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(f"{folder}/task.json: cannot be read ({error})") from None
        return network, task_of(RunConfiguration.from_json(content))
    from subnormal.constructions.artifact import load_cascade

    cascade, group, _ = load_cascade(folder)
    return network, Task(group, cascade.alphabet)


def words(
    group: GroupText,
    length: Annotated[int, typer.Option(min=1, max=10**6, help="Tokens in each word.")] = 20,
    count: Annotated[int, typer.Option(min=1, max=10**7, help="Number of words.")] = 1000,
    alphabet: Annotated[str | None, typer.Option(help="all, generators, or elements such as '1;3'.")] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the words.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder of the file.")] = Path("data"),
    check: Annotated[Path | None, typer.Option(help="Check this file of words instead of writing one.")] = None,
) -> None:
    """Write words in the field's group=k.csv format, or check a file of them."""
    from subnormal.algebra.input.parser import list_group
    from subnormal.models.training.tasks import make_task
    from subnormal.models.training.word_files import read_words, write_words

    listed = list_group(group)
    if check is not None:
        inputs, _ = read_words(check, listed)
        print(
            f"{check}: {len(inputs):,} words of {inputs.shape[1]} elements, every target the product in {listed.name}"
        )
        return
    task = make_task(listed, alphabet)
    print(write_words(out, task, task.training_words(count, length, seed), seed))


EXPERIMENTS = ("table1", "table2", "near-solution", "parity")


def reproduce(
    name: Annotated[str, typer.Argument(metavar="NAME", help="table1, table2, near-solution or parity.")],
    quick: Annotated[bool, typer.Option("--quick", help="Few runs and steps: minutes instead of an hour.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder. Default: results/NAME, or results/NAME-quick.")] = None,
    processes: Processes = None,
    device: Device = "cpu",
    stack_size: StackSize = STACK_SIZE,
) -> None:
    """Run one of the papers' experiments into a folder: settings, rows, a page with a table, a picture."""
    if name not in EXPERIMENTS:
        raise InputError(f"unknown experiment {name[:40]!r}; wanted one of {', '.join(EXPERIMENTS)}")
    from subnormal.models.experiments.near_solution import reproduce_near_solution
    from subnormal.models.experiments.tables import reproduce_table

    folder = out or Path("results") / f"{name}{'-quick' if quick else ''}"
    machine = Machine(processes, device, stack_size)
    if name == "near-solution":
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
    stack_size: StackSize = STACK_SIZE,
) -> None:
    """Run a grid of settings; started again, it does only what is missing."""
    from subnormal.models.training.live import LiveTable
    from subnormal.models.training.runs import RunStore
    from subnormal.models.training.sweep import draw_sweep, read_sweep, run_sweep

    grid = read_sweep(file)
    folder = out or Path("runs") / file.stem
    store = RunStore(folder)
    missing = len(store.missing(grid.runs))
    total = len({run.key for run in grid.runs})
    with LiveTable(grid.runs, total - missing) as table:
        failed = run_sweep(grid, store, scheduler, Machine(processes, device, stack_size), table.watch, table.finished)
    draw_sweep(grid, store, folder / "summary.png")
    print(f"{total} runs: {total - missing} were there, {missing - len(failed)} made, {len(failed)} failed")
    print(f"rows: {folder}/rows; summary: {folder}/summary.png")
    if failed:
        raise InputError(f"{len(failed)} runs were lost with their workers; start the same command again to go on")
