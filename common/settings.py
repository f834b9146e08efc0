"""Settings by name, where a function takes many: what it does not use is refused, with the name that was meant."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable

from .errors import InputError

MEANT = {
    "lr": "learning_rate",
    "epochs": "steps",
    "num_epochs": "steps",
    "n_epochs": "steps",
    "iterations": "steps",
    "num_steps": "steps",
    "max_steps": "steps",
    "batch_size": "batch",
    "bs": "batch",
    "seed": "seeds",
    "random_seed": "seeds",
    "num_layers": "layers",
    "n_layers": "layers",
    "depth": "layers",
    "d_model": "channels",
    "width": "channels",
    "hidden_size": "hidden",
    "max_length": "length",
    "seq_len": "length",
    "wd": "weight_decay",
    "model": "family",
}
"""What other libraries call it, and what it is called here."""


def check_settings(given: Iterable[str], known: Collection[str], where: str = "") -> None:
    """Refuse a setting that is not known.

    Arguments:
        given, known: names.
        where: the beginning of the message, such as `train: `.

    Raises:
        InputError: the message names the setting, the one that was probably meant, and all there are.

    Examples:
        >>> check_settings(["lr"], ["learning_rate"], "train: ")
        Traceback (most recent call last):
        subnormal.common.errors.InputError: train: unknown setting 'lr'; wanted learning_rate? Known: learning_rate
    """
    for name in given:
        if name in known:
            continue
        near = [MEANT[name]] if MEANT.get(name) in known else difflib.get_close_matches(name, known, 1)
        meant = f"wanted {near[0]}? Known" if near else "known"
        raise InputError(f"{where}unknown setting {name[:40]!r}; {meant}: {', '.join(sorted(known))}")
