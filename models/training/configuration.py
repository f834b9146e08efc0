"""One training run, described completely: two runs with the same configuration are the same run.

A new setting is one more field of `RunConfiguration`: the command line, `sn.train`, sweeps, the run's name and the
question which runs can share a batch all read the fields.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ...algebra.depth.families import ALL_FAMILIES, CIRCLE
from ...common.errors import InputError, unknown_setting
from ...common.kinds import AUTOMATON, BLOCK, CHECKPOINT, DELTA, LISTED, kind_of
from ...common.reading import read_file
from .letters import LetterDraw
from .tasks import Lengths

RANDOM, COMPILED = "random", "compiled"

FROM_RANDOM: dict[str, Any] = {
    "learning_rate": 3e-3,
    "length": "2-60",
    "early_stop": True,
    "gradient": "through",
    "moving": "all",
    "drive_penalty": 0.0,
    "stretch_penalty": 0.1,
}
FROM_GIVEN: dict[str, Any] = FROM_RANDOM | {"learning_rate": 3e-4, "length": "2>60"}
FROM_COMPILED: dict[str, Any] = FROM_GIVEN | {
    "length": "2>>60",
    "early_stop": False,
    "gradient": "local",
    "moving": "phi",
    "drive_penalty": 10.0,
    "stretch_penalty": 10.0,
}
FROM_ONE_LAYER: dict[str, Any] = FROM_GIVEN | {"length": "2>>60", "early_stop": False}
"""Defaults that depend on where training starts: random weights, those of a network that was trained, or compiled ones:
of our cascades and blocks, or of one layer that does all (a delta rule, a checkpoint for another library).
From near a solution the first lose it, because long words then have gradients of any direction, and the second lose
it in a stack of three layers (results/near-default). Without a penalty for stretching, blocks are lost too: a right
answer's loss falls as states grow (models/penalties.py, results/train-blocks)."""

FIRST = frozenset({
    "group", "family", "layers", "init", "noise", "learning_rate", "seed", "channels", "hidden", "readout", "phi",
    "activation", "alphabet", "hold_out", "batch", "length", "steps", "clip", "weight_decay", "keep", "early_stop",
    "check_every", "check_words", "check_length", "test_words", "test_length", "dtype",
})  # fmt: skip
"""The settings of the first version, always part of a run's name. One that was added later is part of it where it
differs from what runs had before, so that a new setting leaves the names of finished runs as they are."""

OWN = frozenset({"init", "noise", "learning_rate", "seed", "test_words", "test_length"})
"""The settings in which the runs of one batch may differ."""


PROTOCOLS: dict[str, dict[str, Any]] = {
    "chomsky": {"length": "1-40", "check_length": 100, "test_length": 500},
    "flip-flop": {"letters": "keep=0.8", "length": "512", "check_length": 512, "test_length": 512},
}
"""Settings that the field trains and judges automata with: Delétang and others, *Neural Networks and the Chomsky
Hierarchy*, ICLR 2023 (words up to 40, judged on 41 to 500); Liu and others, *Exposing Attention Glitches with Flip-Flop
Language Modeling*, NeurIPS 2023."""


BLOCKS = tuple(name for name, family in ALL_FAMILIES.items() if family.has_blocks)
"""The families whose layers are blocks."""

KEEPING = (*(name for name, family in ALL_FAMILIES.items() if family.forgets_nothing), *BLOCKS)
"""The families whose layers keep what they are given: they forget nothing, or can do so."""

MAX_SIZE, MAX_STEPS, MAX_WORDS, MAX_SEED, MAX_NUMBER = 2**14, 10**9, 10**7, 2**32 - 1, 1e30
"""Largest sizes of layers, numbers of steps, numbers and lengths of words, seeds, and other numbers."""


def setting(default: Any, text: str, least: float | None = None, most: float | None = None, before: Any = None) -> Any:
    """A field with its help, which the command line prints, and bounds of its numbers; `before` is what runs had before
    there was such a setting, where that is not its default."""
    known = {"help": text, "least": least, "most": most, "before": default if before is None else before}
    return field(default=default, metadata=known)


