"""From words to a proved machine, from Python: learn, decompile, diagnose."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Group as Renderables
from rich.console import RenderableType
from rich.text import Text

from subnormal.algebra.base.errors import InputError
from subnormal.algebra.base.terminal import Shown, plain_table
from subnormal.algebra.base.wording import counted, default_folder

if TYPE_CHECKING:
    from subnormal.models.learning.exact import ExactMachine
    from subnormal.models.learning.words import Words

HELD_OUT_SHARE, MOST_HELD_OUT = 0.2, 1000
"""How much of a file of words is kept out of training, to judge by."""

TRAINING_WORDS, JUDGING_WORDS = 4000, 1000
"""Words that are drawn where a group's name was given."""


@dataclass(frozen=True, eq=False, repr=False)
class Learnt(Shown):
    """What `learn` found.

    Arguments:
        folder: what `compile` writes, with the certificate; runs/ and learnt.png beside it.
        machine: the exact machine that was chosen: fewest layers, then the first run.
        rows: one dictionary a run.
        words, held_out: how many words it was trained on and judged by; it agrees with all of them.
        claim: what the checker confirmed.
    """

    folder: Path
    machine: ExactMachine
    rows: tuple[dict[str, Any], ...]
    words: int
    held_out: int
    claim: str

    @property
    def small_group_id(self) -> tuple[int, int] | None:
        """(order, number) of the group in GAP's library; None above order 255."""
        return self.machine.small_group_id

    @property
    def layers(self) -> int:
        return len(self.machine.compilation.cascade.layers)

    @property
    def exact_runs(self) -> int:
        """How many runs found an exact machine."""
        return sum(row["exact"] for row in self.rows)

    @property
    def picture(self) -> Path:
        """Losses by layer, phases before and after the snap, what was kept."""
        return self.folder / "learnt.png"

    def sentence(self) -> str:
        """One line: the group, layers, what is proved, what it agrees with."""
        group, compilation = self.machine.compilation.group, self.machine.compilation
        structure = str(compilation.decomposition.extension)
        return (
            f"{group.name} = {structure}, {counted(self.layers, 'layer')}, proved for words of every length; agrees "
            f"with all {self.words:,} training and {self.held_out:,} held-out words"
        )

    def as_json(self) -> dict[str, Any]:
        """The object that `learn --json` prints."""
        identity = self.small_group_id
        return {
            "small_group_id": list(identity) if identity else None,
            "structure": str(self.machine.compilation.decomposition.extension),
            "series": list(self.machine.compilation.series.orders),
            "layers": self.layers,
            "runs": len(self.rows),
            "exact_runs": self.exact_runs,
            "words": self.words,
            "held_out": self.held_out,
            "claim": self.claim,
            "folder": str(self.folder),
        }

    def view(self) -> RenderableType:
        """What `learn` prints."""
        table = plain_table("seed", "states by layer", "losses", "moduli", "outcome")
        for row in self.rows:
            table.add_row(
                str(row["seed"]),
                " ".join(map(str, row["states"])),
                " ".join(f"{loss:.3f}" for loss in row["losses"]),
                " | ".join(" ".join(map(str, moduli)) or "–" for moduli in row["moduli"]),
                "exact" if row["exact"] else row["failure"],
            )
        return Renderables(
            Text(self.sentence(), style="bold"),
            Text(f"exact: {self.exact_runs} of {counted(len(self.rows), 'run')}"),
            table,
            Text(f"certified: {self.claim}"),
            Text(f"written: {self.folder}"),
        )

    def _repr_png_(self) -> bytes:
        return self.picture.read_bytes()


