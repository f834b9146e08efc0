"""`subnormal`: all commands. `python -m constructions`, `… models` and `… proofs_check` show parts of them.

A command's module is imported when the command is asked for: `inspect` must not wait for what `train` needs.
"""

from __future__ import annotations

import signal
import sys
from importlib import import_module
from typing import Annotated

import typer

from subnormal import __version__
from subnormal.command_line.shared import run

PARTS: dict[str, tuple[str, dict[str, str]]] = {
    "constructions": (
        "From a group to a network that tracks it.",
        {
            "inspect": "groups.inspect",
            "compile": "compiler.compile_command",
            "verify": "compiler.verify",
            "show": "compiler.show",
            "atlas": "groups.atlas",
        },
    ),
    "models": (
        "Train the papers' models, from random weights or from compiled ones.",
        {
            "train": "training.train",
            "learn": "learning.learn",
            "decompile": "learning.decompile",
            "diagnose": "learning.diagnose",
            "evaluate": "training.evaluate",
            "words": "training.words",
            "reproduce": "training.reproduce",
            "sweep": "training.sweep",
            "probe": "probing.probe",
        },
    ),
    "proofs_check": (
        "What checks the claims.",
        {
            "certify": "proofs.certify",
            "check": "proofs.check",
            "refute": "refutation.refute",
            "parity": "parity.parity",
            "horizon": "proofs.horizon",
            "lemmas": "proofs.lemmas",
            "catalogue": "proofs.catalogue",
            "audit": "audit.audit",
        },
    ),
}
"""For each room its help text, and for each command its function. A new command is entered here, once."""


def _print_version(asked: bool) -> None:
    if asked:
        print(__version__)
        raise typer.Exit


def _version(
    version: Annotated[bool, typer.Option("--version", callback=_print_version, help="Print it.")] = False,
) -> None:
    pass


def application(part: str | None = None, only: str | None = None) -> typer.Typer:
    """The typer application of one room's commands, or of all; or of a single command, where it is among them."""
    text = PARTS[part][0] if part else "The group theory of state tracking: inspect, compile, prove, refute, train."
    app = typer.Typer(
        help=text,
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        context_settings={"max_content_width": 120},
    )
    app.callback(help=text)(_version)  # a group, also with one command
    commands = {name: home for room, (_, own) in PARTS.items() if part in (None, room) for name, home in own.items()}
    for name, home in commands.items():
        if only not in commands or name == only:
            module, function = home.split(".")
            app.command(name)(getattr(import_module(f"subnormal.command_line.{module}"), function))
    return app


def main(part: str | None = None) -> None:
    """Run the command line of one room, or of all."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # a shell's background commands ignore it
        signal.signal(signal.SIGINT, signal.default_int_handler)
    asked = next((word for word in sys.argv[1:] if not word.startswith("-")), None)
    run(lambda: application(part, asked), f"python -m {part}" if part else "subnormal")
