"""Runs of `learn` with one block layer: groups of matrices are tried in turn until one gives an exact machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...common.wording import counted
from .block_snap import SnappedBlocks, exact_blocks, snap_blocks
from .blocks import BlockRecipe, MatrixGroup, TrainedBlocks, train_blocks
from .exact import ExactMachine, NotExactError, outcome_json
from .words import Words


@dataclass(frozen=True, eq=False)
class Tried:
    """One group of matrices of one run.

    Arguments:
        trained: the layer.
        snapped: what was kept of it when the snap was last tried.
        failure: why there is no machine; None where there is one.
    """

    trained: TrainedBlocks
    snapped: SnappedBlocks | None
    failure: str | None

    def as_json(self) -> dict[str, Any]:
        """The figures of a try: steps, how long words became, the last loss, and what was kept."""
        curve, kept = self.trained.curve, self.snapped
        return {
            "matrices": self.trained.group.name,
            "steps": len(curve),
            "length": self.trained.length,
            "growths": [list(growth) for growth in self.trained.growths],
            "loss": round(curve[-1], 5) if curve else None,
            "kept": len(kept.blocks) if kept is not None else 0,
            "blocks": self.trained.matrices.shape[1],
            "defect": kept.defect if kept is not None else None,
            "concentrations": [round(float(x), 4) for x in kept.concentrations] if kept is not None else [],
        }


@dataclass(frozen=True, eq=False)
class BlockRun:
    """What became of one seed.

    Arguments:
        seed: of its weights and of its words.
        tried: the groups of matrices, in order; the last one is that of the machine, where there is one.
        exact: the machine it found; None where it found none.
        failure: why not; None where it did.
    """

    seed: int
    tried: tuple[Tried, ...]
    exact: ExactMachine | None
    failure: str | None

    def as_json(self) -> dict[str, Any]:
        """The figures of a run: every group of matrices that was tried, and the outcome."""
        return outcome_json(self.seed, self.exact, self.failure) | {
            "tried": [one.as_json() for one in self.tried],
        }


def learn_blocks(
    words: Words,
    seed: int,
    recipe: BlockRecipe,
    held_out: Words | None = None,
    report: Callable[[str], None] | None = None,
) -> BlockRun:
    """Train, snap and judge one run, on one group of matrices after the other, until one gives a machine.

    Arguments:
        words: the training words.
        seed: of the run.
        recipe: settings, with the groups of matrices.
        held_out: words that it is judged by and not trained on.
        report: called with a line of progress.
    """
    tried: list[Tried] = []
    for group, before in recipe.turns():
        own = [seed, group.size, int(group.is_complex), *([before] if before else [])]
        one, exact = _try(words, own, group, recipe, held_out, report)
        tried.append(one)
        if exact is not None:
            return BlockRun(seed, tuple(tried), exact, None)
    return BlockRun(seed, tuple(tried), None, _failure(tried))


def _failure(tried: list[Tried]) -> str:
    """Why nothing was found: for each group of matrices how often it was tried, and the try with the longest words."""
    by_name: dict[str, list[Tried]] = {}
    for one in tried:
        by_name.setdefault(one.trained.group.name, []).append(one)
    lines = []
    for name, tries in by_name.items():
        best = max(tries, key=lambda one: one.trained.length)
        lines.append(f"{name}{f', best of {len(tries)} tries' if len(tries) > 1 else ''}: {best.failure}")
    return "; ".join(lines)


def _try(
    words: Words,
    seed: list[int],
    group: MatrixGroup,
    recipe: BlockRecipe,
    held_out: Words | None,
    report: Callable[[str], None] | None,
) -> tuple[Tried, ExactMachine | None]:
    found: ExactMachine | None = None
    failure = ""
    snapped: SnappedBlocks | None = None

    def is_enough(trained: TrainedBlocks) -> bool:
        nonlocal found, failure, snapped
        snapped = snap_blocks(trained, words, recipe.concentration)
        try:
            exact = exact_blocks(trained, snapped, words)
            for title, judged in (("training", words), ("held-out", held_out)):
                wrong = exact.disagreement(judged) if judged is not None else None
                if wrong is not None and judged is not None:
                    word = judged.spell(wrong[0], wrong[1] + 1)
                    raise NotExactError(f"its answer to the {title} word ({word}) is wrong")
        except NotExactError as error:
            failure = str(error)
            return False
        found = exact
        return True

    trained = train_blocks(words, group, seed, recipe, is_enough, report)
    if snapped is None and not trained.curve:
        is_enough(trained)  # nothing was trained: null models
    if found is not None:
        return Tried(trained, snapped, None), found
    where = f"{counted(len(trained.curve), 'step')}, words of {trained.length} tokens"
    if trained.curve:
        where += f", loss {trained.curve[-1]:.2f}"
    return Tried(trained, snapped, f"{where}: {failure or 'they did not grow'}"), None
