"""Running a checkpoint that was written for a target on a random word, with whatever runs it on this machine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ...algebra.arithmetic.permutations import cycles
from ...common.errors import RefutedError
from ...constructions.targets.compiler import TargetMachine
from ...constructions.targets.phases import PhaseMachine
from ...constructions.targets.reflections import ReflectionMachine

Run = Callable[[Path, Any, NDArray[np.int64]], list[str]]
"""A folder, the machine that was written into it, and a word of elements → the names of the products."""


def try_checkpoint(folder: Path, target: str, machine: TargetMachine, length: int, seed: int = 0) -> str:
    """Run a random word of `length` elements; what ran it.

    Raises:
        RefutedError: an answer is wrong.
        MissingPackageError: what runs it is not installed.
    """
    generator = np.random.default_rng(seed)
    word = np.array(machine.alphabet)[generator.integers(0, len(machine.alphabet), length)]
    name, run = RUNNERS[target]
    product = 0
    for position, (x, answer) in enumerate(zip(word, run(folder, machine, word), strict=True), 1):
        product = machine.group.times(product, int(x))
        expected = cycles(machine.group.elements[product])
        if answer != expected:
            raise RefutedError(f"{name}: {answer!r} instead of {expected} after element {position} (seed {seed})")
    return name


def _olmo_hybrid(folder: Path, machine: ReflectionMachine, word: NDArray[np.int64]) -> list[str]:
    from .hugging_face import load

    tokenizer, model = load(folder)
    text = " ".join(cycles(machine.group.elements[x]) for x in word)
    tokens = tokenizer(text, return_tensors="pt")
    with torch.no_grad():
        best = model(**tokens).logits[0].argmax(-1)
    ends = len(machine.start()) - 1 + np.cumsum([len(machine.spell(int(x))) for x in word])
    return list(tokenizer.convert_ids_to_tokens(best[torch.from_numpy(ends)].tolist()))


def _delta_product(folder: Path, machine: ReflectionMachine, word: NDArray[np.int64]) -> list[str]:
    from .delta_product import DeltaProductReference

    reference = DeltaProductReference(folder)
    factors = reference.config["num_householder"]
    start = -(-len(machine.start()) // factors)
    first = 3 + start  # the unknown and the pad token, the start, the idle token
    place = {x: first + i for i, x in enumerate(machine.alphabet)}
    tokens = torch.tensor([*range(2, 2 + start), *(place[int(x)] for x in word)])
    best = reference.logits(tokens)[start:].argmax(-1) - (first + len(machine.alphabet))
    return [cycles(machine.group.elements[i]) if i >= 0 else "?" for i in best.tolist()]


def _mamba3(folder: Path, machine: PhaseMachine, word: NDArray[np.int64]) -> list[str]:
    from .mamba3 import Mamba3Reference

    first = 3  # the unknown, the pad and the first token
    place = {x: first + i for i, x in enumerate(machine.alphabet)}
    tokens = torch.tensor([[first - 1, *(place[int(x)] for x in word)]])
    best = Mamba3Reference(folder).logits(tokens)[0, 1:].argmax(-1) - (first + len(machine.alphabet))
    return [cycles(machine.group.elements[i]) if i >= 0 else "?" for i in best.tolist()]


def _pd_ssm(folder: Path, machine: ReflectionMachine, word: NDArray[np.int64]) -> list[str]:
    from .pd_ssm import PDSSMReference

    place = {x: i for i, x in enumerate(machine.alphabet)}
    best = PDSSMReference(folder).logits(torch.tensor([place[int(x)] for x in word])).argmax(-1)
    return [cycles(machine.group.elements[i]) for i in best.tolist()]


def _delta(folder: Path, machine: ReflectionMachine, word: NDArray[np.int64]) -> list[str]:
    from ..network import DCDNetwork

    place = {x: i for i, x in enumerate(machine.alphabet)}
    best, _ = DCDNetwork.from_pretrained(folder).predict(torch.tensor([[place[int(x)] for x in word]]))
    return [cycles(machine.group.elements[i]) for i in best[0].tolist()]


RUNNERS: dict[str, tuple[str, Run]] = {
    "olmo-hybrid": ("transformers", _olmo_hybrid),
    "delta": ("our own network", _delta),
    "deltaproduct": ("the plain recurrence", _delta_product),
    "pd-ssm": ("the plain recurrence", _pd_ssm),
    "mamba3": ("the plain recurrence", _mamba3),
}
