"""How near to a compiled solution training must start to find it again."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from ..common.writing import write_figure, write_file
from ..models.training.configuration import RunConfiguration
from ..models.training.live import train_watched
from ..models.training.pool import Resources
from ..models.training.runs import RunStore
from .folder import write_record
from .landscape import NEARBY, hessian_summary, loss_along_line

NOISES = (0.0, 0.01, 0.03, 0.1, 0.3, 1.0)
GROUPS = ("S3", "A4", "Q8", "S4")
TRAINED_TO = 60

FULL = {
    "seeds": 5,
    "rates": (1e-3, 3e-3, 1e-2),
    "groups": GROUPS,
    "lines": 5,
    "points": 101,
    "eigenvalues": 5,
    "iterations": 40,
}
QUICK = {"seeds": 2, "rates": (3e-3,), "groups": ("S3",), "lines": 2, "points": 41, "eigenvalues": 3, "iterations": 15}

PAGE = """# Training from near a compiled solution{quick}

Compiled weights of an AUSSM, every parameter shaken with Gaussian noise of standard deviation σ (gates are 0 or 1,
phases turns, ψ cosines), then trained on words of length 2 to {trained}, at most {steps:,} steps of {batch} words;
{seeds} seeds × {rates} learning rates ({values}) for each σ. *Reach 100 %*: every symbol of {words:,} test words of
length {trained} right. The paper reports 4 × the training length, {four}, for S3.

{table}

*At the start* is measured before the first step, on {check_words} validation words of length {check_length}; *longest*
after training, on test words (accuracy above 90 % at it and every shorter multiple of 20, at most {length}).

![against σ](plot.png)

## The landscape

Largest eigenvalues of the Hessian of the loss (soft decisions, words of length 40), at the solution,
with all weights shaken by σ = {nearby}, and at a random start:

{eigenvalues}

![the loss along lines](landscape.png)

