"""The command refute."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from subnormal.algebra.base.errors import InputError
from subnormal.command_line.shared import Json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from subnormal.algebra.groups.group import Group
    from subnormal.models.network import DCDNetwork
    from subnormal.proofs_check.refutations.refutation import Refutation

NOT_REFUTED, ALLOWED = 1, 2


def refute(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL", help="A folder with config.json and model.safetensors; left out with --random."
        ),
    ],
    group: Annotated[
        str | None, typer.Argument(metavar="GROUP", help="S3, Q8, GL(2,3) …; default: that of a compiled folder.")
    ] = None,
    epsilon: Annotated[float, typer.Option(help="States this close in every channel count as one.")] = 1e-6,
    random: Annotated[
        str | None, typer.Option(help="A random network instead of MODEL: a family, or a stack such as mamba,aussm.")
    ] = None,
    layers: Annotated[int, typer.Option(min=1, max=64, help="With --random and one family: how many layers.")] = 1,
    width: Annotated[int, typer.Option(min=1, max=4096, help="With --random: channels of each layer.")] = 16,
    seed: Annotated[int, typer.Option(min=0, help="With --random: of its weights.")] = 0,
    activation: Annotated[str, typer.Option(help="With --random: hard, softmax, relu, tanh …")] = "hard",
    as_json: Json = False,
) -> None:
    """Find the words on which a model that cannot track GROUP fails. Exit code 0: found; 1: not; 2: theory allows the
    model."""
    from subnormal.proofs_check.refutations.refutation import refute as search

    if random is None:
        network, listed, alphabet = _saved(Path(model), group)
    else:
        if group is not None:
            raise InputError(f"both MODEL {model} and --random {random}; wanted one, e.g. `refute S3 --random aussm`")
        network, listed, alphabet = _random(random, model, layers, width, seed, activation)
    found = search(network, listed, alphabet, epsilon)
    if as_json:
        print(json.dumps(found.as_json()))
    else:
        from subnormal.algebra.base.terminal import console

        screen = console()
        for line in text(found, listed):
            screen.print(line, markup=False, soft_wrap=True)
    if not found.refuted:
        raise typer.Exit(ALLOWED if found.kind == "allowed" else NOT_REFUTED)


def _saved(folder: Path, name: str | None) -> tuple[DCDNetwork, Group, NDArray[np.integer] | None]:
    """A saved network, the group, and the element of each token (of a compiled folder; else None for all in order)."""
    import numpy as np

    from subnormal.algebra.input.parser import list_group
    from subnormal.constructions.artifact import load_cascade
    from subnormal.models.network import DCDNetwork

    network = DCDNetwork.from_pretrained(folder)
    if not (folder / "cascade.json").is_file():
        if name is None:
            raise InputError(f"{folder} does not say which group; wanted `refute {folder} S3`")
        return network, list_group(name), None
    cascade, own, _ = load_cascade(folder)
    if name is None:
        return network, own, cascade.alphabet
    listed = list_group(name)
    if listed.elements.shape != own.elements.shape or not np.array_equal(listed.elements, own.elements):
        raise InputError(
            f"{folder} was compiled for {own.name}, whose elements are not those of {listed.name}; leave GROUP out"
        )
    return network, listed, cascade.alphabet


def _random(
    stack: str, name: str, layers: int, width: int, seed: int, activation: str
) -> tuple[DCDNetwork, Group, None]:
    from subnormal.algebra.input.parser import list_group
    from subnormal.proofs_check.refutations.refutation import random_network

    families = [family.strip().lower().replace("_", "-") for family in stack.split(",")]
    if len(families) == 1:
        families *= layers
    elif layers not in (1, len(families)):
        raise InputError(f"--layers {layers} with a stack of {len(families)} families; leave --layers out")
    listed = list_group(name)
    return random_network(listed.order, families, width, seed, activation), listed, None


def text(found: Refutation, group: Group) -> list[str]:
    """A refutation as lines for people."""
    from subnormal.algebra.arithmetic.permutations import cycles

    def element(index: int) -> str:
        shown = cycles(group.elements[index])
        return f"{index} = {shown}" if len(shown) <= 40 else str(index)

    head = {
        "pair": "refuted",
        "divergence": "refuted",
        "failed": "not refuted within the budget",
        "allowed": "not refuted",
    }
    lines = [f"{head[found.kind]}: {found.theory}"]
    if found.reason and found.kind == "failed":
        lines.append(f"why not: {found.reason}")
    if found.pair:
        pair = found.pair
        lines += ["", f"two words of {pair.words[0].length:,} tokens that the model cannot tell apart:"]
        lines += [f"  u = {pair.words[0]}", f"  v = {pair.words[1]}"]
        lines.append(f"  products: u {element(pair.products[0])}, v {element(pair.products[1])}")
        distances = ", ".join(f"layer {i} {x:.1e}" for i, x in enumerate(pair.distances, 1))
        lines.append(f"  states apart, largest |Δh| over channels: {distances}")
        lines.append(f"  answers: u {pair.answers[0]}, v {pair.answers[1]}: at least one is wrong")
        best = sorted(range(len(pair.logits[0])), key=lambda k: -pair.logits[0][k])[:4]
        for name, row in zip("uv", pair.logits, strict=True):
            lines.append(f"  largest logits, {name}: " + "  ".join(f"{k}: {row[k]:.6f}" for k in best))
        away = max(abs(a - b) for a, b in zip(*pair.logits, strict=True))
        how = (
            "by running the network in float64"
            if pair.confirmed == "run"
            else "in closed form, by exact composition of the maps"
        )
        own = pair.answers_in_own_dtype
        lines.append(
            f"  all logits within {away:.1e}; confirmed {how}"
            + (f"; in its own precision it answers {own[0]} and {own[1]}" if own else "")
        )
    if found.divergence:
        growth = found.divergence
        lines += ["", f"a state that leaves every bound: layer {growth.layer}, channel {growth.channel}, along p wⁿ"]
        if growth.prefix.length:
            lines.append(f"  p = {growth.prefix}")
        lines.append(f"  w = {growth.word}   ({growth.word.length:,} tokens)")
        lines.append("  |h|: " + "  ".join(f"n={n}: {size:.4g}" for n, size in growth.growth[-8:]))
        forever = (
            "w only translates: it grows for ever"
            if growth.unbounded
            else "one of a family of words P Qⁿ with bounds as large as wanted"
        )
        how = "running the network" if growth.confirmed == "run" else "composing the maps in closed form"
        lines.append(f"  {forever}; measured by {how}")
    if found.failing:
        failing = found.failing
        length = failing.word.length
        lines += ["", f"a word with a wrong answer, {length} token{'s' * (length != 1)}: {failing.word}"]
        lines.append(f"  the product is {element(failing.product)}, the model answers {element(failing.answer)}")
    elif found.kind in ("allowed", "failed"):
        lines += ["", "no word with a wrong answer among all of 1 and 2 tokens and 64 random ones of 256"]
    return lines
