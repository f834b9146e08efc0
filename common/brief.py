"""A short `repr` for values that hold arrays and long tuples."""

from __future__ import annotations

import reprlib
from dataclasses import fields, is_dataclass
from typing import Any


class _Short(reprlib.Repr):
    """`reprlib`, which knows arrays, tensors and dataclasses too."""

    def __init__(self) -> None:
        super().__init__()
        self.maxlevel = 2
        self.maxother = self.maxstring = 80

    def repr_instance(self, x: Any, level: int) -> str:
        kind = type(x)
        if hasattr(x, "shape") and hasattr(x, "dtype"):
            return f"{kind.__name__}({'×'.join(map(str, x.shape)) or 'scalar'}, {x.dtype})"
        if kind.__repr__ is Brief.__repr__ and is_dataclass(x):
            if level <= 0:
                return f"{kind.__name__}(…)"
            parts = [f"{one.name}={self.repr1(getattr(x, one.name), level - 1)}" for one in fields(x) if one.repr]
            return f"{kind.__name__}({', '.join(parts)})"
        text = " ".join(super().repr_instance(x, level).split())
        return text if len(text) <= self.maxother else text[: self.maxother - 1] + "…"


_SHORT = _Short()


class Brief:
    """A dataclass whose `repr` is one line: arrays by shape, long tuples and what lies deeper cut off."""

    def __repr__(self) -> str:
        return _SHORT.repr(self)
