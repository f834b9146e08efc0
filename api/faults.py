"""What the independent checkers raise, in the project's own errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ..common.errors import InputError, RefutedError


@contextmanager
def refutations() -> Iterator[None]:
    """The checker's errors as the project's."""
    from ..proofs_check.certificates.checker import FaultError

    try:
        yield
    except FaultError as error:
        problem, code = error.args
        raise (RefutedError(problem) if code == 1 else InputError(problem)) from None
