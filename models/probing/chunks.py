"""The chunks in which transformers' plain torch code of the (gated) delta rule reads a word.

They have 64 tokens, whatever the word has: of the words of 2 to 24 letters on which a probe trains, most of what is
computed is padding. Chunks of 16 give the same answers but for rounding. Measured on a tiny olmo_hybrid of two layers,
300 steps on S3: 33 CPU seconds with chunks of 64, 19 with 16, 22 with 8.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from torch import nn

__all__ = ["SHORT", "short_chunks"]

SHORT = 16
"""Tokens of a chunk."""

RULE = "torch_chunk_gated_delta_rule"
"""The function's name in every class of transformers that has it."""


@contextmanager
def short_chunks(module: nn.Module, size: int = SHORT) -> Iterator[None]:
    """Within it, the layers of a model of transformers read words in chunks of `size` tokens, where they run in plain
    torch. Modules that have no such function are left alone.

    Arguments:
        module: any.
        size: tokens of a chunk.

    Examples:
        >>> from torch import nn
        >>> with short_chunks(nn.Linear(2, 2)):
        ...     pass
    """
    changed = []
    names = {type(part).__module__ for part in module.modules()}
    for source in (sys.modules[name] for name in names if name.startswith("transformers.")):
        rule = getattr(source, RULE, None)
        if rule is None or "chunk_size" not in inspect.signature(rule).parameters:
            continue
        changed.append((source, rule))
        setattr(source, RULE, functools.partial(rule, chunk_size=size))
    try:
        yield
    finally:
        for source, rule in changed:
            setattr(source, RULE, rule)