@dataclass(frozen=True)
class RunConfiguration:
    """What is trained, from where, on what, and how it is judged. The fields say what each setting is.

    Raises:
        InputError: a value that cannot be used.
    """

    group: str = field(metadata={"help": "As typed, e.g. S3.", "least": None, "most": None})
    family: str = setting(
        CIRCLE.name,
        f"{', '.join(ALL_FAMILIES)}; or one for each layer, e.g. s4d,mamba; from compiled weights also olmo-hybrid or "
        "delta.",
    )
    layers: int | None = setting(None, "Default: 1, or what the family's list or the initial network has.", 1, 64)
    init: str = setting(
        RANDOM, "random, compiled, or a folder with a network (compiled or trained), or of compile --target."
    )
    noise: float = setting(
        0.0, "σ of the noise added to every initial weight; compiled weights are of order 1.", 0, MAX_NUMBER
    )
    learning_rate: float = setting(
        None,
        "Of Adam, reached after 5 % of the steps and lowered along a cosine to a tenth. Default: 0.003, or 0.0003 from "
        "given weights.",
        0,
        MAX_NUMBER,
    )
    seed: int = setting(0, "Of the initial weights, the noise and the training words.", 0, MAX_SEED)
    channels: int | None = setting(
        None, "Of each layer. Default: 16 or what makes whole blocks, or the initial network's.", 1, MAX_SIZE
    )
    hidden: int | None = setting(None, "Hidden units of φ. Default: 64, or the initial network's.", 1, MAX_SIZE)
    readout: int | None = setting(None, "Units of ψ. Default: 32, or the initial network's.", 1, MAX_SIZE)
    phi: str = setting(
        "relu",
        "relu, linear (no relu), or table: one row for each lower state and token, see --bottleneck (the last two with "
        "random weights alone).",
    )
    activation: str | None = setting(
        None, "Of ψ: gelu, relu, tanh, silu, identity, softmax, hard. Default: gelu (random) or hard (compiled)."
    )
    alphabet: str | None = setting(None, "all, generators, or elements such as '1;3'.")
    hold_out: int = setting(0, "Ordered pairs of non-commuting tokens kept for evaluation.", 0, MAX_WORDS)
    letters: str = setting(
        "uniform", "Of an automaton's words: uniform, alive (seldom into a state never left), or a share: keep=0.8."
    )
    batch: int = setting(32, "Words in a step.", 1, MAX_WORDS)
    length: str = setting(
        None,
        "Of training words: 60, 2-60 (uniform), 2>60 (growing), 2>>60 (by one ratio). Default: 2-60; from compiled "
        "weights 2>>60, from a trained network 2>60.",
    )
    steps: int = setting(2000, "Training steps.", 1, MAX_STEPS)
    clip: float = setting(1.0, "The largest norm of a gradient; longer ones are shortened to it.", 0, MAX_NUMBER)
    weight_decay: float = setting(
        0.0, "The share of ψ, the head and b that a step takes away, times the learning rate (AdamW).", 0, MAX_NUMBER
    )
    keep: str = setting("last", "The network of the last check, or of the best one: last, best.")
    early_stop: bool = setting(
        None, "Stop after two checks in a row without a mistake. Default: so, but not from compiled weights."
    )
    check_every: int = setting(100, "Steps between checks, which are also the checkpoints.", 1, MAX_STEPS)
    check_words: int = setting(32, "Number of words of a check.", 1, MAX_WORDS)
    check_length: int = setting(240, "Length of the words of a check.", 1, MAX_WORDS)
    test_words: int = setting(1000, "Number of words that judge a finished run.", 1, MAX_WORDS)
    test_length: int = setting(1000, "Their length.", 1, MAX_WORDS)
    dtype: str = setting("float32", "float32 or float64.")
    losses: str = setting("last", "last, or every: the head answers after each layer too, upper readouts being 0.")
    gradient: str = setting(
        None,
        "through, or local: a layer's loss does not reach the layers that it reads. Default: through; from compiled "
        "weights local.",
        before="through",
    )
    bottleneck: int | None = setting(
        None,
        "Every layer but the last decides among so many states, which is all that upper layers read of it.",
        1,
        MAX_SIZE,
    )
    decision: str = setting("hard", "hard or softmax: the decisions of the bottleneck.")
    moving: str = setting(
        None,
        "all, or phi: ψ, the head and the initial states stay as they are. Default: all; from compiled weights phi.",
        before="all",
    )
    drive_penalty: float = setting(
        None,
        f"The loss adds so much times the mean of |b|² in layers that keep it ({', '.join(KEEPING)}). "
        "Default: 0; from compiled weights 10.",
        0,
        MAX_NUMBER,
        before=0.0,
    )
    stretch_penalty: float = setting(
        None,
        "The loss adds so much times the mean of |AᵀA − 1|² over blocks A, in coordinates in which the initial ones "
        "keep lengths. Default: 0.1; from compiled weights 10.",
        0,
        MAX_NUMBER,
        before=0.0,
    )

    def __post_init__(self) -> None:
        families = set(self.family.split(","))
        penalised = {"drive_penalty": families & set(KEEPING), "stretch_penalty": families & set(BLOCKS)}
        for name, value in self._by_start().items():
            if getattr(self, name) is None:
                object.__setattr__(self, name, value if penalised.get(name, True) else 0.0)
        for known in fields(self):
            value = getattr(self, known.name)
            _check_type(known.name, value, str(known.type))
            if isinstance(value, int | float):
                _check_bounds(known.name, value, known.metadata["least"], known.metadata["most"])
        for name in ("learning_rate", "clip"):
            if getattr(self, name) == 0:
                raise InputError(f"{name}: wanted a positive number, got 0")
        for name, choices in (
            ("dtype", ("float32", "float64")),
            ("keep", ("last", "best")),
            ("losses", ("last", "every")),
            ("gradient", ("through", "local")),
            ("decision", ("hard", "softmax")),
            ("moving", ("all", "phi")),
        ):
            if getattr(self, name) not in choices:
                raise InputError(f"{name}: wanted {' or '.join(choices)}, got {getattr(self, name)[:40]!r}")
        for family in self.family.split(","):
            if family not in ALL_FAMILIES and not self.of_others:
                raise InputError(f"unknown family {family[:40]!r}; wanted one of {', '.join(ALL_FAMILIES)}")
        for name, goes_with, wanted in (
            ("drive_penalty", "a layer that keeps what it is given", KEEPING),
            ("stretch_penalty", "a layer of blocks", BLOCKS),
        ):
            if getattr(self, name) and not penalised[name]:
                raise InputError(f"{name}: goes with {goes_with} ({', '.join(wanted)}); got {self.family}")
        if "," in self.family and self.layers not in (None, len(self.family.split(","))):
            raise InputError(f"layers: {self.layers}, but the stack {self.family} has {len(self.family.split(','))}")
        if self.phi not in ("relu", "linear", "table") or (self.phi != "relu" and self.init != RANDOM):
            raise InputError(f"phi: wanted relu, or linear or table with random weights, got {self.phi[:40]!r}")
        if self.bottleneck is not None and self.init != RANDOM:
            raise InputError(f"bottleneck: goes with random weights; {self.init[:40]} has its own layers")
        if self.bottleneck is None and self.decision != "hard":
            raise InputError(f"decision: goes with --bottleneck; got {self.decision} without one")
        if self.phi == "table":
            if self.hidden is not None:
                raise InputError(f"hidden: a table has a row for each lower state and token; got {self.hidden}")
            if len(self.families) > 1 and self.bottleneck is None:
                raise InputError("phi: a table over lower states needs a bottleneck; wanted e.g. --bottleneck 4")
        Lengths.parse(self.length)
        LetterDraw.parse(self.letters)

    def _by_start(self) -> dict[str, Any]:
        if self.init == RANDOM and self.family in ALL_FAMILIES:
            return FROM_RANDOM
        if self.compiled:
            return FROM_COMPILED
        one = self.of_others or (self.init != RANDOM and kind_of(self.init) == DELTA)
        return FROM_ONE_LAYER if one else FROM_RANDOM if self.init == RANDOM else FROM_GIVEN

    @property
    def of_others(self) -> bool:
        """Whether it starts from a checkpoint of another library, of which `family` is the target's name.

        Raises:
            InputError: such a family, and random weights.
        """
        if self.init not in (RANDOM, COMPILED) and kind_of(self.init) == CHECKPOINT:
            return True
        if self.family in ALL_FAMILIES or "," in self.family:
            return False
        from ...constructions.targets.compiler import TARGETS

        if self.family not in TARGETS:
            return False
        if self.init == RANDOM:
            raise InputError(
                f"family: {self.family} is trained from compiled weights, e.g. `--init compiled --noise 0.01`; from "
                f"random ones `probe {self.family.replace('-', '_')}` trains it"
            )
        return True

    @property
    def compiled(self) -> bool:
        """Whether it starts from compiled weights, its own or those of a folder."""
        return self.init == COMPILED or (self.init != RANDOM and kind_of(self.init) in (*LISTED, AUTOMATON, BLOCK))

    @property
    def families(self) -> tuple[str, ...]:
        """The family of each layer; one entry where the number of layers is still open."""
        names = tuple(self.family.split(","))
        return names * (self.layers or 1) if len(names) == 1 else names

    @cached_property
    def key(self) -> str:
        """A name for the run made from everything that determines it, the weights of an initial folder included."""
        content = {
            known.name: getattr(self, known.name)
            for known in fields(self)
            if known.name in FIRST or getattr(self, known.name) != known.metadata["before"]
        }
        if self.init not in (RANDOM, COMPILED):
            try:
                content["init"] = hashlib.sha256(read_file(Path(self.init) / "model.safetensors")).hexdigest()
            except OSError as error:
                raise InputError(f"init: {self.init}: {error.strerror}; wanted random, compiled, or a folder") from None
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:20]

    @property
    def shared(self) -> str:
        """What the runs of one batch have in common; runs with the same answer can be trained together."""
        # Blocks are compared with those that a run starts from, and these are one for a batch.
        kind = self.init if self.init == RANDOM or self.stretch_penalty else "given"
        return json.dumps([kind, {name: value for name, value in self.as_json().items() if name not in OWN}])

    def as_json(self) -> dict[str, Any]:
        """All fields."""
        return asdict(self)

    def with_changes(self, **changes: Any) -> RunConfiguration:
        """A copy with some fields changed."""
        return replace(self, **changes)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> RunConfiguration:
        """The configuration with these fields. InputError for unknown ones."""
        known = {known.name for known in fields(cls)}
        for name in content:
            if name not in known:
                raise unknown_setting(name, known)
        if "group" not in content:
            raise InputError('no group; wanted e.g. group = "S3"')
        return cls(**content)

    @classmethod
    def of_record(cls, content: Mapping[str, Any]) -> RunConfiguration:
        """The configuration of a run that was made, perhaps before there were some of the settings."""
        later = [known for known in fields(cls) if known.name not in FIRST]
        return cls.from_json({known.name: known.metadata["before"] for known in later} | dict(content))


def _check_type(name: str, value: object, declared: str) -> None:
    kinds: dict[str, tuple[type, ...]] = {"int": (int,), "float": (int, float), "str": (str,), "bool": (bool,)}
    allowed = kinds[declared.removesuffix(" | None")]
    if value is None and declared.endswith("| None"):
        return
    if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
        raise InputError(f"{name}: wanted {declared.removesuffix(' | None')}, got {value!r:.60}")


def _check_bounds(name: str, value: float, least: float | None, most: float | None) -> None:
    if least is not None and not value >= least:  # NaN is in no interval
        raise InputError(f"{name}: wanted at least {least}, got {value}")
    if most is not None and not value <= most:
        raise InputError(f"{name}: wanted at most {most:,}, got {str(value)[:40]}")
