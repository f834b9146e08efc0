"""`load`: anything that was made, opened once, and what can be done with it.

Whoever works with a folder asks its `Artifact`. Files are read once (`common.folders.Folder`), what follows from them
is made once, and the table `common.kinds.CANNOT` says which verb goes with which kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from ..algebra.tracked import Tracked
from ..common.errors import InputError
from ..common.folders import Folder, opened
from ..common.kinds import (
    CHECKPOINT,
    COMPILED,
    MODULE,
    NETWORK,
    RUN,
    TITLES,
    TRAINED,
    described,
    refusal,
)  # fmt: skip
from ..common.reading import parse_json
from ..constructions.cascade import Cascade
from ..constructions.factored.cascade import FactoredCascade
from ..constructions.reading import SavedMachine, load_machine

if TYPE_CHECKING:
    from ..common.dtypes import DtypeLike
    from ..models.foreign.model import ForeignModel
    from ..models.foreign.reading import Reading
    from ..models.network import DCDNetwork
    from ..models.training.tasks import Task


class Artifact:
    """A folder of ours, a network that is here already, or a model that others made.

    Arguments:
        folder: opened; None for what is in no folder.
        network: the network, where there is no folder.
        foreign: anybody's model, where there is no folder: a callable, or the text `file.py:function`.
        reading: how anybody's model is read, as `models.foreign.reading.Reading.of` takes it.

    Attributes:
        kind: `group`, `automaton`, `factored`, `delta`, `learnt`, `trained`, `network`, `run`, `checkpoint`, `module`,
            `refusal`, `damaged`, `other`; the table of what can be done with each is in docs/reference/kinds.md.
    """

    def __init__(
        self,
        folder: Folder | None,
        network: DCDNetwork | None = None,
        foreign: Callable[..., Any] | str | None = None,
        reading: Reading | None = None,
    ) -> None:
        self._folder, self._given, self._foreign, self._reading = folder, network, foreign, reading
        if folder is not None:
            self.kind = _kind(folder)
        else:
            self.kind = NETWORK if foreign is None else CHECKPOINT if _has_config(foreign) else MODULE

    @property
    def folder(self) -> Folder:
        """Where it is. Raises `InputError` for a network that is in no folder."""
        if self._folder is None:
            raise InputError("the network is in no folder; save it first: network.save_pretrained('folder')")
        return self._folder

    @property
    def path(self) -> Path:
        """As `folder`."""
        return self.folder.path

    def __str__(self) -> str:
        if self._foreign is not None:
            if isinstance(self._foreign, str):
                return self._foreign  # it stands in commands that are proposed
            return str(getattr(self._foreign, "__name__", None) or type(self._foreign).__name__)[:80]
        return "the network" if self._folder is None else str(self._folder)

    def __repr__(self) -> str:
        tracked = f" for {self.tracked.name}" if self.says_what else ""
        return f"{self}: {TITLES[self.kind]}{tracked}"

    def can(self, verb: str) -> str | None:
        """Why a verb cannot be done with it, and which command can; None where it can."""
        return refusal(self.kind, verb, str(self))

    def require(self, verb: str) -> Self:
        """Itself, where the verb can be done with it. Raises `InputError` with the reason and the next command."""
        reason = self.can(verb)
        if reason is not None:
            raise InputError(f"{verb}: {self} holds {TITLES[self.kind]}: {reason}")
        return self

    @cached_property
    def source(self) -> Artifact:
        """The artifact whose network is meant: of a folder of runs the best one's, else itself."""
        if self.kind != RUN:
            return self
        from ..models.training.runs import best_network

        return Artifact(Folder(best_network(self.path)))

    def _best_checkpoint(self) -> Artifact | None:
        """Of a folder of runs that trained checkpoints the best one; None for other runs, or none that is finished."""
        try:
            best = self.source
        except InputError:
            return None
        return best if best.kind == CHECKPOINT else None

    @property
    def says_what(self) -> bool:
        """Whether it says what it is for."""
        return self.kind in (*COMPILED, TRAINED, RUN)

    @cached_property
    def _machine(self) -> SavedMachine:
        return load_machine(self.folder)

    @property
    def tracked(self) -> Tracked:
        """The group or the automaton that it is for, with its letters. Raises `InputError` where it does not say."""
        if self.source.kind in (TRAINED, NETWORK):
            return self.task.tracked
        if self.kind in (CHECKPOINT, MODULE):
            from ..models.foreign.checkpoint import own_checkpoint

            own = None if self._folder is None else own_checkpoint(self.path)
            if own is None:
                raise InputError(f"{self} does not say what it is for; wanted that too, e.g. S3")
            return own.tracked
        return self._machine.tracked

    @property
    def letters(self) -> tuple[str, ...]:
        """What each letter is called."""
        return self.tracked.letter_names

    @property
    def metadata(self) -> Mapping[str, Any]:
        """The fields of `cascade.json`."""
        return self._machine.metadata

    def machine(self) -> Cascade | FactoredCascade:
        """The exact integer machine. Raises `InputError` where there is none."""
        cascade = self._machine.cascade
        if cascade is None:
            raise InputError(f"{self} holds {TITLES[self.kind]}, which has no cascade: `verify {self}` proves it")
        return cascade

    @cached_property
    def has_network(self) -> bool:
        """Whether there are a network's files: earlier versions wrote no large one."""
        return self._folder is None or self.source.folder.has("model.safetensors")

    def network(self, dtype: DtypeLike | None = None) -> DCDNetwork:
        """Its network, a `torch.nn.Module`; of a folder of runs the best one.

        Arguments:
            dtype: `float32` or `float64`, to which every weight is rounded once; None for the dtype it is saved in.

        Raises:
            InputError: there is none, or its files are damaged.
        """
        from ..models.network import DCDNetwork

        if self._given is not None:
            return self._given if dtype is None else self._given.converted(dtype)
        return DCDNetwork.from_pretrained(self.source.folder, dtype)

    @property
    def has_reading(self) -> bool:
        """Whether it was said how it is read."""
        return self._reading is not None

    def foreign(self, tracked: Tracked | None = None, batch: int | None = None) -> ForeignModel:
        """Anybody's model, to be run black box.

        Arguments:
            tracked: what it should track; None for what a checkpoint of ours was made for, or for whatever the reading
                says.
            batch: words that are run at a time; None for as many as fit into memory.

        Raises:
            InputError: it cannot be read, or the reading does not fit.
        """
        from ..models.foreign.model import foreign_model

        given = self._foreign if self._foreign is not None else self.path
        return foreign_model(given, self._reading, tracked, batch=batch)

    @cached_property
    def task(self) -> Task:
        """The words that its network is trained and judged on. Raises `InputError` where it does not say."""
        from ..models.training.recorded import task_of_folder
        from ..models.training.tasks import Task

        source = self.source
        if source.kind == TRAINED:
            return task_of_folder(source.folder)
        if source.kind == NETWORK:
            raise InputError(f"{self} does not say which group it is for; wanted it too, e.g. S3")
        return Task(source.tracked)

    def certificate(self) -> dict[str, Any] | None:
        """What `certificate.json` says; None where there is none. It is `check` that verifies it."""
        path = self.path / "certificate.json"
        return parse_json(path.read_bytes(), path, dict[str, Any]) if path.is_file() else None

    def page(self, tracked: Tracked | None = None) -> dict[str, Any]:
        """The data of its page, as `constructions.pages.machine_page` describes them.

        Arguments:
            tracked: what a network is for that does not say so itself.

        Raises:
            InputError: there is no page of it.
        """
        from ..algebra.tracked import TrackedAutomaton, TrackedGroup
        from ..constructions.pages.machine_page import automaton_data, cascade_data, factored_data

        self.require("show")
        if self.kind not in COMPILED or tracked is not None:
            from ..models.network_page import network_data

            own = self.tracked if tracked is None else tracked
            if not isinstance(own, TrackedGroup):
                raise InputError(f"{self}: a page of a network follows a group's products, and {own.name} is no group")
            return network_data(self.network(), own.group, own.alphabet)
        cascade, own = self.machine(), self.tracked
        if isinstance(cascade, FactoredCascade):
            about = self.metadata
            return factored_data(cascade, int(about["order"]), about["series"], str(about["structure"]))
        if isinstance(own, TrackedAutomaton):
            return automaton_data(cascade)
        assert isinstance(own, TrackedGroup)
        return cascade_data(cascade, own.group, str(self.metadata.get("decomposition", "")))


