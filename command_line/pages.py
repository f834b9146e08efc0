"""What `show --html` and `refute --html` write: the page of a group, a folder, a trained network, a refuted model."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..algebra.automata.automaton import Automaton
from ..common.errors import InputError
from ..common.kinds import NETWORK
from ..common.wording import counted, short
from ..constructions.pages.packing import check_page_path

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..algebra.groups.group import Group
    from ..artifacts.artifact import Artifact
    from ..models.network import DCDNetwork
    from ..models.training.tasks import Task
    from ..proofs_check.refutations.refutation import Refutation

MAX_WORD = 100_000
"""Longest word of a refutation that a page runs."""


def show_page(asked: str | Automaton, path: Path, options: dict[str, Any], tracked: str | None) -> None:
    """Write the page of what the user named, and print its path and size.

    Arguments:
        asked: a group or an automaton, or a folder with a cascade, a factored cascade or a network.
        path: ends in .html.
        options: of `compile`, by name; None where not given.
        tracked: the group that a network in a folder is for.

    Raises:
        InputError: nothing can be shown; the message says why.
    """
    from ..api.compiling import compile
    from ..artifacts.artifact import load
    from ..constructions.pages.machine_page import write_machine_page

    check_page_path(path)
    if isinstance(asked, str) and os.path.isdir(asked):
        given = [f"--{name}" for name, value in options.items() if value is not None]
        if given:
            raise InputError(f"{given[0]} goes with a GROUP, not with the folder {asked}; compile it again instead")
        artifact = load(asked).require("show")
        if artifact.kind == NETWORK and tracked is None:
            raise InputError(f"{asked} does not say which group its network is for; add --group, e.g. --group S3")
        data = artifact.page() if tracked is None else artifact.page(_task(artifact, tracked).tracked)
    elif tracked is not None:
        raise InputError(f"--group says what a network in a folder is for, and {short(str(asked))} is no folder")
    else:
        data = compile(asked, **options).compilation.page()
    size = write_machine_page(path, data)
    print(f"{path}: {size / 1000:,.0f} kB, opens in any browser without a network")


def _task(artifact: Artifact, tracked: str) -> Task:
    from ..api.models import network_and_task

    return network_and_task(artifact, tracked, "show")[1]


def refutation_page(found: Refutation, network: DCDNetwork, group: Group, alphabet: NDArray | None, path: Path) -> None:
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
        raise InputError(f"{path}: words of {length:,} tokens; a page runs at most {MAX_WORD:,}")
    u, v = (cycles(group.elements[product]) for product in pair.products)
    verdict = (
        f"{found.theory[0].upper()}{found.theory[1:]}. After {counted(length, 'token')} each, the words u and v leave "
        f"the model in one state, to within {pair.distance:.1e}; their products are {u} and {v}, so at least one "
        "answer after them is wrong."
    )
    words = [(name, word.tokens().tolist()) for name, word in zip("uv", pair.words, strict=True)]
    data = with_two_words(network_data(network, group, alphabet), words, verdict)
    data["heading"] = f"{group.name}: two words that a model cannot tell apart"
    size = write_machine_page(path, data)
    print(f"{path}: {size / 1000:,.0f} kB, opens in any browser without a network")
