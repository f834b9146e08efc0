"""Somebody's model: what `decompile`, `refute` and `diagnose` say of a checkpoint, a module or a callable."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from rich.console import Group as Renderables
from rich.console import RenderableType
from rich.text import Text

from ..algebra.automata.automaton import MAX_LETTERS, Automaton
from ..algebra.tracked import Tracked
from ..artifacts.artifact import Artifact, load
from ..common.errors import InputError
from ..common.kinds import CHECKPOINT, DELTA, MODULE, NETWORK, TRAINED
from ..common.terminal import Shown
from ..common.wording import counted, short
from .groups import MachineLike
from .inside import Inside, NotInside, look, looked

if TYPE_CHECKING:
    from ..models.foreign.decompile import LearntMachine
    from ..models.foreign.failing import FailingWord
    from ..models.foreign.identity import Identity
    from ..models.foreign.model import ForeignModel
    from ..models.foreign.moore import Word
    from ..models.learning.exact import ExactMachine
    from ..proofs_check.refutations.foreign import ModelTheory, Searched

LENGTH = 2000
"""Letters of the longest words that a model is run on, where nothing is said."""

MANY = 8
"""A model that is right on all words of so many letters has learnt its task, and loses it later."""

STATES = 256
"""The largest machine that is looked for, where nothing is said."""


@dataclass(frozen=True, eq=False, repr=False)
class ReadModel(Shown):
    """The machine that a model computes, learnt from its answers.

    Arguments:
        model: what it is called.
        task: the name of what it should track; empty where none was given.
        learnt: the machine with all that was tested.
        identity: what it is; None without a machine.
        automaton: the machine as all commands take it; None without one.
        letters, classes: what they are called.
        failing: a word that the model answers otherwise than the task; None where none was found, or no task.
        folder, claim: where the machine is written, and what the checker confirmed; None where that was not asked.
        inside: what its recurrent layers hold, or why that is not said; None where it was not asked.
    """

    model: str
    task: str
    learnt: LearntMachine
    identity: Identity | None
    automaton: Automaton | None
    letters: tuple[str, ...]
    classes: tuple[str, ...]
    failing: FailingWord | None = None
    folder: Path | None = None
    claim: str | None = None
    inside: Inside | NotInside | None = None

    @property
    def exact(self) -> bool:
        """Whether a machine came out; up to which length the model is it, `agrees_to` says."""
        return self.automaton is not None

    @property
    def states(self) -> int | None:
        """States of the machine, which is minimal; None without one."""
        return self.automaton.count if self.automaton is not None else None

    @property
    def small_group_id(self) -> tuple[int, int] | None:
        """Of the group that its letters generate, in GAP's library; None where they generate none, or a large one."""
        return self.identity.small_group_id if self.identity is not None else None

    @property
    def agrees_to(self) -> int:
        """No word that was run, of at most so many letters, is answered otherwise than by the machine."""
        return self.learnt.agrees_to

    @property
    def tested(self) -> dict[str, int]:
        """What was run against the machine: sort of words → how many."""
        return self.learnt.tested

    @property
    def is_task(self) -> bool:
        """Whether the machine is the task's."""
        return self.identity is not None and self.identity.is_task

    def as_json(self) -> dict[str, Any]:
        """The object that `decompile --json` prints."""
        wrong = self.learnt.wrong
        return {
            "model": self.model,
            "task": self.task or None,
            "exact": self.exact,
            "machine": self.identity.text() if self.identity else None,
            "is_task": self.is_task,
            "states": self.states,
            "small_group_id": list(self.small_group_id) if self.small_group_id else None,
            "agrees_to": self.agrees_to,
            "not_the_machine_on": list(wrong.word) if wrong else None,
            "failing_word": self.failing.as_json() if self.failing else None,
            "at_least_states": self.learnt.least,
            "tested": self.tested,
            "words": self.learnt.words,
            "letters": self.learnt.letters,
            "automaton": self.automaton.as_json() if self.automaton else None,
            "claim": self.claim,
            "folder": str(self.folder) if self.folder else None,
            **({"inside": self.inside.as_json()} if self.inside else {}),
        }

    def sentence(self) -> str:
        """The answer in one line: `C2: the parity of S3`, `S3 up to 187 letters, then wrong on (…)`."""
        learnt = self.learnt
        if self.identity is None or self.automaton is None:
            return self._none()
        states = counted(self.automaton.count, "state")
        if learnt.wrong is None:
            told = f"{self.identity.text()} ({states}), on all words that were run, up to {learnt.agrees_to:,} letters"
            right = len(self.identity.differs or ()) - 1
            return f"{told}; {self.task} up to {counted(right, 'letter')}" if right > 2 else told
        word = self._word(learnt.wrong.word)
        what = self.identity.text()
        return f"{what} ({states}) up to {counted(learnt.agrees_to, 'letter')}, then wrong on ({word})"

    def _none(self) -> str:
        learnt = self.learnt
        if learnt.least > learnt.limit:
            return (
                f"no machine of at most {counted(learnt.limit, 'state')} agrees: {learnt.least:,} words are told "
                "apart by what the model answers behind them"
            )
        return (
            f"no machine found of at most {counted(learnt.limit, 'state')}: each that was tried is contradicted by "
            f"words hardly longer than it was read off; {counted(learnt.least, 'state')} at least"
        )

    def _word(self, word: Word) -> str:
        from ..models.foreign.failing import shown

        return shown([self.letters[x] for x in word])

    def view(self) -> RenderableType:
        """What `decompile` prints."""
        learnt = self.learnt
        lines = [Text(f"machine: {self.sentence()}" if self.exact else self.sentence(), style="bold")]
        if self.failing is not None:
            if not self.is_task:
                lines.append(Text(f"not {self.task}: {self.failing.text()}"))
            lines.append(Text(f"run it again: {short(self.failing.rerun, 1200)}  # {self.failing.prints}"))
        if self.tested:
            lines.append(Text(f"tested: {'; '.join(self.tested)}"))
            lines.append(Text("a fault on few words among many is found by no test of this kind"))
        lines.append(Text(f"asked: {learnt.words:,} words, {learnt.letters:,} letters"))
        if learnt.refused:
            lines.append(Text(f"words of more than {learnt.taken:,} letters were not run: {learnt.refused}"))
        if self.inside is not None:
            lines += map(Text, self.inside.lines())
        if learnt.unsteady:
            lines.append(Text(f"answered otherwise in another batch: ({self._word(learnt.unsteady[0])})"))
        if self.folder is not None:
            lines += [Text(f"certified: {self.claim}")] if self.claim else []
            lines.append(Text(f"written: {self.folder}"))
        return Renderables(*lines)


