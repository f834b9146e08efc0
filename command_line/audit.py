"""The command audit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from .shared import MAX_SEED, Json, number


def audit(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A Hugging Face folder, a config.json, or a folder of our own.")
    ],
    as_json: Json = False,
    seed: Annotated[int, number(least=0, most=MAX_SEED, help="Of the order in which the tokens are read.")] = 0,
) -> None:
    """Say which eigenvalues a model's layers can reach, what that excludes, and what its weights do."""
    from ..common.terminal import console, say
    from ..proofs_check.audits.audit import audit as audited

    found = audited(model, seed)
    if as_json:
        print(json.dumps(found.as_json(), ensure_ascii=False))
        return
    for line in found.lines():
        say(console(), line)