def _kind(folder: Folder) -> str:
    if folder.kind is None:
        raise InputError(described(folder.path))
    return folder.kind


def _has_config(model: Any) -> bool:
    """Whether it is a model of transformers."""
    return hasattr(getattr(model, "config", None), "model_type")


def load(
    model: DCDNetwork | Callable[..., Any] | str | Path | Folder | Artifact,
    reading: Reading | Mapping[str, Any] | str | Path | None = None,
) -> Artifact:
    """Open what was made: a folder written by `compile`, `certify`, `learn`, `train`, `decompile` or `save_pretrained`;
    take a network that is here already; or a model that others made.

    Arguments:
        model: the folder, or a network, or what `load` returned before; or anybody's model: a Hugging Face folder, a
            loaded `PreTrainedModel`, a callable from token ids (batch, tokens) to logits (batch, tokens, classes), or
            the text `path/to/file.py:function`.
        reading: how anybody's model is read: a dictionary or a JSON file (docs/how-to/anybodys-model.md); checkpoints
            of ours need none.

    Raises:
        InputError: there is no such folder, nothing in it is known, or the reading cannot be used.

    Examples:
        >>> import subnormal as sn
        >>> folder = sn.compile("S3").save("s3")
        >>> made = sn.load(folder)
        >>> made.kind, made.tracked.name, made.machine().moduli
        ('group', 'S3', (2, 3))
        >>> sn.load(lambda ids: ids[..., None].float(), {"letters": [5, 6]}).kind
        'module'
    """
    if reading is not None:
        from ..models.foreign.reading import Reading

        reading = Reading.of(reading)
    found = _opened(model, reading)
    if reading is not None and found.kind not in (CHECKPOINT, MODULE):
        raise InputError(f"{found} holds {TITLES[found.kind]}, which needs no reading: leave it out")
    return found


def _opened(model: Any, reading: Reading | None) -> Artifact:
    if isinstance(model, Artifact):
        if reading is None:
            return model
        return Artifact(model._folder, model._given, model._foreign, reading)
    if isinstance(model, str | Path) and ".py:" in str(model):
        return Artifact(None, foreign=str(model), reading=reading)
    if isinstance(model, str | Path | Folder):
        found = Artifact(opened(model), reading=reading)
        if found.kind == RUN and reading is None:  # of trained checkpoints the best one, which is read as such
            return found._best_checkpoint() or found
        return found
    if callable(model):
        from ..models.network import DCDNetwork

        if isinstance(model, DCDNetwork):
            return Artifact(None, model, reading=reading)
        return Artifact(None, foreign=model, reading=reading)
    raise InputError(
        f"{str(model)[:60]!r} ({type(model).__name__}); wanted a folder, a network of subnormal, or a callable"
    )