def foreign_artifact(model: Any, reading: Any, verb: str) -> Artifact | None:
    """What is judged by its answers: a checkpoint, a module or another callable, `file.py:function`; and a network of
    our own whose layers have no phases. None for all others.

    Raises:
        InputError: the verb does not go with it, or a reading was given for what needs none.
    """
    try:
        artifact = load(model, reading)
    except InputError:
        if reading is not None or (isinstance(model, str) and ".py:" in model):
            raise
        return None  # the caller says what it wanted instead
    if artifact.kind in (CHECKPOINT, MODULE):
        return artifact.require(verb)
    if verb == "refute" or not artifact.source.has_network or artifact.can(verb) is not None:
        return None
    if artifact.source.kind in (DELTA, TRAINED, NETWORK):
        from ..algebra.depth.families import FAMILIES

        if not all(s.family in FAMILIES for s in artifact.network().specifications):
            return artifact
    return None


def _opened(
    artifact: Artifact, tracked: MachineLike | None, verb: str, wanted: bool = True
) -> tuple[ForeignModel, Tracked | None]:
    """The model and what it should track. Raises `InputError` as `models.model_and_task`, or for too many letters."""
    from .models import model_and_task

    found, task = model_and_task(artifact, tracked, verb, wanted=wanted)
    if found.letters > MAX_LETTERS:
        raise InputError(
            f"{found.name} is read with {found.letters:,} letters; at most {MAX_LETTERS} are handled: say which ids "
            'are letters, e.g. a reading {"letters": [5, 6], "classes": [5, 6]}, or what it should track, e.g. S3'
        )
    return found, None if task is None else task.tracked