Runs: rows.jsonl; settings: config.json; landscape: landscape.json.
"""


def near_runs(quick: bool) -> dict[tuple[str, float], list[RunConfiguration]]:
    """The runs for each group and σ."""
    size: dict[str, Any] = QUICK if quick else FULL
    settings: dict[str, Any] = {
        "batch": 16,
        "length": f"2-{TRAINED_TO}",
        "steps": 3000,
        "check_every": 100,
        "check_words": 16,
        "check_length": 1000,
        "early_stop": True,
        "gradient": "through",
        "moving": "all",
        "drive_penalty": 0.0,
    }
    if quick:
        settings |= {"steps": 500, "check_every": 100, "check_words": 8, "check_length": 400, "test_length": 400}
    return {
        (group, noise): [
            RunConfiguration(group, init="compiled", noise=noise, learning_rate=rate, seed=seed, **settings)
            for rate in size["rates"]
            for seed in range(size["seeds"])
        ]
        for group in size["groups"]
        for noise in NOISES
    }


def reproduce_near_solution(folder: Path, quick: bool, machine: Resources) -> Path:
    """Run the experiment into a folder; returns the page written."""
    size: dict[str, Any] = QUICK if quick else FULL
    plan = near_runs(quick)
    store = RunStore(folder / "store")
    runs = [run for some in plan.values() for run in some]
    train_watched(runs, store, machine)
    write_record(folder, "near-solution", quick, runs, store)
    results = {place: _summary(some, store) for place, some in plan.items()}
    lines = {group: loss_along_line(group, size["lines"], size["points"]) for group in size["groups"]}
    eigenvalues = hessian_summary(size["groups"], size["eigenvalues"], size["iterations"])
    landscape = {
        "lines": {g: {"t": t, "losses": losses} for g, (t, losses) in lines.items()},
        "eigenvalues": eigenvalues,
    }
    write_file(folder / "landscape.json", json.dumps(landscape) + "\n")
    _draw_noise(results, folder / "plot.png", runs[0].test_length)
    _draw_lines(lines, folder / "landscape.png")
    page = folder / "README.md"
    run = runs[0]
    content = PAGE.format(
        quick=" (quick)" if quick else "",
        trained=TRAINED_TO,
        four=4 * TRAINED_TO,
        steps=run.steps,
        batch=run.batch,
        seeds=size["seeds"],
        rates=len(size["rates"]),
        values=", ".join(f"{rate:g}" for rate in size["rates"]),
        words=run.test_words,
        length=run.test_length,
        check_words=run.check_words,
        check_length=run.check_length,
        nearby=f"{NEARBY:g}",
        table=_table(results),
        eigenvalues=_eigenvalue_table(eigenvalues),
    )
    write_file(page, content)
    return page


def _summary(runs: list[RunConfiguration], store: RunStore) -> dict[str, Any]:
    rows = store.of(runs)
    place = rows[0]["test"]["lengths"].index(TRAINED_TO)
    longest = [row["test"]["longest"] for row in rows]
    best = max(rows, key=lambda row: (row["validation"]["longest"], statistics.fmean(row["validation"]["last"])))
    return {
        "runs": len(rows),
        "solved": sum(row["test"]["whole"][place] == 1.0 for row in rows),
        "longest": longest,
        "median": statistics.median(longest),
        "best": best["test"]["longest"],
        "start": statistics.fmean(row["curve"][0][2] for row in rows),
    }


def _table(results: dict[tuple[str, float], dict[str, Any]]) -> str:
    lines = [
        "| group | σ | right at the start | reach 100 % | longest, best | longest, median |",
        "|---|---|---|---|---|---|",
    ]
    for (group, noise), found in results.items():
        lines.append(
            f"| {group} | {noise:g} | {found['start']:.0%} | {found['solved']}/{found['runs']} "
            f"| {found['best']} | {found['median']:g} |"
        )
    return "\n".join(lines)


def _eigenvalue_table(eigenvalues: dict[str, dict[str, list[float]]]) -> str:
    lines = [
        f"| group | at the compiled solution | shaken by σ = {NEARBY:g} | at a random start |",
        "|---|---|---|---|",
    ]
    for group, found in eigenvalues.items():
        cells = (", ".join(f"{value:.3g}" for value in found[place]) for place in ("solution", "nearby", "random"))
        lines.append(f"| {group} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _draw_noise(results: dict[tuple[str, float], dict[str, Any]], path: Path, longest: int) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left, right) = pyplot.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
    for i, group in enumerate(dict.fromkeys(group for group, _ in results)):
        found = [results[group, noise] for noise in NOISES]
        places = range(len(NOISES))
        left.plot(places, [f["solved"] / f["runs"] for f in found], color=f"C{i}", marker="o", label=group)
        right.plot(places, [f["median"] for f in found], color=f"C{i}", marker="o", label=f"{group}, median")
        shift = 0.06 * (i - 1)
        for place, f in zip(places, found, strict=True):
            right.scatter([place + shift] * f["runs"], f["longest"], color=f"C{i}", s=8, alpha=0.4)
    for axis in (left, right):
        axis.set_xticks(range(len(NOISES)), [f"{noise:g}" for noise in NOISES])
        axis.set_xlabel("noise σ on the compiled weights")
        axis.legend(fontsize=8)
    left.set(ylabel="share of runs that reach 100 %", ylim=(-0.03, 1.03))
    right.axhline(4 * TRAINED_TO, color="0.6", linewidth=0.8, linestyle=":")
    right.text(len(NOISES) - 1, 4 * TRAINED_TO, "4 × training length", ha="right", va="bottom", fontsize=7, color="0.4")
    right.set(ylabel="longest length > 90 %", ylim=(-0.03 * longest, 1.05 * longest))
    write_figure(path, figure, dpi=120)
    pyplot.close(figure)


def _draw_lines(lines: dict[str, tuple[list[float], list[list[float]]]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(
        1, len(lines), figsize=(3.6 * len(lines) + 1, 3.4), layout="constrained", squeeze=False
    )
    for axis, (group, (t, losses)) in zip(axes[0], lines.items(), strict=True):
        for losses_of_seed in losses:
            axis.plot(t, losses_of_seed, linewidth=1)
        axis.set(title=group, xlabel="compiled (0) to a random start (1)", yscale="log")
    axes[0][0].set_ylabel("loss")
    write_figure(path, figure, dpi=120)
    pyplot.close(figure)
