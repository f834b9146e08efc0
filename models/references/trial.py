"""Running a checkpoint that was written for a target on a random word, with whatever runs it on this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...algebra.arithmetic.permutations import cycles
from ...common.errors import RefutedError
from ...common.reading import read_json
from ...constructions.targets.compiler import AUTOMATA, TargetMachine
from ...constructions.targets.phases import PhaseMachine
from ...constructions.targets.points import PointMachine
from ...constructions.targets.preimages import PreimageMachine
from ...constructions.targets.reflections import ReflectionMachine
from ...constructions.targets.resets import ResetMachine, answers_of

LARGEST_TOKENIZER = 1 << 28
"""Bytes of a tokenizer.json that are read at most."""

Run = Callable[[Path, Any, NDArray[np.int64]], list[str]]
"""A folder, the machine that was written into it, and a word of elements → the names of the products."""


def try_checkpoint(folder: Path, target: str, machine: TargetMachine, length: int, seed: int = 0) -> str:
    """Run a random word of `length` elements; what ran it.

    Raises:
        RefutedError: an answer is wrong.
        MissingPackageError: what runs it is not installed.
    """
    generator = np.random.default_rng(seed)
    if isinstance(machine, AUTOMATA):
        return _try_automaton(folder, machine, generator.integers(0, machine.automaton.width, length), seed)
    word = np.array(machine.alphabet)[generator.integers(0, len(machine.alphabet), length)]
    if isinstance(machine, PointMachine):
        return _try_points(folder, target, machine, word, generator.integers(0, machine.points, length), seed)
    name, run = RUNNERS[target]
    product = 0
    for position, (x, answer) in enumerate(zip(word, run(folder, machine, word), strict=True), 1):
        product = machine.group.times(product, int(x))
        expected = cycles(machine.group.elements[product])
        if answer != expected:
            raise RefutedError(f"{name}: {answer!r} instead of {expected} after element {position} (seed {seed})")
    return name


def _try_points(
    folder: Path, target: str, machine: PointMachine, word: NDArray[np.int64], asked: NDArray[np.int64], seed: int
) -> str:
    """A question after each element, and the images of its point that are right."""
    names, questions = machine.answer_names, list(machine.questions)
    text = [part for x, point in zip(word, asked, strict=True) for part in (machine.letter_names[x], questions[point])]
    images, expected = np.arange(machine.points), []
    for x, point in zip(word, asked, strict=True):
        images = machine.action[x][images]
        expected.append(names[int(images[point])])
    ran, found = _answers_to(folder, target, text)
    for position, (answer, right) in enumerate(zip(found[1::2], expected, strict=True), 1):
        if answer != right:
            raise RefutedError(f"{ran}: {answer!r} instead of {right} after element {position} (seed {seed})")
    return ran


def _answers_to(folder: Path, target: str, text: Sequence[str]) -> tuple[str, list[str]]:
    """What ran it, and the answer after each part of a text."""
    if target == "pd-ssm":
        from .pd_ssm import PDSSMReference

        reference = PDSSMReference(folder)
        place = {name: i for i, name in enumerate(reference.config["tokens"])}
        best = reference.logits(torch.tensor([0, *(place[part] for part in text)]))[1:].argmax(-1)
        return RUNNERS[target][0], [reference.config["classes"][i] for i in best.tolist()]
    reader = SpelledWords(folder)
    tokens, ends = reader.tokens(text)
    if target == "olmo-hybrid":
        from .hugging_face import load

        tokenizer, model = load(folder)
        read = tokenizer(" ".join(text), return_tensors="pt")
        assert read.input_ids[0].tolist() == tokens, "the tokenizer reads the text otherwise"
        with torch.no_grad():
            logits = model(**read).logits[0]
    else:
        from .fla import FlaReference

        logits = FlaReference(folder).logits(torch.tensor(tokens))
    return RUNNERS[target][0], [reader.name(i) for i in logits[ends].argmax(-1).tolist()]


def _try_automaton(folder: Path, machine: ResetMachine | PreimageMachine, word: NDArray[np.int64], seed: int) -> str:
    automaton, names = machine.automaton, answers_of(machine.automaton)
    if isinstance(machine, PreimageMachine):
        from .pd_ssm import PDSSMReference

        ran, best = "the plain recurrence", PDSSMReference(folder).logits(torch.tensor([0, *(1 + word)]))[1:].argmax(-1)
        answers = [names[i] for i in best.tolist()]
    else:
        from .hugging_face import load

        tokenizer, model = load(folder)
        tokens = tokenizer(" ".join(automaton.letters[x] for x in word), return_tensors="pt")
        with torch.no_grad():
            best = model(**tokens).logits[0].argmax(-1)
        ran, answers = "transformers", tokenizer.convert_ids_to_tokens(best.tolist())
    state = automaton.start
    for position, (x, found) in enumerate(zip(word, answers, strict=True), 1):
        state = int(automaton.table[state, x])
        if found != names[state]:
            raise RefutedError(f"{ran}: {found!r} instead of {names[state]} after letter {position} (seed {seed})")
    return ran


def _olmo_hybrid(folder: Path, machine: ReflectionMachine, word: NDArray[np.int64]) -> list[str]:
    from .hugging_face import load

    tokenizer, model = load(folder)
    text = " ".join(cycles(machine.group.elements[x]) for x in word)
    tokens = tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        best = model(**tokens).logits[0].argmax(-1)
    ends = len(machine.start()) - 1 + np.cumsum([len(machine.spell(int(x))) for x in word])
    return list(tokenizer.convert_ids_to_tokens(best[torch.from_numpy(ends)].tolist()))


def _fla(folder: Path, machine: ReflectionMachine, word: NDArray[np.int64]) -> list[str]:
    """By the tokenizer's own vocabulary and spellings, so that nothing of the layout is known here."""
    from .fla import FlaReference

    reader = SpelledWords(folder)
    tokens, ends = reader.tokens([cycles(machine.group.elements[x]) for x in word])
    best = FlaReference(folder).logits(torch.tensor(tokens)).argmax(-1)
    return [reader.name(i) for i in best[ends].tolist()]