def _theory(artifact: Artifact, model: ForeignModel, task: Tracked) -> ModelTheory:
    """What is known of the architecture: by its configuration, or of a network of our own by its layers."""
    from ..proofs_check.refutations.foreign import theory_of_layers, theory_of_model, writes_nothing

    if artifact.kind in (CHECKPOINT, MODULE):
        tokens = max(map(len, model.reading.spellings))
        return theory_of_model(model.config, task, tokens, writes_nothing(model.module))
    return theory_of_layers(artifact.network().specifications, task)


def _special(task: Tracked) -> Callable[[int], list[Word]]:
    from ..models.foreign.words import adversarial_words

    def words(length: int) -> list[Word]:
        return [tuple(int(x) for x in word) for word in adversarial_words(task, length)]

    return words


def decompile_model(
    artifact: Artifact,
    tracked: MachineLike | None = None,
    *,
    states: int = STATES,
    out: str | Path | None = None,
    seed: int = 0,
    length: int = LENGTH,
    inside: bool = False,
    plot: Path | None = None,
    force: bool = False,
) -> ReadModel:
    """Learn the machine that somebody's model computes; see `decompile`.

    Arguments:
        artifact: the model.
        tracked: what it should track; None for what it says itself, or where nothing is asked but the machine.
        states: the largest machine that is looked for.
        out: where to write the machine, with its certificate; a name that ends in `.json` for its table alone.
        seed: of the random words.
        length: of the longest words that are run.
        inside: whether its states are looked at too.
        plot: where to draw them; None for nowhere.
        force: whether `out` may replace another kind of folder.

    Raises:
        InputError: the model cannot be read or asked, it shows no states, or something cannot be written.
    """
    found, task = _opened(artifact, tracked, "decompile", wanted=False)
    if not inside:
        return _decompiled(found, task, states, out, seed, length, force)
    from ..models.foreign.inside import StateReader

    reader = StateReader(found)  # refused before anything is learnt
    read = _decompiled(found, task, states, out, seed, length, force)
    machine, automaton = read.learnt.machine, read.automaton
    names = automaton.states if automaton is not None else ()
    inner = looked(
        lambda: look(
            found, machine, names, task, read.is_task, length=min(length, read.learnt.taken), seed=seed,
            special=None if task is None else _special(task), reader=reader, plot=plot,
        )
    )  # fmt: skip
    return replace(read, inside=inner)


def look_at_network(network: Any, task: Tracked, length: int, seed: int, plot: Path | None) -> Inside | NotInside:
    """What the layers of a network of ours hold after words, by the task's classes; see `look`.

    Arguments:
        network: its tokens are the task's letters, its classes the task's.
        task: what it should track.
        length, seed: of the words.
        plot: where to draw the states; None for nowhere.
    """
    from ..models.foreign.inside import StateReader
    from ..models.foreign.model import model_of_network

    found = model_of_network(network, task)
    return looked(
        lambda: look(
            found, None, (), task, True, length=length, seed=seed, special=_special(task), reader=StateReader(found),
            plot=plot, prove=False,
        )
    )  # fmt: skip


def _decompiled(
    found: ForeignModel,
    task: Tracked | None,
    states: int,
    out: str | Path | None,
    seed: int,
    length: int,
    force: bool = False,
) -> ReadModel:
    from ..models.foreign.decompile import learn_machine
    from ..models.foreign.failing import failing_word
    from ..models.foreign.identity import automaton_of, identify
    from ..models.foreign.trials import Wrong

    special = None if task is None else _special(task)
    learnt = learn_machine(found, found.letters, states=states, length=length, seed=seed, special=special)
    letters = task.letter_names if task is not None else tuple(map(str, range(found.letters)))
    classes = task.class_names if task is not None else tuple(map(str, range(found.classes)))
    if learnt.machine is None:
        return ReadModel(str(found.name), task.name if task else "", learnt, None, None, letters, classes)
    name = f"machine of {short(str(found.name), 40)}"
    automaton = automaton_of(learnt.machine, letters, classes, name)
    identity = identify(learnt.machine, automaton, task)
    failing = None
    if task is not None:
        word = identity.differs if identity.differs is not None else learnt.wrong.word if learnt.wrong else None
        if word is not None:
            row = np.array([word], dtype=np.int64)
            answer = int(found.answers(row)[0, -1])
            wanted = int(np.asarray(task.run(row[0]))[-1])
            if answer != wanted:
                failing = failing_word(found, task, Wrong(tuple(word), answer, wanted))
    folder = claim = None
    if out is not None:
        folder, claim = _write_machine(learnt, automaton, Path(out), found.name, force)
    return ReadModel(
        str(found.name), task.name if task else "", learnt, identity, automaton, letters, classes, failing, folder,
        claim,
    )  # fmt: skip


