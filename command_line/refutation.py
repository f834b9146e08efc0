"""The command refute."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..algebra.tracked import TrackedAutomaton
from ..common.errors import InputError
from .shared import ALLOWED, GROWTH_OBSERVED, MAX_SEED, NOT_REFUTED, Json, number

if TYPE_CHECKING:
    from ..models.network import DCDNetwork
    from ..models.training.tasks import Task
    from ..proofs_check.refutations.automaton import AutomatonRefutation
    from ..proofs_check.refutations.refutation import Refutation


def refute(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="A folder with config.json and model.safetensors; left out with --random."
        ),
    ],
    group: Annotated[
        str | None, typer.Argument(metavar="GROUP", help="S3, tomita(5), … (regex(a*b) too); default: a folder's.")
    ] = None,
    epsilon: Annotated[
        float, number(least=0, most=1e30, kind=float, help="States this close in every channel count as one.")
    ] = 1e-6,
    random: Annotated[
        str | None, typer.Option(help="A random network instead of MODEL: a family, or a stack such as mamba,aussm.")
    ] = None,
    layers: Annotated[int, number(least=1, most=64, help="With --random and one family: how many layers.")] = 1,
    width: Annotated[int, number(least=1, most=4096, help="With --random: channels of each layer.")] = 16,
    seed: Annotated[int, number(least=0, most=MAX_SEED, help="With --random: of its weights.")] = 0,
    activation: Annotated[str, typer.Option(help="With --random: hard, softmax, relu, tanh …")] = "hard",
    as_json: Json = False,
    html: Annotated[
        Path | None, typer.Option(help="Also write a page for the browser, where the two words run side by side.")
    ] = None,
) -> None:
    """Find the words on which a model that cannot track GROUP fails. Exit code 0: found; 3: a state was seen to
    grow, which is not proved to go on; 4: nothing found within the budget; 5: theory allows the model."""
    from ..api.models import network_and_task, task_of_name
    from ..api.proving import refuted
    from ..artifacts.artifact import load
    from ..proofs_check.refutations.automaton import AutomatonRefutation

    if html is not None:
        from ..constructions.pages.packing import check_page_path

        check_page_path(html)
    if random is not None and group is not None:
        raise InputError(f"both MODEL {model} and --random {random}; wanted one, e.g. `refute S3 --random aussm`")
    if random is None:
        network, task = network_and_task(load(model), group, "refute")
    else:
        task = task_of_name(model)
        network = _random(random, task, layers, width, seed, activation)
    if html is not None and task.tracked.kind == "automaton":
        raise InputError("--html goes with a group, not with an automaton")
    found = refuted(network, task, epsilon=epsilon if task.tracked.kind == "group" else None)
    if html is not None and not isinstance(found, AutomatonRefutation):
        from .pages import refutation_page

        print(json.dumps(found.as_json()) if as_json else found)
        refutation_page(found, network, task.group, task.alphabet, html)
        _exit(found)
        return
    _report(found, as_json)


def _report(found: Refutation | AutomatonRefutation, as_json: bool) -> None:
    print(json.dumps(found.as_json(), ensure_ascii=False) if as_json else found)
    _exit(found)


def _exit(found: Refutation | AutomatonRefutation) -> None:
    if not found.refuted:
        raise typer.Exit({"growth": GROWTH_OBSERVED, "allowed": ALLOWED}.get(found.kind, NOT_REFUTED))


def _families(stack: str, layers: int) -> list[str]:
    families = [family.strip().lower().replace("_", "-") for family in stack.split(",")]
    if len(families) == 1:
        return families * layers
    if layers not in (1, len(families)):
        raise InputError(f"--layers {layers} with a stack of {len(families)} families; leave --layers out")
    return families


def _random(stack: str, task: Task, layers: int, width: int, seed: int, activation: str) -> DCDNetwork:
    from ..proofs_check.refutations import automaton
    from ..proofs_check.refutations.refutation import random_network

    families = _families(stack, layers)
    if isinstance(task.tracked, TrackedAutomaton):
        return automaton.random_network(task.tracked.automaton, families, width, seed, activation)
    return random_network(task.classes, families, width, seed, activation)
