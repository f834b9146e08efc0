"""Pictures and pages for the browser: what `show` and `refute(html=…)` write."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from ..artifacts.artifact import Artifact, load
from ..common.errors import InputError
from ..common.kinds import NETWORK, is_function, kind_of
from ..common.terminal import Shown
from ..common.wording import counted, default_folder, short
from .compiling import compile
from .groups import MachineLike
from .models import network_and_task

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..algebra.groups.group import Group
    from ..models.network import DCDNetwork
    from ..proofs_check.refutations.refutation import Refutation

MAX_WORD = 100_000
"""Longest word of a refutation that a page runs."""


@dataclass(frozen=True, repr=False)
class Written(Shown):
    """A picture or a page that was written; a notebook shows the picture.

    Arguments:
        path: of the file.
        size: its bytes.
    """

    path: Path
    size: int

    @classmethod
    def at(cls, path: Path) -> Written:
        """The file at a path, which was written."""
        return cls(path, path.stat().st_size)

    def view(self) -> Text:
        """What the command prints."""
        if self.path.suffix.lower() != ".html":
            return Text(str(self.path))
        return Text(f"{self.path}: {self.size / 1000:,.0f} kB, opens in any browser without a network")

    def _repr_png_(self) -> bytes | None:
        return self.path.read_bytes() if self.path.suffix.lower() == ".png" else None


def show(
    tracked: MachineLike | Path | Artifact,
    family: str | Sequence[str] | None = None,
    alphabet: str | Sequence[int] | None = None,
    channels: str | None = None,
    series: str | None = None,
    optimise: str | None = None,
    *,
    out: str | Path | None = None,
    html: str | Path | None = None,
    group: str | None = None,
) -> Written:
    """Draw the series, and for each layer its phases on the circle for every token and lower state; or write a page
    for the browser, where words can be played.

    Arguments:
        tracked: a group or an automaton, as for `sn.machine`; with `html` also a folder with a machine or a network.
        family, alphabet, channels, series, optimise: as for `sn.compile`.
        out: the picture, .png, .svg or .pdf; the name of what is tracked and .png by default.
        html: write this page instead.
        group: with `html` and the folder of a trained network: the group that it is for.

    Raises:
        InputError: it cannot be compiled or read, or an option does not fit.

    Examples:
        >>> import subnormal as sn
        >>> sn.show("S3", out="s3.svg")
        s3.svg
        >>> sn.show("S3", html="s3.html").size > 10_000
        True
    """
    if is_function(tracked):
        load(str(tracked)).require("show")
    options = {"family": family, "alphabet": alphabet, "channels": channels, "series": series, "optimise": optimise}
    if html is not None:
        if out is not None:
            raise InputError("--out names a picture and --html a page; give one of them")
        return _page(tracked, Path(html), options, group)
    if group is not None:
        raise InputError("--group goes with --html and the folder of a trained network")
    if isinstance(tracked, Path | Artifact):
        raise _no_picture(tracked)
    if out is not None:
        from ..constructions.pictures.picture import check_path

        check_path(Path(out))
    try:
        compiled = compile(tracked, family, alphabet, channels, series, optimise)
    except InputError:
        if isinstance(tracked, str) and kind_of(tracked) is not None:
            raise _no_picture(tracked) from None
        raise
    path = compiled.picture(out or default_folder(compiled.name) + ".png")
    return Written.at(path)


def _no_picture(folder: str | Path | Artifact) -> InputError:
    """Refuses a folder without `html`; or what refuses its page too."""
    reason = load(folder).can("show")
    return InputError(reason or f"{folder}: a folder has a page, and no picture; wanted html, e.g. --html page.html")


def _page(tracked: MachineLike | Path | Artifact, path: Path, options: dict[str, Any], group: str | None) -> Written:
    from ..constructions.pages.machine_page import write_machine_page
    from ..constructions.pages.packing import check_page_path

    check_page_path(path)
    if isinstance(tracked, Artifact) or (isinstance(tracked, str | Path) and os.path.isdir(tracked)):
        given = [f"--{name}" for name, value in options.items() if value is not None]
        if given:
            raise InputError(f"{given[0]} goes with a GROUP, not with the folder {tracked}; compile it again instead")
        data = _folder_data(load(tracked).require("show"), group)
    elif group is not None:
        raise InputError(f"--group says what a network in a folder is for, and {short(str(tracked))} is no folder")
    else:
        asked = str(tracked) if isinstance(tracked, Path) else tracked
        data = compile(asked, **options).compilation.page()
    return Written(path, write_machine_page(path, data))


def _folder_data(artifact: Artifact, group: str | None) -> dict[str, Any]:
    if artifact.kind == NETWORK and group is None:
        raise InputError(f"{artifact} does not say which group its network is for; add --group, e.g. --group S3")
    if group is None:
        return artifact.page()
    return artifact.page(network_and_task(artifact, group, "show")[1].tracked)


def refutation_page(
    found: Refutation, network: DCDNetwork, group: Group, alphabet: NDArray | None, path: Path
) -> Written:
    """Write the page of a refuted model: the network, and the two words that end in one state.

    Raises:
        InputError: there are no two such words, or they are too long for a page.
    """
    from ..algebra.arithmetic.permutations import cycles
    from ..constructions.pages.machine_page import write_machine_page
    from ..models.network_page import network_data, with_two_words

    pair = found.pair
    if pair is None:
        raise InputError(f"{path}: a page shows two words that a model cannot tell apart, and none were found")
    length = pair.words[0].length
    if length > MAX_WORD:
        raise InputError(
            f"{path}: words of {length:,} tokens; a page runs at most {MAX_WORD:,}; `refute` prints them without --html"
        )
    u, v = (cycles(group.elements[product]) for product in pair.products)
    verdict = (
        f"{found.theory[0].upper()}{found.theory[1:]}. After {counted(length, 'token')} each, the words u and v leave "
        f"the model in one state, to within {pair.distance:.1e}; their products are {u} and {v}, so at least one "
        "answer after them is wrong."
    )
    words = [(name, word.tokens().tolist()) for name, word in zip("uv", pair.words, strict=True)]
    data = with_two_words(network_data(network, group, alphabet), words, verdict)
    data["heading"] = f"{group.name}: two words that a model cannot tell apart"
    return Written(path, write_machine_page(path, data))