def _write_machine(
    learnt: LearntMachine, automaton: Automaton, out: Path, name: str, force: bool
) -> tuple[Path, str | None]:
    """Write a learnt machine: its table as JSON, or a folder with a network and its certificate."""
    import json

    from ..common.kinds import LEARNT, claim_folder
    from ..common.writing import write_file
    from .automaton_learning import certified_automaton
    from .machines import write_exact

    if out.suffix == ".json":
        write_file(out, json.dumps(automaton.as_json(), ensure_ascii=False) + "\n")
        return out, None
    exact = _exact_group(learnt)
    if exact is not None:
        claim_folder(out, LEARNT, force)
        return out, write_exact(exact, out, {"decompiled_from": str(name)}, force)
    from .compiling import compile

    try:
        return out, certified_automaton(compile(automaton), out, force)
    except InputError as error:
        raise InputError(f"{error}; --out NAME.json writes the machine's table, which every command takes") from None


def _exact_group(learnt: LearntMachine) -> ExactMachine | None:
    """The machine as one whose states are a group, each with an answer of its own; None where they are not."""
    from ..models.learning.exact import NotExactError, exact_machine
    from ..models.learning.machine import CounterMachine

    machine = learnt.machine
    assert machine is not None
    if (machine.outputs < 0).any() or len(set(machine.outputs.tolist())) != machine.states:
        return None
    order = np.argsort(np.argsort(machine.outputs))  # labels 0 … states-1
    try:
        counters = CounterMachine(machine.table, np.zeros(machine.states, dtype=np.int64))
        return exact_machine(counters, order.astype(np.int64), machine.states)
    except NotExactError:
        return None


@dataclass(frozen=True, eq=False, repr=False)
class ModelRefutation(Shown):
    """What a search for wrong answers of somebody's model came to.

    Arguments:
        model, task: what they are called.
        kind: `failing` where a wrong word was found; `allowed` where none was, and theory excludes nothing; `failed`
            where none was, though theory says that there is one.
        failing_word: the shortest that was found; None where none was.
        searched: what was run.
        theory: what is known of the architecture.
    """

    model: str
    task: str
    kind: str
    failing_word: FailingWord | None
    searched: Searched
    theory: ModelTheory

    @property
    def refuted(self) -> bool:
        """Whether a word was run that is answered wrongly."""
        return self.failing_word is not None

    @property
    def tested(self) -> dict[str, int]:
        """What was run: sort of words → how many."""
        return self.searched.tested

    def as_json(self) -> dict[str, Any]:
        """The object that `refute --json` prints."""
        return {
            "model": self.model,
            "task": self.task,
            "kind": self.kind,
            "refuted": self.refuted,
            "failing_word": self.failing_word.as_json() if self.failing_word else None,
            "right_on_all_words_to": self.searched.all_to,
            "theory": {"possible": self.theory.possible, "reason": self.theory.reason},
            "tested": self.tested,
            "words": self.searched.words,
            "letters": self.searched.letters,
        }

    def view(self) -> RenderableType:
        """What `refute` prints."""
        found, searched = self.failing_word, self.searched
        lines = []
        if found is not None:
            lines.append(Text(f"refuted: {self.model} does not track {self.task}: {found.text()}", style="bold"))
            if searched.all_to:
                lines.append(Text(f"all words of up to {counted(searched.all_to, 'letter')} are answered rightly"))
            lines.append(Text(f"run it again: {short(found.rerun, 1200)}  # {found.prints}"))
        else:
            lines.append(
                Text(f"not refuted: {self.model} answers every word rightly that was run for {self.task}", style="bold")
            )
            lines.append(Text(f"run: {'; '.join(self.tested)}"))
        if searched.refused:
            lines.append(Text(f"words of more than {searched.taken:,} letters were not run: {searched.refused}"))
        lines.append(Text(f"theory: {_judged(self.theory)}"))
        return Renderables(*lines)


