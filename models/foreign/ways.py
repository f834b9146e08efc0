"""The ways in which a model can read a word: in one pass, with its cache, padded, in pieces, in bfloat16."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from ...common.errors import InputError

if TYPE_CHECKING:
    from .model import ForeignModel


class Way:
    """In one pass.

    Arguments:
        module: that is run, if it is one.
    """

    def __init__(self, module: nn.Module | None) -> None:
        self.module = module

    def best(self, ids: Tensor, model: ForeignModel) -> Tensor:
        """Classes (batch, tokens) on the CPU; (batch, 1) of a model that has one answer."""
        logits = model.logits(ids)
        if model.reading.answer != "every":
            logits = logits[:, -1:]
        return model.best(logits)


def way_of(model: ForeignModel, way: str) -> Way:
    """The way of that name. Raises `InputError` where the model cannot be read so."""
    if way == "whole":
        return Way(model.module)
    raise InputError(f"unknown way {way[:40]!r}")


__all__ = ["Way", "torch", "way_of"]