class SpelledWords:
    """A checkpoint's `tokenizer.json`, read without the library that is made for it: words of a text to tokens.

    Arguments:
        folder: with `tokenizer.json` as `constructions.targets.tokenizer` writes it.

    Attributes:
        numbers: of every token, by name.
        special: the tokens that no text holds.
        spellings: the tokens of every word that becomes several.
        start: the tokens before every text.
    """

    def __init__(self, folder: Path) -> None:
        content = read_json(folder / "tokenizer.json", limit=LARGEST_TOKENIZER)
        self.numbers: dict[str, int] = content["model"]["vocab"]
        self.special: set[str] = {part["content"] for part in content["added_tokens"]}
        self._names = {number: token for token, number in self.numbers.items()}
        self.spellings = {
            part["pattern"]["String"]: [self.numbers[token] for token in part["content"].split()]
            for part in (content["normalizer"] or {"normalizers": []})["normalizers"]
            if "String" in part["pattern"]
        }
        single = content["post_processor"]["single"]
        self.start = [self.numbers[part["SpecialToken"]["id"]] for part in single if "SpecialToken" in part]

    def tokens(self, words: Sequence[str]) -> tuple[list[int], list[int]]:
        """The tokens of a text, and where each word ends."""
        found, ends = list(self.start), []
        for word in words:
            found += self.spellings[word]
            ends.append(len(found) - 1)
        return found, ends

    def name(self, token: int) -> str:
        """What a token is called."""
        return self._names[token]


def _mamba3(folder: Path, machine: PhaseMachine, word: NDArray[np.int64]) -> list[str]:
    from .mamba3 import Mamba3Reference

    reader = SpelledWords(folder)
    tokens, ends = reader.tokens([cycles(machine.group.elements[x]) for x in word])
    best = Mamba3Reference(folder).logits(torch.tensor([tokens]))[0].argmax(-1)
    return [reader.name(i) for i in best[ends].tolist()]


def _pd_ssm(folder: Path, machine: ReflectionMachine, word: NDArray[np.int64]) -> list[str]:
    from .pd_ssm import PDSSMReference

    place = {x: 1 + i for i, x in enumerate(machine.alphabet)}  # after the start
    best = PDSSMReference(folder).logits(torch.tensor([0, *(place[int(x)] for x in word)]))[1:].argmax(-1)
    return [cycles(machine.group.elements[i]) for i in best.tolist()]


def _delta(folder: Path, machine: ReflectionMachine, word: NDArray[np.int64]) -> list[str]:
    from ..network import DCDNetwork

    place = {x: i for i, x in enumerate(machine.alphabet)}
    best, _ = DCDNetwork.from_pretrained(folder).predict(torch.tensor([[place[int(x)] for x in word]]))
    return [cycles(machine.group.elements[i]) for i in best[0].tolist()]


RUNNERS: dict[str, tuple[str, Run]] = {
    "olmo-hybrid": ("transformers", _olmo_hybrid),
    "delta": ("our own network", _delta),
    "deltaproduct": ("the plain recurrence", _fla),
    "gated-deltanet": ("the plain recurrence", _fla),
    "delta-net": ("the plain recurrence", _fla),
    "kda": ("the plain recurrence", _fla),
    "pd-ssm": ("the plain recurrence", _pd_ssm),
    "mamba3": ("the plain recurrence", _mamba3),
}
