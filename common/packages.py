"""Packages that not every installation has: whether one is there, and the line that says how to get it.

A module that cannot do without such a package imports it where it is used, and catches nothing: the command line puts
what is missing in words (`named_packages`), once for all commands. A command that has more to give than the part which
needs the package catches `MissingPackageError` around that part. Where there is a choice, ask `installed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from .errors import InputError

PACKAGES = {
    "torch": ("torch", "'subnormal[torch]'"),
    "huggingface_hub": ("huggingface_hub", "'subnormal[torch]'"),
    "numba": ("numba", "'subnormal[fast]'"),
    "flint": ("python-flint", "'subnormal[proofs]'"),
    "sympy": ("SymPy", "'subnormal[proofs]'"),
    "networkx": ("networkx", "networkx"),
    "triton": ("triton", "'subnormal[gpu]'"),
    "tensorboard": ("TensorBoard", "'subnormal[tensorboard]'"),
    "distributed": ("distributed", "'subnormal[cluster]'"),
    "transformers": ("transformers", "'subnormal[targets]'"),
    "pandas": ("pandas", "pandas"),
}
"""For each module that may be missing: what it is called, and what pip is asked for."""


class MissingPackageError(ModuleNotFoundError, InputError):
    """A package that is needed is not installed: one line that names it, and the command that installs it."""


class LeftOutWarning(UserWarning):
    """A part of an answer is left out, since what it needs is not installed."""


def installed(name: str) -> bool:
    """Whether a module of `PACKAGES` can be imported; it is not imported."""
    return find_spec(name) is not None


def missing_package(name: str) -> MissingPackageError:
    """The error for a module of `PACKAGES` that is not there.

    >>> print(missing_package("flint"))
    this needs python-flint, which is not installed: pip install 'subnormal[proofs]'
    """
    called, wanted = PACKAGES[name]
    return MissingPackageError(f"this needs {called}, which is not installed: pip install {wanted}", name=name)


@contextmanager
def named_packages() -> Iterator[None]:
    """Within it a failed import of a package that is not installed becomes one line.

    Raises:
        MissingPackageError: a module of `PACKAGES` was imported and is not there. Other failed imports stay as they
            are: they are faults of the program, or of an installation that has the package.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        if isinstance(error, MissingPackageError) or name not in PACKAGES or installed(name):
            raise
        raise missing_package(name) from None
