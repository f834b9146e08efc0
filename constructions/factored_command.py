"""compile and verify for groups too large to list: the route through factored cascades."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console, RenderableType
from rich.text import Text

from algebra.errors import InputError, RefutedError
from algebra.permutation_group import PermutationGroup, describe_order
from algebra.permutations import Permutations, parse_permutation

CHECK_LENGTH = 100_000
"""Length of the words that `compile_large` tries the cascade on."""


def compile_large(text: str, folder: Path, family: str = "aussm", alphabet: str | None = None) -> None:
    """Compile a group that is not listed, prove the result, write it, and say so.

    Arguments:
        text: the group, as `algebra.parser.parse_group` reads it.
        folder: where to write the artifact.
        family: one family, of which any number of layers may be used.
        alphabet: None or `generators`, or permutations such as `(1,2);(1,2,3)`.

    Raises:
        InputError: the group cannot be tracked or compiled, or an option does not fit.
    """
    from algebra.display import console
    from algebra.families import FAMILIES, parse_stack
    from algebra.parser import parse_group
    from constructions.factored_artifact import save_factored
    from constructions.factored_bound import lower_bound
    from constructions.factored_compiler import compile_factored
    from constructions.factored_proof import cases, first_fault, needed_layers

    began = time.perf_counter()
    stack = parse_stack(family)
    if len(stack) > 1:
        raise InputError(
            f"{text[:60]} is too large to list, and is compiled for one family, not the stack {family}; try aussm"
        )
    group = parse_group(text)
    compilation = compile_factored(group.name, read_tokens(group, alphabet), stack[0])
    cascade, structure = compilation.cascade, compilation.structure
    screen = console()
    order, exact = compilation.chain.order, structure.exact
    screen.print(
        Text(
            f"{group.name}: order {describe_order(order)} on {group.degree} points, {cascade.depth} layers, "
            f"{len(cascade.channels)} channels, {_count(len(cascade.alphabet), 'token')}",
            style="bold",
        )
    )
    screen.print(Text("too large to list: compiled as a factored cascade, whose states stand for permutations"))
    screen.print(Text(f"taken apart as {structure.text}  (order on points, for each part)"))
    if not exact:
        states = f"{describe_order(cascade.states)} states for {describe_order(order)} elements"
        screen.print(Text(f"note: the group is smaller than this product: {states}", style="yellow"))
    screen.print()
    screen.print(layer_table(compilation.cascade))
    screen.print()
    fault = first_fault(cascade)
    if fault:
        raise AssertionError(f"the compiled cascade is wrong: {fault}")
    screen.print(Text(f"proved: tracks every word of every length ({cases(cascade):,} equations between points)"))
    lines = lower_bound(cascade.alphabet, compilation.shortest, FAMILIES[cascade.family].exponent)
    least = needed_layers(cascade, lines)
    if least == cascade.depth:
        text = (
            f"proved: {_count(cascade.depth - 1, 'layer')} cannot (a product of nested commutators, {len(lines)} lines)"
        )
        screen.print(Text(text))
    else:
        screen.print(Text(f"note: {least} layers are needed, {cascade.depth} are used", style="yellow"))
    trials = [_tried(folder, cascade, kind, CHECK_LENGTH, 0) for kind in _kinds()]
    rate = f"{_rate(trials, 'run_seconds')}, decoded at {_rate(trials, 'decode_seconds')}"
    screen.print(Text(f"residues: right on random, constant and commutator words of {CHECK_LENGTH:,} tokens ({rate})"))
    save_factored(folder, compilation, lines)
    screen.print(Text(f"written: {folder}/ in {time.perf_counter() - began:.2f} s"))
    screen.print(Text("network: not written for a factored cascade; it runs with `verify`", style="yellow"))


def verify_large(folder: Path, length: int, kinds: Sequence[str], seed: int = 0) -> None:
    """Prove a compiled folder again, from its files alone, and try it on words.

    Raises:
        InputError: the folder cannot be read.
        RefutedError: the cascade, or the number of layers, is not what the folder says.
    """
    from algebra.display import console
    from constructions.factored_artifact import load_factored
    from constructions.factored_proof import cases, first_fault, needed_layers

    found = load_factored(folder)
    cascade = found.cascade
    fault = first_fault(cascade)
    if fault:
        raise RefutedError(f"the cascade in {folder} does not track {cascade.name}: {fault}")
    screen = console()
    screen.print(
        Text(f"{cascade.name}: tracks every word of every length ({cases(cascade):,} equations between points)")
    )
    least = needed_layers(cascade, found.lower_bound)
    screen.print(Text(f"{_count(cascade.depth, 'layer')}; at least {least} needed"))
    for kind in kinds:
        trial = _tried(folder, cascade, kind, length, seed)
        rate = f"{_rate([trial], 'run_seconds')}, decoded at {_rate([trial], 'decode_seconds')}"
        screen.print(Text(f"residues: {kind} word of {length:,} tokens right ({rate})"))


def read_tokens(group: PermutationGroup, alphabet: str | None) -> Permutations:
    """The permutations that may appear as tokens, shape (m, degree): the group's generators, or those of the text.

    Raises:
        InputError: a text that is not understood, or permutations outside the group, twice, or too few to generate it.
    """
    from algebra.stabiliser_chain import StabiliserChain

    if alphabet is None or alphabet == "generators":
        moving = group.permutations[(group.permutations != np.arange(group.degree)).any(axis=1)]
        return moving[np.sort(np.unique(moving, axis=0, return_index=True)[1])]
    if alphabet == "all":
        raise InputError(f"{group.name} has order {describe_order(group.order)}: too many tokens; wanted generators")
    rows = []
    for part in filter(None, (part.strip() for part in alphabet.split(";"))):
        image = parse_permutation(part)
        row = np.arange(max(group.degree, len(image)))
        row[: len(image)] = image
        if len(row) > group.degree or not StabiliserChain(group.permutations).contains(row[None])[0]:
            raise InputError(f"{part[:60]} is not an element of {group.name}")
        rows.append(row.astype(group.permutations.dtype))
    if not rows:
        raise InputError("an empty alphabet; wanted generators, or elements such as '(1,2);(1,2,3)'")
    tokens = np.stack(rows)
    if len(np.unique(tokens, axis=0)) < len(tokens):
        raise InputError(f"an element appears twice in the alphabet {alphabet[:60]!r}")
    generated = StabiliserChain(tokens).order
    if generated < group.order:
        raise InputError(
            f"the alphabet generates a subgroup of order {describe_order(generated)} of {group.name}, of order "
            f"{describe_order(group.order)}; wanted generators of it, or give the subgroup itself"
        )
    return tokens


def layer_table(cascade: Any) -> RenderableType:
    """What each layer carries and how much it reads."""
    from algebra.display import plain_table

    table = plain_table("layer", "carries", "channels", "a channel reads", "largest table", "entries")
    for layer in range(1, cascade.depth + 1):
        channels = [channel for channel in cascade.channels if channel.layer == layer]
        moduli = sorted(channel.modulus for channel in channels)
        carries = "x".join(f"C{n}" + f"^{moduli.count(n)}" * (moduli.count(n) > 1) for n in dict.fromkeys(moduli))
        counts = sorted({len(channel.reads) for channel in channels})
        reads = f"{counts[0]} to {counts[-1]} others" if len(counts) > 1 else f"{counts[0]} others"
        largest = max((channel.increments.shape for channel in channels), key=lambda shape: shape[0] * shape[1])
        entries = sum(channel.increments.size for channel in channels)
        table.add_row(
            str(layer), carries, str(len(channels)), reads, f"{largest[0]:,} x {largest[1]:,}", f"{entries:,}"
        )
    return table


def _kinds() -> tuple[str, ...]:
    from constructions.words import KINDS

    return KINDS


def _tried(folder: Path, cascade: Any, kind: str, length: int, seed: int) -> Any:
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    from constructions.factored_words import try_word

    screen = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as progress:
        task = progress.add_task(f"residues, {kind} word", total=length)
        for trial in try_word(cascade, kind, length, seed):
            progress.update(task, completed=trial.tokens)
    if trial.first_wrong is not None:
        raise RefutedError(
            f"{folder}: first wrong permutation at token {trial.first_wrong:,} of the {kind} word (seed {seed})"
        )
    return trial


def _rate(trials: Sequence[Any], seconds: str) -> str:
    rate = sum(trial.tokens for trial in trials) / max(1e-9, sum(getattr(trial, seconds) for trial in trials))
    return f"{rate / 1e6:.1f} million tokens/s" if rate >= 1e6 else f"{rate / 1e3:.0f} thousand tokens/s"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' * (number != 1)}"
