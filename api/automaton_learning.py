"""Automata from words and from networks: what `learn`, `decompile` and `diagnose` do where the machine is no group.

Training finds layers of counters, and a counter never merges two states. But where the label is the state, the words
themselves say where each letter leads from each state, so the automaton is read off them, and compiled and certified as
`compile` would. The same is read off a network's own answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Group as Renderables
from rich.console import RenderableType
from rich.text import Text

from ..algebra.automata.automaton import Automaton, spanning_tree
from ..algebra.tracked import TrackedAutomaton
from ..common.errors import InputError
from ..common.terminal import Shown
from ..common.wording import counted
from .compiling import Compiled, compile

if TYPE_CHECKING:
    from ..constructions.automata.inspection import AutomatonInspection
    from ..models.learning.words import Words
    from ..models.network import DCDNetwork
    from ..models.training.evaluation import Accuracy
    from ..models.training.tasks import Task

Integers = NDArray[np.int64]

WORDS, LENGTH = 1500, 24
"""Words whose answers are read off a network."""


@dataclass(frozen=True, eq=False, repr=False)
class LearntAutomaton(Shown):
    """What `learn` read off words whose labels are the states of an automaton.

    Arguments:
        folder: what `compile` writes, with the certificate.
        compiled: the automaton and its cascade.
        words, held_out: how many words it was read off and judged by; it agrees with all of them.
        claim: what the checker confirmed.
    """

    folder: Path
    compiled: Compiled
    words: int
    held_out: int
    claim: str

    @property
    def layers(self) -> int:
        return len(self.compiled.cascade.layers)

    def sentence(self) -> str:
        """One line: states, letters, layers, what is proved, what it agrees with."""
        automaton = self.compiled.automaton
        return (
            f"an automaton of {counted(automaton.count, 'state')} and {counted(automaton.width, 'letter')}, "
            f"{counted(self.layers, 'layer')}, proved for words of every length; agrees with all {self.words:,} "
            f"training and {self.held_out:,} held-out words"
        )

    def as_json(self) -> dict[str, Any]:
        """The object that `learn --json` prints."""
        return {
            "name": self.compiled.name,
            "states": self.compiled.automaton.count,
            "letters": self.compiled.automaton.width,
            "trained": False,
            "layers": self.layers,
            "words": self.words,
            "held_out": self.held_out,
            "claim": self.claim,
            "folder": str(self.folder),
        }

    def view(self) -> RenderableType:
        """What `learn` prints."""
        return Renderables(
            Text(self.sentence(), style="bold"),
            Text("read off the labels, each the state of an automaton that is no group; nothing was trained"),
            Text(f"certified: {self.claim}"),
            Text(f"written: {self.folder}"),
        )


def learn_automaton(training: Words, held_out: Words, name: str, folder: Path, force: bool = False) -> LearntAutomaton:
    """The automaton whose states the labels are, compiled and certified.

    Raises:
        InputError: the words leave a step open (it is named), contradict each other, or no layers can carry it.
    """
    from ..models.learning.words import automaton_of_words

    automaton = automaton_of_words(training, name)
    for judged in (training, held_out):
        wrong = judged.disagreement(automaton)
        if wrong is not None:
            row, place = wrong
            raise InputError(
                f"the labels are not the states of a machine: the word ({judged.spell(row, place + 1)}) ends in "
                f"{judged.label_names[judged.labels[row, place]]}, and the steps of the others lead elsewhere"
            )
    compiled = compile(automaton)
    claim = certified_automaton(compiled, folder, force)
    return LearntAutomaton(folder, compiled, training.count, held_out.count, claim)


def certified_automaton(compiled: Compiled, folder: Path, force: bool) -> str:
    """Write a compiled automaton with its certificate; the claim that the checker confirmed."""
    from ..proofs_check.certificates.automaton_certificate import certify_automaton

    return certify_automaton(compiled.compilation.save(folder, force)).claim


@dataclass(frozen=True, eq=False, repr=False)
class ReadAutomaton(Shown):
    """What `decompile` read off a network's answers.

    Arguments:
        automaton: what the network was to track.
        failure: where the answers are another machine's; None where they are the automaton's.
        proved: the network and the automaton agree on all words of up to so many letters (all were run).
        wrong: the first word of one letter more that is answered otherwise, as positions; None where none was run.
        accuracy: of the network at growing lengths.
        loss: mean cross-entropy on the words that were read.
        folder, claim: where the machine is written, and what the checker confirmed; None where that was not asked.
    """

    automaton: Automaton
    failure: str | None
    proved: int
    wrong: tuple[int, ...] | None
    accuracy: Accuracy
    loss: float
    folder: Path | None = None
    claim: str | None = None

    @property
    def exact(self) -> bool:
        """Whether the answers are those of the automaton."""
        return self.failure is None

    def as_json(self) -> dict[str, Any]:
        """The object that `decompile --json` prints."""
        return {
            "automaton": self.automaton.name,
            "exact": self.exact,
            "failure": self.failure,
            "states": self.automaton.count,
            "equal_on_all_words_of": self.proved,
            "wrong_word": None if self.wrong is None else list(self.wrong),
            "longest": self.accuracy.longest,
            "loss": self.loss,
            "claim": self.claim,
            "folder": str(self.folder) if self.folder else None,
        }

    def view(self) -> RenderableType:
        """What `decompile` prints."""
        states = counted(self.automaton.count, "state")
        if self.failure is not None:
            return Text(f"no machine: {self.failure}", style="bold")
        lines = [Text(f"machine: {self.automaton.name}, {states}, read off the network's answers", style="bold")]
        wrong = "" if self.wrong is None else f", and not on ({self.automaton.word_text(self.wrong)})"
        lines.append(
            Text(
                f"the network agrees with it on all words of up to {counted(self.proved, 'letter')} (proved: all were "
                f"run){wrong}; it has more than 90 % right up to {self.accuracy.longest:,} letters (measured)"
            )
        )
        if self.folder is not None:
            lines += [Text(f"certified: {self.claim}"), Text(f"written: {self.folder}")]
        return Renderables(*lines)


def read_automaton_off(
    network: DCDNetwork, task: Task, out: Path | None = None, seed: int = 0, length: int = 1000, force: bool = False
) -> ReadAutomaton:
    """Read the automaton of a network's answers, and say where it is not the one that was asked for.

    Each step is what the network most often answers after an answer and a letter, on random words.

    Arguments:
        network: its tokens are the automaton's letters, its classes the states.
        task: the automaton and how its words are drawn.
        out: where the machine is written as `compile` does, with its certificate; None for nowhere.
        seed: of the words.
        length: up to which the network is measured.

    Raises:
        InputError: network and automaton do not fit, or the machine cannot be written.
    """
    import torch

    from ..models.learning.decompile import equal_up_to
    from ..models.training.evaluation import evaluate
    from ..models.training.tasks import VALIDATION

    automaton = _automaton(task)
    task.tracked.require_fit(network.alphabet_size, network.classes)
    tokens = torch.from_numpy(task.evaluation_words(VALIDATION, WORDS, LENGTH, seed))
    with torch.no_grad():
        logits = network(tokens).double()
    labels = torch.from_numpy(task.labels(tokens.numpy()))
    loss = float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten()))
    every = torch.from_numpy(_every_step(automaton))
    read = [(tokens.numpy(), logits.argmax(-1).numpy()), (every.numpy(), network.predict(every)[0].numpy())]
    failure = _other_step(automaton, read)
    proved, wrong = equal_up_to(network, task.labels)
    accuracy = evaluate(network, task, length, words=200, seed=seed, give_up=True)
    folder = claim = None
    if failure is None and out is not None:
        folder, claim = out, certified_automaton(compile(automaton), out, force)
    return ReadAutomaton(automaton, failure, proved, wrong, accuracy, loss, folder, claim)


def _automaton(task: Task) -> Automaton:
    assert isinstance(task.tracked, TrackedAutomaton)
    return task.tracked.automaton


def _every_step(automaton: Automaton) -> Integers:
    """Words in which every reachable state is left by every letter: the shortest word to it, and the letter; filled up
    with letter 0. Shape (states · letters, longest)."""
    word: dict[int, tuple[int, ...]] = {automaton.start: ()}
    for state, letter, following in spanning_tree(automaton.table, automaton.start):
        word[following] = (*word[state], letter)
    longest = max(map(len, word.values())) + 1
    rows = [(*path, letter) for path in word.values() for letter in range(automaton.width)]
    return np.array([row + (0,) * (longest - len(row)) for row in rows], dtype=np.int64)


def _other_step(automaton: Automaton, read: Sequence[tuple[Integers, Integers]]) -> str | None:
    """The first step of the answers that is not the automaton's, in words; None where every step is.

    Arguments:
        automaton: what is wanted.
        read: words (words, length) and what the network answered, of one length each.
    """
    counts = np.zeros((automaton.count, automaton.width, automaton.count), dtype=np.int64)
    for tokens, answers in read:
        before = np.concatenate([np.full((len(answers), 1), automaton.start), answers[:, :-1]], axis=1)
        np.add.at(counts, (before, tokens, answers), 1)
    seen, total = counts.argmax(axis=2), counts.sum(axis=2)
    unseen = np.argwhere(total == 0)
    wrong = np.argwhere((seen != automaton.table) & (total > 0))
    if len(wrong):
        q, x = wrong[0]
        share = counts[q, x, seen[q, x]] / total[q, x]
        return (
            f"in state {automaton.states[q]} the letter {automaton.letters[x]} leads to {automaton.states[seen[q, x]]} "
            f"in {share:.0%} of the answers; wanted {automaton.states[automaton.table[q, x]]} "
            f"({len(wrong)} of {total.size} steps are other ones)"
        )
    if len(unseen):
        q, x = unseen[0]
        return (
            f"state {automaton.states[q]} is not answered before the letter {automaton.letters[x]}, though words lead "
            f"to it ({len(unseen)} of {total.size} steps were not seen)"
        )
    return None


@dataclass(frozen=True, eq=False, repr=False)
class AutomatonDiagnosis(Shown):
    """One page about a model and an automaton.

    Arguments:
        automaton: its name.
        possible: whether the stack can track it; None where that is not known.
        reason: why.
        read: what the network's answers say.
        verdict: what is missing: nothing, precision, or structure.
    """

    automaton: str
    possible: bool | None
    reason: str
    read: ReadAutomaton
    verdict: str

    def as_json(self) -> dict[str, Any]:
        """The object that `diagnose --json` prints."""
        return {
            "automaton": self.automaton,
            "possible": self.possible,
            "reason": self.reason,
            "verdict": self.verdict,
            "read": self.read.as_json(),
        }

    def view(self) -> RenderableType:
        """What `diagnose` prints."""
        can = {True: "can track it", False: "cannot track it", None: "may track it"}[self.possible]
        return Renderables(
            Text(f"{self.automaton}: the stack {can}: {self.reason}"),
            Text(
                f"loss {self.read.loss:.3f} on words of {LENGTH} letters; more than 90 % right up to "
                f"{self.read.accuracy.longest:,} letters"
            ),
            Text(f"verdict: {self.verdict}", style="bold"),
        )


def diagnose_automaton(network: DCDNetwork, task: Task, seed: int = 0, length: int = 1000) -> AutomatonDiagnosis:
    """Can a stack of these families track the automaton, how near did this run come, and what is missing.

    Raises:
        InputError: network and automaton do not fit, or a layer's family is none of those that are judged.
    """
    from ..algebra.depth.families import FAMILIES
    from ..constructions.automata.inspection import inspect_automaton

    automaton = _automaton(task)
    stack = [s.family for s in network.specifications]
    if other := next((name for name in stack if name not in FAMILIES), None):
        raise InputError(f"a layer of the family {other!r} is not judged; wanted one of {', '.join(FAMILIES)}")
    read = read_automaton_off(network, task, seed=seed, length=length)
    possible, reason = _possible(inspect_automaton(automaton), stack)
    if not read.exact:
        structure = "another stack is needed" if possible is False else read.failure
        return AutomatonDiagnosis(automaton.name, possible, reason, read, f"structure: {structure}")
    if possible is False:
        verdict = "right where it was tried, and wrong on some longer word: another stack is needed"
    elif read.accuracy.longest >= read.accuracy.lengths[-1] and read.accuracy.last[-1] == 1.0:
        verdict = "nothing is missing on the lengths that were measured; `decompile --out` proves the machine"
    else:
        verdict = "precision: its steps are the automaton's, and it loses them; `decompile --out` writes the machine"
    return AutomatonDiagnosis(automaton.name, possible, reason, read, verdict)


def _possible(inspection: AutomatonInspection, stack: list[str]) -> tuple[bool | None, str]:
    from ..algebra.depth.families import FAMILIES
    from ..constructions.automata.inspection import judge_stack

    if len(set(stack)) == 1:
        found, title = inspection.judgements[stack[0]], FAMILIES[stack[0]].title
        least = found.verdict.least
        if least is None:
            return False, f"no number of {title} layers can: {found.verdict.reason}"
        if len(stack) < least:
            return False, f"{title} needs {found.layers_text} layers: {found.verdict.reason}"
        enough = found.most is not None and len(stack) >= found.most
        return (True if enough else None), f"{title} needs {found.layers_text} layer{'s' * (found.layers_text != '1')}"
    try:
        judged = judge_stack(inspection.monoid, [FAMILIES[name] for name in stack])
    except InputError as error:
        return None, str(error)
    possible = True if judged.moduli is not None else False if judged.refusal else None
    return possible, judged.text(inspection.automaton.name)
