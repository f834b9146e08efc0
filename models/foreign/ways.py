"""The ways in which a model can read a word: in one pass, with its cache, padded, in pieces, in bfloat16.

An exact model answers alike in all of them: what differs then is a fault of whatever runs it.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...common.errors import InputError
from .reading import EVERY

if TYPE_CHECKING:
    from .model import ForeignModel

CACHES = ("past_key_values", "cache_params", "state", "cache")
"""The arguments by which models take what they keep of earlier tokens."""

UNSEEN = ("cache_params", "state")
"""Those of models that read the mask of the first piece alone."""

PIECES = 3


class Way:
    """In one pass.

    Arguments:
        module: that is run, if it is one.
    """

    name = "whole"

    def __init__(self, module: nn.Module | None) -> None:
        self.module = module

    def best(self, ids: Tensor, ends: NDArray[np.int64], model: ForeignModel) -> Tensor:
        """Classes (batch, tokens) on the CPU; (batch, 1) where the answer is read behind the word.

        Arguments:
            ids: token ids, int64 (batch, tokens).
            ends: at which tokens the answers are, (batch, length); the last one is the end of a word.
            model: whose answers they are.
        """
        logits = model.logits(ids)
        return model.best(logits if model.reading.answer == EVERY else logits[:, -1:])

    def where(self, token: int, tokens: int) -> str:
        """Where a token is, for a message: `from its 3rd token on`.

        Arguments:
            token: from 0.
            tokens: how many the word has.
        """
        return f"from its {ordinal(token + 1)} token on"


class InBfloat16(Way):
    """In one pass, with weights in bfloat16."""

    name = "bfloat16"

    def __init__(self, module: nn.Module) -> None:
        self.half = copy.deepcopy(module).to(torch.bfloat16)
        super().__init__(self.half)

    def best(self, ids: Tensor, ends: NDArray[np.int64], model: ForeignModel) -> Tensor:
        logits = model.logits(ids, self.half)
        return model.best(logits if model.reading.answer == EVERY else logits[:, -1:])


class Feed:
    """A model that is fed piece after piece, with what it keeps between them.

    Arguments:
        module: takes one of `CACHES` and gives it back.
        model: for messages.
    """

    def __init__(self, module: nn.Module, model: ForeignModel) -> None:
        self.module, self.model = module, model
        self.accepted = inspect.signature(module.forward).parameters
        self.name = next(name for name in CACHES if name in self.accepted)
        self.cache: Any = None
        self.mask: Tensor | None = None
        self.seen = 0

    def __call__(self, ids: Tensor, mask: Tensor | None = None) -> Tensor:
        """Logits (batch, tokens, logits) of the next piece.

        Arguments:
            ids: int64 (batch, tokens).
            mask: which of them are no padding; None where nothing was padded.
        """
        options: dict[str, Any] = {"use_cache": True}
        if mask is not None:
            self.mask = mask if self.mask is None else torch.cat([self.mask, mask], dim=1)
            if self.name not in UNSEEN or self.cache is None:
                options["attention_mask"] = self.mask
        if "position_ids" in self.accepted:  # as `generate` numbers them
            if self.mask is None:
                places = torch.arange(self.seen, self.seen + ids.shape[1])[None].expand(len(ids), -1)
            else:
                places = (self.mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
            options["position_ids"] = places
        if self.cache is not None:
            options[self.name] = self.cache
        given = self.model.called(lambda x: self.module(input_ids=x, **options), ids)
        self.cache = getattr(given, self.name, None)
        if self.cache is None:
            raise InputError(f"{self.model.name} gave no {self.name} back; it can be read whole alone: --ways whole")
        self.seen += ids.shape[1]
        return self.model.checked(given, ids)


class InPieces(Way):
    """Piece after piece, with the cache between them."""

    name = "pieces"

    def _cuts(self, tokens: int) -> list[int]:
        return sorted({tokens * i // PIECES for i in range(PIECES + 1)})

    def best(self, ids: Tensor, ends: NDArray[np.int64], model: ForeignModel) -> Tensor:
        assert self.module is not None
        feed, cuts = Feed(self.module, model), self._cuts(ids.shape[1])
        found = [model.best(feed(ids[:, a:b])) for a, b in pairwise(cuts)]
        return torch.cat(found, dim=1)

    def where(self, token: int, tokens: int) -> str:
        piece = sum(token >= cut for cut in self._cuts(tokens))
        return f"in its {ordinal(piece)} piece ({super().where(token, tokens)})"


class Cached(InPieces):
    """Token by token."""

    name = "cached"

    def _cuts(self, tokens: int) -> list[int]:
        return list(range(tokens + 1))

    def where(self, token: int, tokens: int) -> str:
        return Way.where(self, token, tokens)


class Left(Way):
    """The first half of every word is a prompt, padded on the left to one length; the rest follows token by token, as
    text is generated."""

    name = "left"

    def prompts(self, used: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many tokens of each word are its prompt: about half of them, different ones in different rows."""
        own = np.maximum(1, (used + 1) // 2 - np.arange(len(used)) % 4)
        return np.minimum(own, used)

    def best(self, ids: Tensor, ends: NDArray[np.int64], model: ForeignModel) -> Tensor:
        assert self.module is not None
        own = self.prompts(ends.max(axis=1) + 1)
        width, pad = int(own.max()), model.reading.pad or 0
        prompt, mask = torch.full((len(ids), width), pad), torch.zeros(len(ids), width, dtype=torch.long)
        for i, n in enumerate(own.tolist()):
            prompt[i, width - n :], mask[i, width - n :] = ids[i, :n], 1
        new = int((ids.shape[1] - own).max())
        later = np.minimum(own[:, None] + np.arange(new), ids.shape[1] - 1)  # what is behind a word is not looked at
        following = torch.gather(ids, 1, torch.from_numpy(later))
        feed, one = Feed(self.module, model), torch.ones(len(ids), 1, dtype=torch.long)
        found = [model.best(feed(prompt, mask))]
        found += [model.best(feed(following[:, t : t + 1], one)) for t in range(new)]
        aligned = torch.cat(found, dim=1)
        columns = np.minimum(np.arange(ids.shape[1]) + (width - own)[:, None], aligned.shape[1] - 1)
        return torch.gather(aligned, 1, torch.from_numpy(columns))

    def said(self, token: int, prompt: int) -> str:
        """Where a token is, of a word whose prompt has so many."""
        return "in the prompt" if token < prompt else f"from the {ordinal(token - prompt + 1)} new token on"


WAYS: dict[str, tuple[type[Way], str]] = {
    "whole": (Way, "in one pass"),
    "cached": (Cached, "token by token, by its cache"),
    "left": (Left, "padded on the left, then token by token"),
    "pieces": (InPieces, f"in {PIECES} pieces, by its cache"),
    "bfloat16": (InBfloat16, "with weights in bfloat16"),
}
"""By name: the way, and what it is."""


def ways_named(text: str | Sequence[str]) -> tuple[str, ...]:
    """The ways in a text: `all`, or names with commas; `whole` is always the first. Raises `InputError`."""
    names = [name.strip() for name in text.split(",")] if isinstance(text, str) else list(text)
    if names == ["all"]:
        return tuple(WAYS)
    for name in names:
        if name not in WAYS:
            raise InputError(f"ways: {str(name)[:40]!r}; wanted all, or some of {', '.join(WAYS)}")
    return ("whole", *(name for name in WAYS if name in names and name != "whole"))


def why_not(model: ForeignModel, way: str) -> str | None:
    """Why a model cannot be read in a way; None where it can."""
    module = model.module
    if way == "whole":
        return None
    if module is None:
        return "a function takes token ids alone"
    if way == "bfloat16":
        return None if any(p.dtype.is_floating_point for p in module.parameters()) else "it has no weights"
    accepted = inspect.signature(module.forward).parameters
    if "use_cache" not in accepted or not set(CACHES) & set(accepted):
        return "it takes no cache"
    return "it takes no mask" if way == "left" and "attention_mask" not in accepted else None


def way_of(model: ForeignModel, way: str) -> Way:
    """The way of that name. Raises `InputError` where the model cannot be read so."""
    if way not in WAYS:
        raise InputError(f"way {str(way)[:40]!r}; wanted one of {', '.join(WAYS)}")
    if reason := why_not(model, way):
        raise InputError(f"{model.name} cannot be read {WAYS[way][1]}: {reason}")
    return WAYS[way][0](model.module)


def ordinal(n: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`.

    >>> [ordinal(n) for n in (1, 2, 3, 4, 11, 22, 113)]
    ['1st', '2nd', '3rd', '4th', '11th', '22nd', '113th']
    """
    tail = "th" if n % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n:,}{tail}"
