"""The command parity."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..common.errors import InputError
from .shared import NOT_REFUTED, Json, number

if TYPE_CHECKING:
    from ..proofs_check.refutations.refutation import Refutation

DELTAS = (0.5, 1.0, 2.0, 3.0, 5.0, 8.0, 10.0, 20.0, 36.0, 39.0)
"""Step sizes Δ of the table of Negative Mamba without rounding to -1."""


def parity(
    layers: Annotated[int, number(least=1, most=8, help="Mixtures of S4D and Mamba up to this many layers.")] = 4,
    width: Annotated[int, number(least=1, most=1024, help="Channels of each layer.")] = 8,
    seeds: Annotated[int, number(least=1, most=1000, help="Random networks of each mixture.")] = 1,
    activation: Annotated[str, typer.Option(help="Readout of the layers: hard, softmax, relu, tanh …")] = "hard",
    tokens: Annotated[int, number(least=1, most=10**9, help="Longest word run for the table of step sizes.")] = 200_000,
    as_json: Json = False,
) -> None:
    """Show which families cannot follow parity, on words, and which can, by weights. Exit code 4: a mixture stood."""
    from ..proofs_check.refutations.parity import compiled_parity, refute_parity, stacks

    found: dict[str, list[Refutation]] = {}
    for stack in stacks(layers):
        name = ",".join(stack)
        found[name] = [refute_parity(stack, width, seed, activation) for seed in range(seeds)]
        if not as_json:
            print(_stack_line(name, found[name]), flush=True)
    compiled = [compiled_parity(family) for family in ("negative-mamba", "aussm")]
    rows = _step_sizes(tokens)
    if as_json:
        content: dict[str, Any] = {"mixtures": {name: [r.as_json() for r in some] for name, some in found.items()}}
        content["compiled"] = [
            {
                "family": layer.family,
                "multipliers": [[a.real, a.imag] for a in layer.multipliers],
                "shifts": [[b.real, b.imag] for b in layer.shifts],
                "initial_state": [layer.initial.real, layer.initial.imag],
                "scores": [list(row) for row in layer.scores],
                "tokens_run": layer.tokens_run,
            }
            for layer in compiled
        ]
        print(json.dumps(content | {"step_sizes": rows}))
    else:
        _print_compiled(compiled)
        _print_step_sizes(rows, tokens)
    if not all(r.refuted for some in found.values() for r in some):
        raise typer.Exit(NOT_REFUTED)


def _stack_line(name: str, some: list[Refutation]) -> str:
    pairs = [r.pair for r in some if r.pair]
    text = f"{name}: {len(pairs)} of {len(some)} refuted by two words of different parity"
    grown = sum(r.kind in ("divergence", "growth") for r in some)
    if grown:
        text += f", {grown} by growth"
    if pairs:
        shown = min(pairs, key=lambda pair: len(str(pair.words[0])))
        lengths = sorted(pair.words[0].length for pair in pairs)
        text += f"; lengths {lengths[0]:,} to {lengths[-1]:,}" if len(pairs) > 1 else f"; length {lengths[0]:,}"
        text += f"\n  {shown.words[0]}\n  {shown.words[1]}"
        text += f"\n  states {shown.distance:.1e} apart, answers {shown.answers[0]} and {shown.answers[1]}"
    return text


def _print_compiled(compiled: list[Any]) -> None:
    for layer in compiled:
        a, scores = layer.multipliers, layer.scores
        print(
            f"{layer.family}: one compiled layer tracks parity. a(0) = {a[0]:.17g}, a(1) = {a[1]:.17g}, b = 0, "
            f"h before = {layer.initial:g}; "
            f"the decision is the larger of {_score(scores[0])} (even) and {_score(scores[1])} (odd); "
            f"run on a random and a constant word of {layer.tokens_run:,} tokens without a wrong answer"
        )


def _score(weights: tuple[float, ...]) -> str:
    names = ("h",) if len(weights) == 1 else ("Re h", "Im h")
    return " + ".join(f"{weight:g} {name}" for weight, name in zip(weights, names, strict=True) if abs(weight) > 1e-9)


def _step_sizes(most: int) -> list[dict[str, Any]]:
    import torch

    from ..proofs_check.refutations.parity import first_wrong, vanishing_length

    rows = []
    for delta in DELTAS:
        for name, dtype in (("float32", torch.float32), ("float64", torch.float64)):
            predicted = vanishing_length(delta, dtype)
            row: dict[str, Any] = {
                "delta": delta,
                "dtype": name,
                "predicted": None if predicted == float("inf") else predicted,
            }
            for arithmetic in ("token by token", "flushed", "blocks"):
                try:
                    row[arithmetic] = first_wrong(delta, dtype, most, arithmetic)
                except InputError:
                    row[arithmetic] = None
            rows.append(row)
    return rows


def _print_step_sizes(rows: list[dict[str, Any]], most: int) -> None:
    print("\nNegative Mamba with a moderate step size Δ for the token 1: length of the first word 1ⁿ answered wrongly")
    print(f"(– where none was up to n = {most:,}; `predicted`: where aⁿ leaves the normal numbers, a formula)")
    print(f"{'Δ':>5} {'dtype':8} {'predicted':>12} {'flushed':>12} {'scan':>12} {'token by token':>15}")
    for row in rows:
        predicted = "never: a = -1" if row["predicted"] is None else f"{row['predicted']:.4g}"
        cells = [f"{row[key]:,}" if row[key] else "–" for key in ("flushed", "blocks", "token by token")]
        print(f"{row['delta']:>5g} {row['dtype']:8} {predicted:>13} {cells[0]:>11} {cells[1]:>12} {cells[2]:>15}")
