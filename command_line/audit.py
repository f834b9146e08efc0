"""The command audit."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from .shared import MAX_SEED, Json, number, print_found


def audit(
    model: Annotated[
        Path, typer.Argument(metavar="MODEL", help="A Hugging Face folder, a config.json, or a folder of our own.")
    ],
    as_json: Json = False,
    seed: Annotated[int, number(least=0, most=MAX_SEED, help="Of the order in which the tokens are read.")] = 0,
) -> None:
    """Say which eigenvalues a model's layers can reach, what that excludes, and what its weights do."""
    from ..proofs_check.audits.audit import audit as audited

    print_found(audited(model, seed), as_json)
