"""`subnormal`: all commands. `python -m constructions`, `… models` and `… proofs_check` show parts of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer

from subnormal.command_line.compiler import compile_command, show, verify
from subnormal.command_line.groups import atlas, inspect
from subnormal.command_line.learning import learn
from subnormal.command_line.parity import parity
from subnormal.command_line.proofs import catalogue, certify, check, horizon, lemmas
from subnormal.command_line.refutation import refute
from subnormal.command_line.shared import run
from subnormal.command_line.training import evaluate, reproduce, sweep, train, words

Command = Callable[..., Any]

PARTS: dict[str, tuple[str, dict[str, Command]]] = {
    "constructions": (
        "From a group to a network that tracks it.",
        {"inspect": inspect, "compile": compile_command, "verify": verify, "show": show, "atlas": atlas},
    ),
    "models": (
        "Train the papers' models, from random weights or from compiled ones.",
        {
            "train": train,
            "learn": learn,
            "evaluate": evaluate,
            "words": words,
            "reproduce": reproduce,
            "sweep": sweep,
        },
    ),
    "proofs_check": (
        "What checks the claims.",
        {
            "certify": certify,
            "check": check,
            "refute": refute,
            "parity": parity,
            "horizon": horizon,
            "lemmas": lemmas,
            "catalogue": catalogue,
        },
    ),
}
"""For each room its help text and its commands. A new command is entered here, once."""


def application(part: str | None = None) -> typer.Typer:
    """The typer application of one room's commands, or of all."""
    text = PARTS[part][0] if part else "The group theory of state tracking: inspect, compile, prove, refute, train."
    app = typer.Typer(help=text, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    for room, (_, commands) in PARTS.items():
        if part in (None, room):
            for name, command in commands.items():
                app.command(name)(command)
    return app


def main(part: str | None = None) -> None:
    """Run the command line of one room, or of all."""
    run(application(part), f"python -m {part}" if part else "subnormal")


if __name__ == "__main__":
    main()
