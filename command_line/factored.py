"""compile and verify for groups too large to list: the route through factored cascades."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import RenderableType

from subnormal.algebra.arithmetic.permutations import Permutations, parse_permutation
from subnormal.algebra.base.errors import InputError, RefutedError
from subnormal.algebra.base.wording import counted, short
from subnormal.algebra.groups.permutation_group import PermutationGroup, describe_order

if TYPE_CHECKING:
    from subnormal.constructions.factored.cascade import FactoredCascade
    from subnormal.constructions.factored.words import FactoredTrial

CHECK_LENGTH = 100_000
"""Length of the words that `compile_large` tries the cascade on."""


def compile_large(text: str, folder: Path, family: str = "aussm", alphabet: str | None = None) -> None:
    """Compile a group that is not listed, prove the result, write it, and say so.

    Arguments:
        text: the group, as `algebra.input.parser.parse_group` reads it.
        folder: where to write the artifact.
        family: one family, of which any number of layers may be used.
        alphabet: None or `generators`, or permutations such as `(1,2);(1,2,3)`.

    Raises:
        InputError: the group cannot be tracked or compiled, or an option does not fit.
    """
    from subnormal.algebra.base.terminal import console, say
    from subnormal.algebra.base.writing import prepare_folder
    from subnormal.algebra.depth.families import FAMILIES, parse_stack
    from subnormal.algebra.input.parser import parse_group
    from subnormal.constructions.factored.artifact import save_factored
    from subnormal.constructions.factored.bound import lower_bound
    from subnormal.constructions.factored.compiler import compile_factored
    from subnormal.constructions.factored.proof import cases, first_fault, needed_layers
    from subnormal.constructions.words import KINDS

    began = time.perf_counter()
    stack = parse_stack(family)
    if len(stack) > 1:
        raise InputError(f"{short(text)} is too large to list; wanted one family for it, not {family}, e.g. aussm")
    group = parse_group(text)
    compilation = compile_factored(group.name, read_tokens(group, alphabet), stack[0])
    prepare_folder(folder)
    cascade, structure = compilation.cascade, compilation.structure
    screen = console()
    order, layers = describe_order(compilation.chain.order), counted(cascade.depth, "layer")
    channels, tokens = counted(len(cascade.channels), "channel"), counted(len(cascade.alphabet), "token")
    say(screen, f"{group.name}: order {order} on {group.degree} points, {layers}, {channels}, {tokens}", "bold")
    say(screen, "compiled as a factored cascade: its states stand for permutations, and nothing is listed")
    say(screen, f"parts: {structure.text}  (order on points of each)")
    if not structure.exact:
        say(screen, f"note: their product has {describe_order(structure.order)} states, more than needed", "yellow")
    say(screen, "")
    screen.print(layer_table(cascade))
    say(screen, "")
    fault = first_fault(cascade)
    if fault:
        raise AssertionError(f"the compiled cascade is wrong: {fault}")
    say(screen, f"proved: words of every length are tracked, by {cases(cascade):,} equations between points")
    lines = lower_bound(cascade.alphabet, FAMILIES[cascade.family].exponent)
    least = needed_layers(cascade, lines)
    if least == cascade.depth:
        fewer = counted(cascade.depth - 1, "layer")
        say(screen, f"proved: {fewer} cannot, by a program of {counted(len(lines), 'line')} of nested commutators")
    else:
        say(screen, f"note: {counted(least, 'layer')} needed at least, {cascade.depth} used", "yellow")
    trials = [_tried(folder, cascade, kind, CHECK_LENGTH, 0) for kind in KINDS]
    say(screen, f"residues: right on random, constant and commutator words of {CHECK_LENGTH:,} tokens")
    say(screen, f"          {_speed(trials)}")
    save_factored(folder, compilation, lines)
    say(screen, f"written: {folder}/ in {time.perf_counter() - began:.2f} s")
    say(screen, "network: not written for a factored cascade; it runs with `verify`", "yellow")


def verify_large(folder: Path, length: int, kinds: Sequence[str], seed: int = 0) -> None:
    """Prove a compiled folder again, from its files alone, and try it on words.

    Raises:
        InputError: the folder cannot be read.
        RefutedError: the cascade does not track its group, or the group or its layers are not what the folder says.
    """
    from subnormal.algebra.base.terminal import console, say
    from subnormal.algebra.chains.stabiliser_chain import StabiliserChain
    from subnormal.constructions.factored.artifact import load_factored
    from subnormal.constructions.factored.proof import cases, first_fault, needed_layers

    found = load_factored(folder)
    cascade, stated = found.cascade, found.metadata
    fault = first_fault(cascade)
    if fault:
        raise RefutedError(f"the cascade in {folder} does not track {cascade.name}: {fault}")
    order = StabiliserChain(cascade.alphabet).order
    layers = [layer.get("moduli") if isinstance(layer, dict) else None for layer in stated["layers"]]
    for what, claim, fact in [("order", stated["order"], order), ("layers", layers, cascade.layers)]:
        if claim != fact:
            raise RefutedError(f"{folder} states another {what} of {cascade.name} than {short(str(fact))}")
    screen = console()
    say(screen, f"{cascade.name}: order {describe_order(order)}, {counted(len(cascade.alphabet), 'token')}")
    say(screen, f"words of every length are tracked: {cases(cascade):,} equations between points hold")
    least = needed_layers(cascade, found.lower_bound)
    say(screen, f"{counted(cascade.depth, 'layer')}, and at least {least} needed")
    for kind in kinds:
        trial = _tried(folder, cascade, kind, length, seed)
        say(screen, f"residues: {kind} word of {length:,} tokens right, {_speed([trial])}")


def read_tokens(group: PermutationGroup, alphabet: str | None) -> Permutations:
    """The permutations that may appear as tokens, shape (m, degree): the group's generators, or those of the text.

    Raises:
        InputError: a text that is not understood, or permutations outside the group, twice, or too few to generate it.
    """
    from subnormal.algebra.chains.stabiliser_chain import StabiliserChain

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


def layer_table(cascade: FactoredCascade) -> RenderableType:
    """What each layer carries and how much it reads."""
    from subnormal.algebra.base.terminal import plain_table

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


def _tried(folder: Path, cascade: FactoredCascade, kind: str, length: int, seed: int) -> FactoredTrial:
    """Run one word; raises `RefutedError` at the first wrong permutation."""
    from subnormal.algebra.base.terminal import progress
    from subnormal.constructions.factored.words import try_word

    with progress(f"residues, {kind} word", length) as advance:
        for trial in try_word(cascade, kind, length, seed):
            advance(trial.tokens)
    if trial.first_wrong is not None:
        raise RefutedError(
            f"{folder}: wrong permutation at token {trial.first_wrong:,} of the {kind} word (seed {seed})"
        )
    return trial


def _speed(trials: Sequence[FactoredTrial]) -> str:
    tokens = sum(trial.tokens for trial in trials) / 1e6
    running = max(1e-9, sum(trial.run_seconds for trial in trials))
    decoding = max(1e-9, sum(trial.decode_seconds for trial in trials))
    return f"{tokens / running:.2g} million tokens/s to residues, {tokens / decoding:.2g} on to permutations"
