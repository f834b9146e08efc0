"""From words to a proved machine, from Python: learn, decompile, diagnose."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike
from rich.console import Group as Renderables
from rich.console import RenderableType
from rich.text import Text

from ..algebra.automata.automaton import Automaton
from ..algebra.depth.group_names import group_name
from ..algebra.tracked import Tracked, TrackedAutomaton
from ..common.errors import InputError
from ..common.kinds import AUTOMATON, LEARNT, NETWORK, claim_folder, holds_learnt
from ..common.summary import SUMMARY, Tabular, write_summary
from ..common.terminal import Shown, plain_table, status
from ..common.wording import counted, default_folder
from .automaton_learning import (
    AutomatonDiagnosis,
    LearntAutomaton,
    ReadAutomaton,
    diagnose_automaton,
    learn_automaton,
    read_automaton_off,
)
from .foreign import (
    LENGTH,
    STATES,
    ModelDiagnosis,
    ReadModel,
    decompile_model,
    diagnose_model,
    foreign_artifact,
    look_at_network,
)  # fmt: skip
from .groups import MachineLike, machine
from .inside import Inside, NotInside
from .machines import both_names, write_compiled, write_unsolvable
from .models import network_and_task

if TYPE_CHECKING:
    from ..artifacts.artifact import Artifact
    from ..models.foreign.reading import Reading
    from ..models.learning.block_runs import BlockRun
    from ..models.learning.blocks import BlockRecipe
    from ..models.learning.decompile import Decompiled
    from ..models.learning.exact import ExactMachine
    from ..models.learning.learn import LearntRun
    from ..models.learning.recipe import Recipe
    from ..models.learning.words import Words
    from ..models.network import DCDNetwork
    from ..proofs_check.horizons.trained import TrainedProof

HELD_OUT_SHARE, MOST_HELD_OUT = 0.2, 1000
"""How much of a file of words is kept out of training, to judge by."""

SHOWN = 10
"""Tokens of a word that are printed."""

TRAINING_WORDS, JUDGING_WORDS = 4000, 1000
"""Words that are drawn where a group's name was given."""


