"""The two precisions of a network, by whatever name they come: "float32", `torch.float32`, `np.float32`."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from .errors import InputError

if TYPE_CHECKING:
    import numpy as np
    import torch

    DtypeLike: TypeAlias = str | torch.dtype | np.dtype[np.floating] | type[np.floating]

DTYPES = ("float32", "float64")


def dtype_name(given: DtypeLike) -> str:
    """`float32` or `float64`, from a name, or from a dtype of torch or NumPy.

    Raises:
        InputError: it is none of the two.

    Examples:
        >>> import numpy as np
        >>> dtype_name("float32"), dtype_name(np.float64), dtype_name(np.dtype("float32"))
        ('float32', 'float64', 'float32')
    """
    name = given if isinstance(given, str) else str(getattr(given, "__name__", given)).removeprefix("torch.")
    if name not in DTYPES:
        raise InputError(f'dtype: expected "float32" or "float64", got {given!r:.40}')
    return name