def _judged(theory: ModelTheory) -> str:
    said = {True: "this architecture can", False: "this architecture cannot", None: "theory does not forbid it"}[
        theory.possible
    ]
    return f"{said}: {theory.reason}"


def refute_model(
    artifact: Artifact, tracked: MachineLike | None, *, seed: int = 0, length: int = LENGTH
) -> ModelRefutation:
    """Search a word that somebody's model answers wrongly; see `refute`.

    Arguments:
        artifact: the model.
        tracked: what it should track; None for what it says itself.
        seed: of the random words.
        length: of the longest words that are run.

    Raises:
        InputError: the model cannot be read or asked, or nobody says what it should track.
    """
    from ..models.foreign.failing import failing_word
    from ..proofs_check.refutations.foreign import search_model

    found, task = _opened(artifact, tracked, "refute")
    assert task is not None
    searched = search_model(found, task, _special(task), length, seed)
    theory = _theory(artifact, found, task)
    word = None if searched.wrong is None else failing_word(found, task, searched.wrong)
    kind = "failing" if word is not None else "failed" if theory.possible is False else "allowed"
    return ModelRefutation(str(found.name), task.name, kind, word, searched, theory)


@dataclass(frozen=True, eq=False, repr=False)
class ModelDiagnosis(Shown):
    """One page about somebody's model and a task.

    Arguments:
        theory: what the architecture allows.
        read: the machine that it computes.
        verdict: what is missing: nothing, precision, or structure.
        changes: what to change, the first thing first.
        altered: how a checkpoint of ours differs from what `compile` writes.
        ways: ways of running it, e.g. with a cache, that give other answers, each with what was seen.
    """

    theory: ModelTheory
    read: ReadModel
    verdict: str
    changes: tuple[str, ...]
    altered: tuple[str, ...] = ()
    ways: Mapping[str, str] = field(default_factory=dict)

    @property
    def possible(self) -> bool | None:
        """Whether the architecture can; None where that is not known."""
        return self.theory.possible

    def as_json(self) -> dict[str, Any]:
        """The object that `diagnose --json` prints."""
        return {
            "model": self.read.model,
            "task": self.read.task,
            "possible": self.possible,
            "reason": self.theory.reason,
            "layers": [layer.line() for layer in self.theory.layers],
            "measured": [layer.measured for layer in self.theory.layers],
            "verdict": self.verdict,
            "changes": list(self.changes),
            "altered": list(self.altered),
            "ways": dict(self.ways),
            "read": self.read.as_json(),
        }

    def view(self) -> RenderableType:
        """What `diagnose` prints."""
        lines = [Text(f"{self.read.model}, {self.read.task}: {_judged(self.theory)}")]
        told = dict.fromkeys((layer.line(), layer.measured_line()) for layer in self.theory.layers)
        lines += [Text(f"layers: {line}{f'; {measured}' * bool(measured)}") for line, measured in told]
        lines.append(Text(f"it computes: {self.read.sentence()}"))
        if self.read.failing is not None and not self.read.is_task:
            lines.append(Text(f"e.g. {self.read.failing.text()}"))
        lines += [Text(f"not as compiled: {line}") for line in self.altered]
        lines += [Text(f"run otherwise ({way}): {said}") for way, said in self.ways.items()]
        lines.append(Text(f"verdict: {self.verdict}", style="bold"))
        lines += [Text(f"change: {line}") for line in self.changes]
        return Renderables(*lines)


def diagnose_model(
    artifact: Artifact, tracked: MachineLike | None, *, seed: int = 0, length: int = LENGTH
) -> ModelDiagnosis:
    """What somebody's model could do, what it does, and what to change; see `diagnose`.

    Arguments:
        artifact: the model.
        tracked: what it should track; None for what it says itself.
        seed: of the random words.
        length: of the longest words that are run.

    Raises:
        InputError: the model cannot be read or asked, or nobody says what it should track.
    """
    from ..models.foreign.altered import altered_from_compiled

    found, task = _opened(artifact, tracked, "diagnose")
    assert task is not None
    theory = _measured(_theory(artifact, found, task), found, seed)
    read = _decompiled(found, task, min(1024, max(64, 2 * task.classes)), None, seed, length)
    altered = altered_from_compiled(found.folder, task) if found.folder is not None else ()
    ways = _other_ways(found, task, seed)
    lost = _lost(found, task, read, seed)
    verdict, changes = _missing(theory, read, altered, ways, lost)
    return ModelDiagnosis(theory, read, verdict, changes, altered, ways)