@dataclass(frozen=True, eq=False, repr=False)
class Learnt(Tabular, Shown):
    """What `learn` found.

    Arguments:
        folder: what `compile` writes, with the certificate; runs/, summary.csv and learnt.png beside it. Where neither
            diagonal layers nor our delta-rule network hold the group: the machine's table, without certificate.
        machine: the exact machine that was chosen: of diagonal layers if there is one, fewest layers, the first run.
        rows: one dictionary a run.
        words, held_out: how many words it was trained on and judged by; it agrees with all of them.
        claim: what the checker confirmed; None where there is no certificate.
        found_by: how the chosen run found it, e.g. `one block layer on SO(3), 5 of 8 blocks kept (tried: SO(3))`.
        without: why the folder holds no certificate, or no diagonal layers; None where it holds both.
    """

    folder: Path
    machine: ExactMachine
    rows: tuple[dict[str, Any], ...]
    words: int
    held_out: int
    claim: str | None
    found_by: str = ""
    without: str | None = None

    def rows_of_table(self) -> tuple[dict[str, Any], ...]:
        """One dictionary a run."""
        return self.rows

    @property
    def small_group_id(self) -> tuple[int, int] | None:
        """(order, number) of the group in GAP's library; None above order 255."""
        return self.machine.small_group_id

    @property
    def name(self) -> str:
        """The group's usual name, such as `S4`; `SmallGroup(n,i)` where it has no short one."""
        return group_name(self.machine.group)

    @property
    def layers(self) -> int:
        """Of what the folder holds: diagonal ones, or the one layer of another kind."""
        compilation = self.machine.compilation
        return 1 if compilation is None else len(compilation.cascade.layers)

    @property
    def exact_runs(self) -> int:
        """How many runs found an exact machine."""
        return sum(row["exact"] for row in self.rows)

    @property
    def picture(self) -> Path:
        """Losses by layer, phases before and after the snap, what was kept."""
        return self.folder / "learnt.png"

    def sentence(self) -> str:
        """One line: the group with its usual name and its extension, layers, what is proved, what it agrees with."""
        compilation, name = self.machine.compilation, both_names(self.machine.group)
        if compilation is not None:
            name += f" ({compilation.decomposition.extension})"
        proved = "proved for words of every length" if self.claim is not None else "a table without certificate"
        return (
            f"{name}, {counted(self.layers, 'layer')}, {proved}; agrees "
            f"with all {self.words:,} training and {self.held_out:,} held-out words"
        )

    def as_json(self) -> dict[str, Any]:
        """The object that `learn --json` prints."""
        identity, compilation = self.small_group_id, self.machine.compilation
        return {
            "small_group_id": list(identity) if identity else None,
            "name": self.name,
            "structure": self.name if compilation is None else str(compilation.decomposition.extension),
            "series": None if compilation is None else list(compilation.series.orders),
            "layers": self.layers,
            "found_by": self.found_by,
            "without": self.without,
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
            outcome = "exact" if row["exact"] else row["failure"]
            if "tried" in row:
                last = row["tried"][-1]
                loss = "–" if last["loss"] is None else f"{last['loss']:.3f}"
                table.add_row(str(row["seed"]), "–", loss, f"{last['kept']} blocks on {last['matrices']}", outcome)
                continue
            table.add_row(
                str(row["seed"]),
                " ".join(map(str, row["states"])),
                " ".join(f"{loss:.3f}" for loss in row["losses"]),
                " | ".join(" ".join(map(str, moduli)) or "–" for moduli in row["moduli"]),
                outcome,
            )
        return Renderables(
            Text(self.sentence(), style="bold"),
            Text(f"exact: {self.exact_runs} of {counted(len(self.rows), 'run')}"),
            table,
            *([Text(f"found by: {self.found_by}")] if self.machine.is_of_blocks else []),
            *([Text(f"note: {self.without}", style="yellow")] if self.without else []),
            Text("no certificate" if self.claim is None else f"certified: {self.claim}"),
            Text(f"written: {self.folder}"),
        )

    def _repr_png_(self) -> bytes:
        return self.picture.read_bytes()


def learn(
    data: str | Path | tuple[ArrayLike, ArrayLike],
    runs: int = 5,
    layers: int | None = None,
    *,
    layers_of: str = "auto",
    matrices: str | None = None,
    alphabet: str | None = None,
    seed: int = 0,
    length: int | None = None,
    steps: int | None = None,
    channels: int | None = None,
    out: str | Path | None = None,
    force: bool = False,
    **settings: Any,
) -> Learnt | LearntAutomaton:
    """From words with labels to an exact machine with a proof. Called again, it goes on where it was stopped.

    Where the labels are the states of an automaton that is no group, nothing is trained: it is read off them.

    Given are the words, and with them the number of tokens and of labels. Not given: group, table, series, moduli.

    Arguments:
        data: a file in the field's format (columns input and target, any symbols; its dialects and JSON lines too); a
            pair (words, labels) of arrays or lists, of one label a word where only the last is known; or the name of a
            group or of an automaton, from which 4,000 training and 1,000 held-out words are drawn.
        runs: seeds that are trained.
        layers: the most diagonal layers; None for as many as add something.
        layers_of: `diagonal` for layers of counters, one after the other; `block` for one layer of blocks; `auto` for
            diagonal ones, and in the place of a layer that would have to be trained again one block layer.
        matrices: the connected groups of matrices that a block layer tries, in order, e.g. `SO(3),U(3)`; None for
            those of `models.learning.blocks.LADDER`.
        alphabet: for a group's name: `all`, `generators` or elements.
        seed: the first seed; of the words as well, and of which words of a file are held out.
        length: of the words drawn from a group; 60 by default. A file has its own.
        steps: training steps of each layer; None for 1,000, of a block layer 1,200.
        channels: of each diagonal layer before the snap; None for 32.
        out: folder; `learnt/` and the name of the data by default.
        force: whether it may replace a folder of another kind.
        settings: fields of `subnormal.models.learning.recipe.Recipe`, such as `batch` and `phase_rate`; with
            `layers_of="block"` of `subnormal.models.learning.blocks.BlockRecipe`.

    Raises:
        InputError: the data are no machine's (the words that show it are named), no run found an exact machine (with
            the reason as far as the words show it), or an option does not fit.

    Examples:
        >>> import subnormal as sn
        >>> found = sn.learn("C2", runs=1, length=20, steps=300)
        >>> found.name, found.layers
        ('C2', 1)
    """
    if not 1 <= runs <= MOST_RUNS:
        raise InputError(f"runs: wanted 1 to {MOST_RUNS}, got {runs}")
    if layers is not None and layers < 1:
        raise InputError(f"layers: wanted at least 1, got {layers}")
    given = {name: value for name, value in (("steps", steps), ("channels", channels)) if value is not None}
    # Before torch is imported: what is wrong with a file is soon said.
    training, held_out, name, no_group = _words(data, alphabet, seed, length)
    from ..models.learning.learn import explain_failure, is_no_group
    from ..models.learning.store import machine_of

    recipes = _recipes(layers_of, matrices, {**given, **settings}, layers)
    folder = Path(out) if out is not None else Path("learnt") / default_folder(name)
    if no_group is not None:
        claim_folder(folder, AUTOMATON, force)
        try:
            return learn_automaton(training, held_out, name, folder, force)
        except InputError as error:
            raise InputError(f"{no_group}; as an automaton: {error}") from None
    force = force or holds_learnt(folder)
    claim_folder(folder, LEARNT, force)
    with status() as report:
        rows = _rows(training, held_out, range(seed, seed + runs), layers, recipes, folder / "runs", report)
    exact = [row for row in rows if row["exact"]]
    if not exact and is_no_group(training):
        return learn_automaton(training, held_out, name, folder, force=True)  # it holds the runs of this call
    if not exact:
        raise InputError(explain_failure(training, [row["failure"] for row in rows], layers_of))
    best = min(exact, key=lambda row: ("tried" in row, len(row["layers"]), row["seed"]))
    machine = machine_of(best, training, held_out)
    claim, without = _save(machine, folder, training, best, force)
    found_by = _found_by(best, machine)
    write_summary(folder / SUMMARY, rows)
    return Learnt(folder, machine, tuple(rows), training.count, held_out.count, claim, found_by, without)


MOST_RUNS = 1000
KINDS_OF_LAYERS = ("auto", "diagonal", "block")


def _recipes(
    layers_of: str, matrices: str | None, settings: dict[str, Any], layers: int | None
) -> tuple[Recipe | None, BlockRecipe | None]:
    """The recipes of diagonal layers and of a block layer; None for what is not to be tried."""
    from ..models.learning.blocks import BlockRecipe, matrix_group
    from ..models.learning.recipe import Recipe

    if layers_of not in KINDS_OF_LAYERS:
        raise InputError(f"unknown kind of layers {layers_of[:40]!r}; wanted one of {', '.join(KINDS_OF_LAYERS)}")
    if layers_of == "diagonal":
        if matrices is not None:
            raise InputError(f"--matrices {matrices[:40]} goes with a block layer; leave it out, or --layers-of block")
        return Recipe().with_changes(settings), None
    block = BlockRecipe()
    if matrices is not None:
        names = [part for part in re.split(r"[,;\s]+(?![^(]*\))", matrices.strip()) if part]
        block = block.with_changes({"matrices": tuple(matrix_group(part).name for part in names)})
    if layers_of == "block":
        if layers is not None and layers > 1:
            raise InputError(f"--layers {layers} goes with diagonal layers: there is one block layer; leave it out")
        return None, block.with_changes(settings)
    return Recipe().with_changes(settings), block


def _rows(
    training: Words,
    held_out: Words,
    seeds: range,
    layers: int | None,
    recipes: tuple[Recipe | None, BlockRecipe | None],
    folder: Path,
    report: Callable[[str], None] | None,
) -> list[dict[str, Any]]:
    """The rows of all seeds: those that are stored, and those that are trained now.

    With both kinds of layers a seed is tried with diagonal ones, each trained once; then, if the words do not show that
    they are no group's, with a block layer; then with diagonal layers that are trained again.
    """
    from ..models.learning.block_runs import learn_blocks
    from ..models.learning.learn import BATCH_OF_RUNS, is_no_group, learn_runs
    from ..models.learning.store import LearntStore, row_of, run_key

    store = LearntStore(folder)
    found: dict[int, dict[str, Any]] = {}

    def take(recipe: Recipe | BlockRecipe, train: Callable[[list[int]], Sequence[LearntRun | BlockRun]]) -> None:
        keys = {n: run_key(training, recipe, layers, n) for n in seeds if n not in found or not found[n]["exact"]}
        missing = [number for number, key in keys.items() if store.get(key, training, held_out) is None]
        for start in range(0, len(missing), BATCH_OF_RUNS):
            for run in train(missing[start : start + BATCH_OF_RUNS]):
                store.add(row_of(keys[run.seed], run))
        for number, key in keys.items():
            row = store.get(key)
            if row is not None and (row["exact"] or number not in found or "tried" not in row):
                found[number] = row

    def by_diagonal(recipe: Recipe) -> None:
        def train(part: list[int]) -> Sequence[LearntRun]:
            return learn_runs([training] * len(part), part, recipe, layers, [held_out] * len(part), report)

        take(recipe, train)

    diagonal, block = recipes
    both = diagonal is not None and block is not None
    if diagonal is not None:
        by_diagonal(diagonal.with_changes({"attempts": 1}) if both else diagonal)
    open_seeds = [n for n in seeds if n not in found or not found[n]["exact"]]
    if block is not None and open_seeds and not is_no_group(training):
        chosen = block
        take(chosen, lambda part: [learn_blocks(training, n, chosen, held_out, report) for n in part])
    if both and diagonal is not None and diagonal.attempts > 1 and not all(row["exact"] for row in found.values()):
        by_diagonal(diagonal)
    return [found[number] for number in seeds]


def _found_by(row: dict[str, Any], machine: ExactMachine) -> str:
    """How a run found its machine, in words."""
    if "tried" not in row:
        return f"{counted(len(row['layers']), 'diagonal layer')}, trained one after the other"
    last = row["tried"][-1]
    names = ", ".join(one["matrices"] for one in row["tried"])
    return (
        f"one block layer on {last['matrices']}, {last['kept']} of {last['blocks']} blocks kept, "
        f"{last['steps']:,} steps (tried: {names})"
    )


def _words(
    data: str | Path | tuple[ArrayLike, ArrayLike], alphabet: str | None, seed: int, length: int | None
) -> tuple[Words, Words, str, str | None]:
    """Training words, held-out words, a name for the folder, and why they are no group's where that is known."""
    import numpy as np

    from ..models.learning.words import labelled, read_labelled, words_of_task
    from ..models.training.letters import LetterDraw
    from ..models.training.tasks import TEST, automaton_task, make_task

    path = Path("words") if isinstance(data, tuple | list) else Path(data)
    given = isinstance(data, tuple | list) or path.suffix in (".csv", ".jsonl") or os.path.isfile(path)
    if not given:
        length = 60 if length is None else length
        if length < 2:
            raise InputError(f"length: wanted at least 2, got {length}")
        asked = machine(str(data))
        no_group = None
        if isinstance(asked, Automaton):
            task = automaton_task(asked, alphabet, letters=LetterDraw("alive"))
            if not _is_regular(task.tracked):
                no_group = f"the states of {asked.name} are no group under its letters"
        else:
            task = make_task(asked.listed(), alphabet)
        training = words_of_task(task, TRAINING_WORDS, length, seed)
        return training, words_of_task(task, JUDGING_WORDS, length, seed, stream=TEST), task.name, no_group
    if alphabet is not None:
        raise InputError("--alphabet goes with a group's name: a file has its own tokens")
    if length is not None:
        raise InputError(f"--length {length} goes with a group's name: a file has its own words; leave it out")
    if isinstance(data, tuple | list):
        if len(data) != 2:
            raise InputError(f"data: {len(data)} things; wanted a pair (words, labels) of arrays or lists")
        words = labelled(*data)
    else:
        words = read_labelled(path)
    no_group = words.check()
    order = np.random.default_rng([11, seed]).permutation(words.count)
    count = min(MOST_HELD_OUT, math.floor(HELD_OUT_SHARE * words.count))
    return words.part(np.sort(order[count:])), words.part(np.sort(order[:count])), path.stem, no_group


def _is_regular(tracked: Tracked) -> bool:
    """Whether the letters permute the states as a group multiplies: then the states can be learnt as its elements."""
    import numpy as np

    from ..models.learning.machine import CounterMachine

    moves = tracked.moves
    permute = (np.sort(moves, axis=0) == np.arange(len(moves))[:, None]).all()
    return bool(permute) and CounterMachine(moves, np.zeros(len(moves), dtype=np.int64)).products is not None


def _save(
    machine: ExactMachine, folder: Path, words: Words, row: dict[str, Any], force: bool
) -> tuple[str | None, str | None]:
    """Write the folder: what `compile` writes for the machine's group, or its table, names and the picture.

    Returns:
        The certified claim, and why the folder holds no diagonal layers; None where there is no such thing.
    """
    from ..models.learning.pictures import draw_learnt

    names: dict[str, Any] = {
        "token_names": list(words.token_names),
        "label_names": [words.label_names[label] for label in machine.labels],
        "learnt": {"seed": row["seed"], "words": words.count},
    }
    without = None
    if machine.is_of_blocks:
        names["learnt"] |= {"by": _found_by(row, machine)}
    if machine.compilation is not None:
        claim: str | None = write_compiled(machine, machine.compilation, folder, names, force)
    else:
        claim, without = write_unsolvable(machine, folder, names)
    draw_learnt(row, machine, folder / "learnt.png")
    return claim, without


@dataclass(frozen=True, eq=False, repr=False)
class Read(Shown):
    """What `decompile` found in a network.

    Arguments:
        found: layers, machine or failure, measured lengths.
        group: the group whose words it was read on.
        folder: what `compile` writes, with the certificate of the machine; None where there is none or none was asked.
        claim: what the checker confirmed; None without folder.
        proof: up to which length the network, unrounded, agrees with the machine on all words; None without a machine.
        alphabet: the element that each token is.
        pruned: where the other network was to be written; None where that was not asked.
        inside: what its layers hold; None where that was not asked.
    """

    found: Decompiled
    group: str
    folder: Path | None
    claim: str | None
    proof: TrainedProof | None = None
    alphabet: tuple[int, ...] = ()
    pruned: Path | None = None
    inside: Inside | NotInside | None = None

    @property
    def exact(self) -> bool:
        """Whether a machine came out that tracks a group on words of every length."""
        return self.found.exact is not None

    def as_json(self) -> dict[str, Any]:
        """The object that `decompile --json` prints."""
        folder = str(self.folder) if self.folder else None
        proved = self.proof.as_json() if self.proof else {}
        return {"group": self.group, **self.found.as_json(), **proved, "claim": self.claim, "folder": folder,
                **({"inside": self.inside.as_json()} if self.inside else {})}  # fmt: skip

    def view(self) -> RenderableType:
        """What `decompile` prints."""
        found = self.found
        lines = [_layers_table(found)]
        if found.exact is not None:
            name = both_names(found.exact.group)
            lines.append(Text(f"machine: tracks {name} on words of every length", style="bold"))
            lines += self._agreement()
        else:
            lines.append(Text(f"no machine: {found.failure}", style="bold"))
        if self.inside is not None:
            lines += map(Text, self.inside.lines())
        if self.pruned is not None:
            there = self.proof is not None and self.proof.pruned is not None
            none = f"no other network is written to {self.pruned}: it would not be proved to agree for longer"
            lines.append(Text(f"the other network is written: {self.pruned}" if there else none))
        if self.folder is not None:
            lines += [Text(f"certified: {self.claim}"), Text(f"written: {self.folder}")]
        return Renderables(*lines)

    def _agreement(self) -> list[RenderableType]:
        """What is proved and measured of the unrounded network."""
        proof, longest = self.proof, self.found.accuracy.longest
        if proof is None:
            return []
        how = "bounds" if proof.by == "bounds" else "all were run"
        if not proof.covered:
            how += f"; no bounds: {proof.reason}"
        lines: list[RenderableType] = [
            Text(
                f"the unrounded network agrees with it on all words {_up_to(proof.length)} (proved: {how})"
                f"{self._wrong(proof.wrong)}; it has more than 90 % right up to {longest:,} tokens (measured)"
            )
        ]
        pruned = proof.pruned
        if pruned is not None:
            kept = zip(pruned.kept, self.found.layers, strict=True)
            parts = ", ".join(f"{count} of {layer.phases.shape[-1]}" for count, layer in kept)
            lines.append(
                Text(
                    f"another network, with the channels that the machine explains ({parts}) and without b, agrees on "
                    f"all words {_up_to(pruned.agreement.length)} (proved: bounds){self._wrong(pruned.wrong)}; "
                    f"{pruned.same:.1%} of its answers are the trained one's (measured)"
                )
            )
        return lines

    def _wrong(self, word: tuple[int, ...] | None) -> str:
        if word is None:
            return ""
        names = [str(self.alphabet[token]) for token in word]
        if len(names) > SHOWN:
            names = [*names[: SHOWN - 2], "…", *names[-2:]]
        return f", and not on ({' '.join(names)}), {counted(len(word), 'token')}"


def _up_to(length: int | None) -> str:
    return "of every length" if length is None else f"of up to {counted(length, 'token')}"


def _layers_table(found: Decompiled) -> RenderableType:
    table = plain_table("layer", "family", "counters kept", "moduli", "states so far", "largest rounding (turns)")
    for number, (layer, family) in enumerate(zip(found.layers, found.families, strict=True), 1):
        error = max((float(abs(k.error).max()) for k in layer.kept), default=None)
        table.add_row(
            str(number),
            family,
            f"{len(layer.kept)} of {layer.phases.shape[-1]}",
            " ".join(str(c.modulus) for c in layer.machine.layers[-1]) or "–",
            str(layer.machine.states),
            "–" if error is None else f"{error:.4f}",
        )
    return table


def decompile(
    model: DCDNetwork | Callable[..., Any] | str | Path | Artifact,
    tracked: MachineLike | None = None,
    *,
    reading: Reading | Mapping[str, Any] | str | Path | None = None,
    states: int | None = None,
    out: str | Path | None = None,
    pruned: str | Path | None = None,
    seed: int = 0,
    length: int | None = None,
    inside: bool = False,
    plot: str | Path | None = None,
    force: bool = False,
) -> Read | ReadAutomaton | ReadModel:
    """Read an exact machine out of a trained network: gauge, rational phases, reachable states, the network's answers.
    And prove up to which length the network, as it is, agrees with it on all words (docs/learning.md).

    What is written says so under `agreement`, with the digest of the network's parameters.

    Of somebody else's model, a checkpoint or any callable, the machine is learnt from its answers, and it is said what
    was tested (docs/models-come-in.md).

    Arguments:
        model: a network, or a folder written by `train` or `compile`; or a Hugging Face folder, a loaded model, a
            callable from token ids (batch, length) to logits (batch, length, classes), or `file.py:function`.
        tracked: the group, or the automaton, of the words it is read on; None for the folder's own, and for a model
            of which nothing is known. An automaton is read off the network's answers, not off its phases.
        reading: how somebody else's model is read: a dict, or a JSON file; None for the default, or its own.
        states: the largest machine that is looked for in somebody else's model; 256 by default.
        out: where to write the machine as `compile` does, with its certificate; None for nowhere. Of somebody else's
            model also a name that ends in .json: its table.
        pruned: where to write the network that reads what the machine explains alone, if more is proved of it.
        seed: of the words.
        length: up to which the unrounded network is measured, 1,000 by default; of the longest words that somebody
            else's model is run on, 2,000 by default.
        inside: whether the states of a model's recurrent layers are looked at too: are they together after words of one
            class, apart from the others, and up to which length is that proved.
        plot: where to draw these states, .png, .svg or .pdf; it goes with `inside`.
        force: whether `out` and `pruned` may replace folders of another kind.

    Raises:
        InputError: the model or the group cannot be read, or they do not fit together.

    Examples:
        >>> import subnormal as sn
        >>> sn.decompile(sn.compile("S3").network(), "S3", length=40).exact
        True
        >>> import torch
        >>> def parity(ids):
        ...     return torch.nn.functional.one_hot(ids.cumsum(1) % 2, 2)
        >>> found = sn.decompile(parity, "C2", length=100)
        >>> found.states, found.small_group_id, found.agrees_to
        (2, (2, 1), 100)
    """
    if plot is not None and not inside:
        raise InputError(f"--plot {plot} draws the states of a model; wanted --inside beside it")
    foreign = foreign_artifact(model, reading, "decompile")
    if foreign is not None:
        if pruned is not None:
            raise InputError("--pruned goes with a network whose layers have phases; leave it out")
        return decompile_model(
            foreign, tracked, states=STATES if states is None else states, out=out, seed=seed,
            length=LENGTH if length is None else length, inside=inside, plot=None if plot is None else Path(plot),
            force=force,
        )  # fmt: skip
    if states is not None:
        raise InputError("--states goes with somebody else's model, whose machine is learnt from answers; leave it out")
    length = 1000 if length is None else length
    from ..models.learning.decompile import decompile_network
    from ..models.network import DCDNetwork
    from ..proofs_check.horizons.trained import prove_decompiled

    network, task = network_and_task(model, tracked, "decompile")
    if isinstance(task.tracked, TrackedAutomaton):
        if pruned is not None:
            raise InputError(f"--pruned goes with a group's network, and {task.name} is an automaton; leave it out")
        read = read_automaton_off(network, task, None if out is None else Path(out), seed, length, force)
        if not inside:
            return read
        drawn = None if plot is None else Path(plot)
        return replace(read, inside=look_at_network(network, task.tracked, length, seed, drawn))
    for place, kind in ((out, LEARNT), (pruned, NETWORK)):
        if place is not None:
            claim_folder(place, kind, force)
    found = decompile_network(network, task, seed, length)
    folder, claim, proof = None, None, None
    exact = found.exact
    if exact is not None:
        proof = prove_decompiled(
            network, exact.machine.transitions, exact.labels[exact.element], found.proved, found.wrong, seed
        )
        if pruned is not None and proof.pruned is not None:
            proof.pruned.network.save_pretrained(pruned, force=force)
        if out is not None:
            folder = Path(out)
            more = {
                "decompiled_from": "" if isinstance(model, DCDNetwork) else str(model),
                "agreement": {
                    "parameters_sha256": _digest(network), "proved_length": proof.length, "proved_by": proof.by
                },
            }  # fmt: skip
            assert exact.compilation is not None  # diagonal layers
            claim = write_compiled(exact, exact.compilation, folder, more, force)
    wanted = None if pruned is None else Path(pruned)
    looked = None
    if inside:
        looked = look_at_network(network, task.tracked, length, seed, None if plot is None else Path(plot))
    return Read(found, task.name, folder, claim, proof, tuple(task.alphabet.tolist()), wanted, looked)


@dataclass(frozen=True, eq=False, repr=False)
class Diagnosis(Shown):
    """One page about a model and a group.

    Arguments:
        possible: whether the model, with the widths that it has, can track the group at all.
        reason: why not, or how (the orders of the smallest subgroups that its layers can leave).
        read: what was read out of the network; None where its layers have no phases.
        verdict: what is missing: nothing, precision, or structure.
        left: orders of the subgroups that its layers can leave; none where they were not counted.
    """

    group: str
    order: int
    possible: bool
    reason: str
    read: Read | None
    verdict: str
    left: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The object that `diagnose --json` prints."""
        return {
            "group": self.group,
            "possible": self.possible,
            "reason": self.reason,
            "verdict": self.verdict,
            **({"read": self.read.as_json()} if self.read else {}),
        }

    def view(self) -> RenderableType:
        """What `diagnose` prints."""
        lines: list[RenderableType] = [
            Text(f"{self.group}: theory {'allows' if self.possible else 'forbids'} this model: {self.reason}")
        ]
        if self.read is not None:
            found = self.read.found
            lines.append(_layers_table(found))
            short_loss, loss = found.losses
            lines.append(
                Text(
                    f"loss {loss:.3f} on words of 12 tokens, {short_loss:.3f} on their first 6: "
                    f"{_loss_text(found, self.left)}; more than 90 % right up to {found.accuracy.longest:,} tokens"
                )
            )
        lines.append(Text(f"verdict: {self.verdict}", style="bold"))
        return Renderables(*lines)


NEAR = 0.05
"""A loss is on the plateau log d if it is no further from it."""


def _loss_text(found: Decompiled, left: Sequence[int]) -> str:
    """What a loss on short words says. Right answers come first: then it only says how soft the head is."""
    loss = found.losses[0]
    if found.exact is not None or found.accuracy.last[0] == 1.0:
        return "how soft the head is, for its answers are right"
    orders = [d for d in left if d > 1]
    nearest = min(orders, key=lambda d: abs(math.log(d) - loss), default=None)
    if nearest is None:
        return "nothing is known of its plateaus"
    value = f"log {nearest} = {math.log(nearest):.3f}"
    if abs(math.log(nearest) - loss) > NEAR:
        return f"on no plateau, that is log d for a subgroup of order d that the layers can leave; {value} is nearest"
    if nearest == max(left):
        return f"the plateau {value}: nothing is told apart"
    return f"the plateau {value}: the cosets of a subgroup of order {nearest} are told apart, and no more"


def diagnose(
    model: DCDNetwork | Callable[..., Any] | str | Path | Artifact,
    tracked: MachineLike | None = None,
    *,
    reading: Reading | Mapping[str, Any] | str | Path | None = None,
    seed: int = 0,
    length: int | None = None,
) -> Diagnosis | AutomatonDiagnosis | ModelDiagnosis:
    """Can this stack track the group, or the automaton, at all, how near did this run come, and what is missing.

    Of somebody else's model: what theory allows its architecture, what it computes, and what to change.

    Arguments:
        model: a network, or a folder written by `train` or `compile`; or somebody else's model, as for `sn.decompile`.
        tracked: the group, or the automaton; None for the folder's own.
        reading: how somebody else's model is read; None for the default, or its own.
        seed: of the words it is read on.
        length: of the longest words; 1,000 by default, of somebody else's model 2,000.

    Raises:
        InputError: the model or the group cannot be read, or they do not fit together.

    Examples:
        >>> import subnormal as sn
        >>> print(sn.diagnose(sn.compile("C2").network(), "C2").verdict.split(":")[0])
        nothing is missing on the lengths that were measured
    """
    foreign = foreign_artifact(model, reading, "diagnose")
    if foreign is not None:
        return diagnose_model(foreign, tracked, seed=seed, length=LENGTH if length is None else length)
    from ..algebra.depth.families import FAMILIES
    from ..algebra.depth.series import verbal_series
    from ..algebra.depth.width import TooLargeError, left_orders
    from ..models.learning.decompile import decompile_network
    from ..proofs_check.refutations.theory import theory_of

    network, task = network_and_task(model, tracked, "diagnose")
    if isinstance(task.tracked, TrackedAutomaton):
        return diagnose_automaton(network, task, seed, 1000 if length is None else length)
    asked = task.group
    name = asked.name
    names = [s.family for s in network.specifications]
    if "rnn" in names:
        reason = "an RNN is no diagonal layer: the theorem does not speak about it"
        return Diagnosis(name, asked.order, True, reason, None, "nothing can be read out of an RNN")
    if other := next((n for n in names if n not in FAMILIES), None):
        raise InputError(
            f"a layer of the family {other!r} has no phases to be read out; `refute` says what is known of it, and "
            "`evaluate` how often it is right"
        )
    theory = theory_of(network.specifications, asked, task.alphabet)
    stack, widths = [FAMILIES[n] for n in names], [s.channels for s in network.specifications]
    orders = " ≥ ".join(map(str, verbal_series(asked, stack).orders))
    found = decompile_network(network, task, seed, 1000 if length is None else length)
    read = Read(found, name, None, None)
    try:
        left = left_orders(asked, stack, widths)
    except TooLargeError:
        left = ()
    if theory.forbidden:
        from ..proofs_check.refutations.refutation import refute as search

        refutation = " ".join(str(search(network, asked, task.alphabet)).split())[:400]
        needed = "wider layers, or more of them, are" if theory.by_width else "another stack is"
        reason = f"orders {orders}; {refutation}"
        return Diagnosis(name, asked.order, False, reason, read, f"structure: {needed} needed", left)
    return Diagnosis(name, asked.order, True, f"orders {orders}", read, _verdict(read.found, asked.order), left)


def _verdict(found: Decompiled, order: int) -> str:
    right = found.accuracy.longest >= found.accuracy.lengths[-1] and found.accuracy.last[-1] == 1.0
    if found.exact is None and right:
        return f"nothing is wrong on the lengths that were measured, and yet no machine was read out: {found.failure}"
    if found.exact is None:
        held = found.layers[-1].machine.states
        return f"structure: the layers hold {held} of {order} states; {found.failure}"
    if right:
        return (
            "nothing is missing on the lengths that were measured: it is exact there; "
            "`decompile --out` proves the rounded machine"
        )
    return "precision: the machine is there, and its phases drift; `decompile --out` rounds and proves it"


def _digest(network: DCDNetwork) -> str:
    """SHA-256 of the parameters' names and bytes, in the order of their names."""
    found = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        found.update(name.encode() + b"\0" + tensor.detach().contiguous().numpy().tobytes())
    return found.hexdigest()


def as_text_of(error: Exception) -> str:
    """The object that `--json` prints for a failure."""
    return json.dumps({"error": " ".join(str(error).split())}, ensure_ascii=False)
