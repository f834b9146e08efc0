"""The commands of training: train, evaluate, words, reproduce, sweep."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer

from ..common.errors import InputError
from ..models.training.configuration import RunConfiguration
from ..models.training.pool import RUNS_TOGETHER
from .settings import with_settings
from .shared import (
    MAX_RUNS,
    MAX_SEED,
    Batch,
    Force,
    GroupOrNone,
    GroupText,
    Json,
    Reading,
    Regex,
    number,
    one_of,
    print_found,
)  # fmt: skip

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


@with_settings(RunConfiguration, group="tracked", seed="seeds")
def train(
    tracked: GroupOrNone = None,
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

    training = trained(
        one_of(tracked, regex),
        noise=numbers_of("noise", noise),
        learning_rate=None if learning_rate is None else numbers_of("learning-rate", learning_rate),
        seeds=seeds_of(seeds),
        out=out,
        processes=processes,
        device=device,
        runs_together=runs_together,
        tensorboard=tensorboard,
        protocol=protocol,
        force=force,
        **_given(settings),
    )
    print_found(training)


def _given(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings that are not as they are without an option."""
    defaults = {known.name: known.default for known in fields(RunConfiguration)}
    return {name: value for name, value in settings.items() if value != defaults[name]}


def numbers_of(name: str, text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise InputError(f"{name}: {text[:40]!r}; wanted numbers separated by commas, e.g. 0.001,0.003") from None


def seeds_of(text: str) -> int | list[int]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < 10 for part in parts) or parts == ["0"]:
        raise InputError(f"seeds: {text[:40]!r}; wanted a number of seeds, e.g. 5, or a list, e.g. 4,7")
    return int(parts[0]) if len(parts) == 1 else [int(part) for part in parts]


def evaluate(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="MODEL",
            help="A folder written by compile or train; or anybody's model: a Hugging Face folder, or file.py:function "
            "from token ids (batch, tokens) to logits (batch, tokens, classes). With prompts several, separated by ;.",
        ),
    ],
    tracked: Annotated[
        str | None, typer.Argument(metavar="GROUP", help="S3, tomita(5) …; default: what the folder was made for.")
    ] = None,
    length: Annotated[int, number(least=1, most=10**9, help="The longest length.")] = 1000,
    words: Annotated[
        int | None,
        number(
            least=1, most=10**6, help="Number of words. Default: 1000; 100 where a letter is spelt with many tokens."
        ),
    ] = None,
    seed: Annotated[int, number(least=0, most=MAX_SEED, help="Of the words.")] = 0,
    reading: Reading = None,
    alphabet: Annotated[
        str | None, typer.Option(help="Of a group, where not all elements are letters: generators, or '1;3'.")
    ] = None,
    ways: Annotated[
        str, typer.Option(help="How words are read: whole, all, or some of cached,left,pieces,bfloat16.")
    ] = "whole",
    batch: Batch = None,
    data: Annotated[
        Path | None, typer.Option(help="Judge by the words, or the prompts (`words --style`), of this file instead.")
    ] = None,
    generate: Annotated[bool, typer.Option(help="Of prompts: generate texts too, beside the choice.")] = True,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder for summary.csv, and the picture of prompts; of anybody's model also for the counts so far: "
            "the same command goes on from there."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Accuracy at lengths 20, 40, … 1000 and beyond, on words that were never trained on; or on a file of words."""
    from ..api.training import evaluate as evaluated

    found = evaluated(
        model,
        tracked,
        length,
        words,
        seed,
        reading=reading,
        alphabet=alphabet,
        ways=ways,
        batch=batch,
        data=data,
        generate=generate,
        out=out,
    )
    print_found(found, as_json)


def words(
    tracked: GroupText,
    length: Annotated[int, number(least=1, most=10**6, help="Tokens in each word.")] = 20,
    count: Annotated[int, number(least=1, most=10**7, help="Number of words.")] = 1000,
    alphabet: Annotated[
        str | None, typer.Option(help="Of a group: all, generators, or elements such as '1;3'.")
    ] = None,
    seed: Annotated[int, number(least=0, most=MAX_SEED, help="Of the words.")] = 0,
    out: Annotated[Path, typer.Option(help="Folder of the file.")] = Path("data"),
    format: Annotated[
        str, typer.Option(help="csv (the field's), jsonl (by name), or text (a line a word, its label at the end).")
    ] = "csv",
    last: Annotated[bool, typer.Option("--last", help="Write the label after the last letter alone.")] = False,
    style: Annotated[
        str | None, typer.Option(help="Write prompts for language models: cups, boxes, code or flip-flop.")
    ] = None,
    distractors: Annotated[int, number(least=0, most=10**4, help="With --style: sentences without effect.")] = 0,
    paraphrases: Annotated[int, number(least=1, most=4, help="With --style: ways to say each thing.")] = 1,
    check: Annotated[Path | None, typer.Option(help="Check this file of words instead of writing one.")] = None,
) -> None:
    """Write words with their labels, or a task in words for language models; or check a file of words."""
    from ..api.writing import words as written

    found = written(
        tracked,
        length,
        count,
        alphabet,
        seed,
        out,
        format=format,
        last=last,
        style=style,
        distractors=distractors,
        paraphrases=paraphrases,
        check=check,
    )
    print_found(found)


def reproduce(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME",
            help="table1, table2, near-solution, parity, deltaproduct, automata, learning, learn-together, "
            "learn-blocks, train-blocks or two-block-layers.",
        ),
    ],
    quick: Annotated[bool, typer.Option("--quick", help="Few runs and steps: minutes instead of an hour.")] = False,
    out: Annotated[Path | None, typer.Option(help="Folder. Default: results/NAME, or results/NAME-quick.")] = None,
    processes: Processes = None,
    device: Device = "cpu",
    runs_together: RunsTogether = RUNS_TOGETHER,
) -> None:
    """Run one of the papers' experiments, or those of `learn`, into a folder: rows, a page with a table, a picture."""
    from ..api.writing import reproduce as reproduced

    print_found(reproduced(name, quick, out, processes=processes, device=device, runs_together=runs_together))


def sweep(
    path: Annotated[Path, typer.Argument(metavar="SWEEP.TOML", help="Settings; a list makes an axis of the grid.")],
    scheduler: Annotated[
        str | None, typer.Option(help="A Dask scheduler, e.g. tcp://127.0.0.1:8786 (extra `cluster`).")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder of the store and the plot. Default: runs/ and the file's name.")
    ] = None,
    processes: Processes = None,
    device: Device = "cpu",
    runs_together: RunsTogether = RUNS_TOGETHER,
    tensorboard: Annotated[bool, typer.Option(help="Write TensorBoard logs (extra `tensorboard`).")] = False,
) -> None:
    """Run a grid of settings; started again, it does only what is missing."""
    from ..api.writing import sweep as swept

    found = swept(
        path,
        scheduler,
        out,
        processes=processes,
        device=device,
        runs_together=runs_together,
        tensorboard=tensorboard,
    )
    print_found(found)
