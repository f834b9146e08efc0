"""What every compiler returns: an exact machine, what it tracks, and all that is said, drawn and written of it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ..common.brief import Brief
from ..common.errors import InputError
from ..common.folders import Folder, save_folder

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from rich.console import RenderableType

    from ..algebra.tracked import Tracked
    from .cascade import Cascade
    from .factored.cascade import FactoredCascade
    from .weights import Weights


class Compilation(Brief, ABC):
    """A compiled group, automaton, or group too large to list.

    Attributes:
        kind: of the folder that `save` writes, as `common.kinds` names it.
        name: of what was compiled.
        cascade: the exact integer machine; None where there are other layers than of counters.
    """

    kind: ClassVar[str]
    name: str
    cascade: Cascade | FactoredCascade | None

    @property
    @abstractmethod
    def tracked(self) -> Tracked:
        """What the machine tracks, with its letters."""

    @property
    @abstractmethod
    def weights(self) -> Weights:
        """The network's parameters, before torch. Raises `InputError` where there is no network."""

    def parameters(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """The network's configuration and its parameters, by the names in `constructions/parameters.py`. Raises
        `InputError` where there is no network."""
        from .weights import network_parameters

        return network_parameters(self.weights)

    def fault(self) -> str | None:
        """Why the machine does not track it on words of every length; None if it does: every case is gone through."""
        from .verification import machine_fault

        assert self.cascade is not None
        return machine_fault(self.cascade, self.tracked)

    @property
    @abstractmethod
    def cases(self) -> str:
        """What `fault` goes through."""

    @abstractmethod
    def files(self) -> dict[str, bytes | str]:
        """The files of the folder, by name."""

    @abstractmethod
    def title(self) -> str:
        """One line: what was compiled, layers and letters."""

    @abstractmethod
    def layer_lines(self) -> list[str]:
        """A line a layer: what it carries."""

    @abstractmethod
    def account(self, width: int) -> Iterator[RenderableType]:
        """What `compile` prints below the title, at most `width` characters wide."""

    @abstractmethod
    def draw(self, path: Path) -> None:
        """Draw the machine; PNG, SVG or PDF by the suffix. Raises `InputError`, also where there is no picture."""

    @abstractmethod
    def page(self) -> dict[str, Any]:
        """The data of its page, as `constructions.pages.machine_page` describes them."""

    def save(self, folder: Path, force: bool = False) -> Folder:
        """Write the folder in place of one of the same kind, whole or not at all.

        Raises:
            InputError: it cannot be written, or holds something of another kind and `force` is not given.
        """
        return save_folder(folder, self.files(), force)

    def require_right(self) -> None:
        """Raises `AssertionError` where the compiler made a mistake."""
        fault = self.fault()
        if fault:
            raise AssertionError(f"the compiled cascade is wrong: {fault}")


class NoNetworkError(InputError, AttributeError):
    """A machine without a network was asked for one."""


def no_network(name: str) -> InputError:
    """The refusal of a network of a factored cascade; to be raised."""
    return NoNetworkError(f"{name} is too large to list: its cascade runs in integers, and there is no network")