def learn(
    data: str | Path,
    runs: int = 5,
    layers: int | None = None,
    *,
    alphabet: str | None = None,
    seed: int = 0,
    length: int = 60,
    out: str | Path | None = None,
    report: Callable[[str], None] | None = None,
    **settings: Any,
) -> Learnt:
    """From words with labels to an exact machine with a proof. Called again, it goes on where it was stopped.

    Given are the words, and with them the number of tokens and of labels. Not given: group, table, series, moduli.

    Arguments:
        data: a file in the field's format (columns seed, input, target; any symbols), or the name of a group, from
            which 4,000 training and 1,000 held-out words are drawn.
        runs: seeds that are trained.
        layers: the most layers; None for as many as add something.
        alphabet: for a group's name: `all`, `generators` or elements.
        seed: the first seed; of the words as well, and of which words of a file are held out.
        length: of the words drawn from a group.
        out: folder; `learnt/` and the name of the data by default.
        report: called with lines of progress.
        settings: fields of `subnormal.models.learning.recipe.Recipe`, such as `steps` and `channels`.

    Raises:
        InputError: the data are not a group's (the words that show it are named), no run found an exact machine (with
            the reason as far as the words show it), or an option does not fit.
    """
    from subnormal.models.learning.learn import BATCH_OF_RUNS, explain_failure, learn_runs, require_runs
    from subnormal.models.learning.recipe import Recipe
    from subnormal.models.learning.store import LearntStore, machine_of, row_of, run_key

    require_runs(runs)
    if layers is not None and layers < 1:
        raise InputError(f"layers: wanted at least 1, got {layers}")
    recipe = Recipe().with_changes(settings)
    training, held_out, name = _words(data, alphabet, seed, length)
    folder = Path(out) if out is not None else Path("learnt") / default_folder(name)
    store = LearntStore(folder / "runs")
    keys = {number: run_key(training, recipe, layers, number) for number in range(seed, seed + runs)}
    missing = [number for number, key in keys.items() if store.get(key) is None]
    finished = []
    for start in range(0, len(missing), BATCH_OF_RUNS):
        part = missing[start : start + BATCH_OF_RUNS]
        found = learn_runs([training] * len(part), part, recipe, layers, [held_out] * len(part), report)
        for run in found:
            store.add(row_of(keys[run.seed], run))
        finished += found
    rows = [row for key in keys.values() if (row := store.get(key)) is not None]
    exact = [row for row in rows if row["exact"]]
    if not exact:
        raise InputError(explain_failure(training, [row["failure"] for row in rows]))
    best = min(exact, key=lambda row: (len(row["layers"]), row["seed"]))
    machine = machine_of(best, len(training.token_names), len(training.label_names))
    claim = _save(machine, folder, training, best)
    return Learnt(folder, machine, tuple(rows), training.count, held_out.count, claim)


def _words(data: str | Path, alphabet: str | None, seed: int, length: int) -> tuple[Words, Words, str]:
    """Training words, held-out words, and a name for the folder."""
    import numpy as np

    from subnormal.models.learning.words import read_labelled, words_of_task
    from subnormal.models.training.tasks import TEST, make_task

    path = Path(data)
    if path.suffix != ".csv" and not path.is_file():
        from subnormal.algebra.input.parser import list_group

        if length < 2:
            raise InputError(f"length: wanted at least 2, got {length}")
        group = list_group(str(data))
        task = make_task(group, alphabet)
        training = words_of_task(task, TRAINING_WORDS, length, seed)
        return training, words_of_task(task, JUDGING_WORDS, length, seed, stream=TEST), group.name
    if alphabet is not None:
        raise InputError("--alphabet goes with a group's name: a file has its own tokens")
    words = read_labelled(path)
    words.check()
    order = np.random.default_rng([11, seed]).permutation(words.count)
    count = min(MOST_HELD_OUT, math.floor(HELD_OUT_SHARE * words.count))
    return words.part(np.sort(order[count:])), words.part(np.sort(order[:count])), path.stem


def _save(machine: ExactMachine, folder: Path, words: Words, row: dict[str, Any]) -> str:
    """Write the folder: cascade, network, certificate, names and the picture; returns the certified claim."""
    from subnormal.constructions.artifact import save_artifact
    from subnormal.constructions.compiler import describe
    from subnormal.models.learning.pictures import draw_learnt
    from subnormal.proofs_check.certificates.certificate import certify_folder

    compilation = machine.compilation
    names = {
        "token_names": list(words.token_names),
        "label_names": [words.label_names[label] for label in machine.labels],
        "learnt": {"seed": row["seed"], "words": words.count},
    }
    metadata = {**describe(compilation, machine.small_group_id), **names}
    save_artifact(folder, compilation.cascade, compilation.weights, metadata)
    draw_learnt(row, machine, folder / "learnt.png")
    return certify_folder(folder).claim


def as_text_of(error: Exception) -> str:
    """The object that `--json` prints for a failure."""
    return json.dumps({"error": " ".join(str(error).split())}, ensure_ascii=False)