def _measured(theory: ModelTheory, model: ForeignModel, seed: int) -> ModelTheory:
    """The same with the eigenvalues that the model's own weights have, as `audit` measures them."""
    from ..common.errors import RefutedError
    from ..proofs_check.audits.audit import measure_live

    if model.config is None or model.module is None or not theory.layers:
        return theory
    try:
        found = measure_live(model.module, model.config, seed) or {}
        return replace(theory, layers=tuple(layer.with_measured(found.get(layer.index)) for layer in theory.layers))
    except (InputError, RefutedError):  # what is wrong with the weights, its answers show
        return theory


def _other_ways(model: ForeignModel, task: Tracked, seed: int) -> dict[str, str]:
    """Ways of reading words in which a model does not answer as in one pass."""
    from ..models.foreign.evaluation import by_way
    from ..models.foreign.ways import WAYS
    from ..models.training.tasks import Task

    if model.module is None or model.config is None:
        return {}
    found = by_way(model, Task(task), tuple(WAYS), 48)
    return {way.name: way.said for way in found if way.said and not way.said.startswith("not run: it takes")}


def _lost(model: ForeignModel, task: Tracked, read: ReadModel, seed: int) -> int | None:
    """After how many letters the model answers as if the word began there; None where it does not."""
    if read.failing is None or read.failing.length < 3:
        return None
    at = read.failing.length
    words = np.random.default_rng([seed, 5]).integers(task.count, size=(32, 2 * at))
    answers = model.answers(words)
    for place in (at - 1, at - 2):
        anew = np.stack([np.asarray(task.run(row[place:])) for row in words])
        rest = slice(0, min(place, words.shape[1] - place))
        same = answers[:, place:][:, rest] == anew[:, rest]
        whole = np.stack([np.asarray(task.run(row)) for row in words])[:, place:][:, rest]
        if same.all() and not (whole == anew[:, rest]).all():
            return place
    return None


def _missing(
    theory: ModelTheory, read: ReadModel, altered: Sequence[str], ways: Mapping[str, str], lost: int | None
) -> tuple[str, tuple[str, ...]]:
    """The verdict, and what to change."""
    learnt, task = read.learnt, read.task
    changes = list(theory.changes)
    if altered:
        changes.insert(0, f"write it again: `compile {task} --target …`, or take back what is not as compiled")
    if read.is_task and learnt.wrong is None:
        told = f"nothing is missing on words of up to {learnt.agrees_to:,} letters"
        if theory.possible is False:
            told += "; theory says that longer words go wrong"
        elif ways:
            told += ", run in one pass; run otherwise, see above, it loses its state or its precision"
        told += ", though it is not as compiled" if altered else ""
        return told, tuple(changes if theory.possible is False else changes[:1] if altered else ())
    if read.is_task and lost is None:
        longer = f"words longer than {learnt.agrees_to:,} letters in training, or weights in a wider dtype"
        where = f"the machine is {task}'s, and is lost after {counted(learnt.agrees_to, 'letter')}"
        if theory.possible is False:
            return f"structure: {where}, as theory says it must be on some length", tuple(changes)
        return f"precision: {where}", (*changes, longer)
    if lost is not None:
        where = f"it tracks {task} and loses its state after {counted(lost, 'letter')}: it answers as if the word began"
        return f"structure: {where} there", (*changes, "keep the state between pieces of a word (the cache)")
    right = len(read.identity.differs or ()) - 1 if read.identity is not None else 0
    if right >= MANY and theory.possible is not False:
        where = f"it is {task} on all words of up to {counted(right, 'letter')}, and then another machine"
        return f"precision: {where}", (*changes, f"words longer than {right:,} letters in training")
    what = f"it computes {read.identity.text()}" if read.identity else read.sentence()
    if theory.possible is False or (theory.possible is None and theory.changes):
        return f"structure: {what}; {theory.reason}", tuple(changes)
    training = "train on: short words first, then longer ones; more steps, other seeds" if not altered else ""
    return f"structure: {what}, though nothing forbids {task}", (*changes, *([training] if training else []))
