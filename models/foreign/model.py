"""A model that somebody else made, black box: words of letters in, classes out.

`ForeignModel` is the one place that runs it. It knows nothing of what the model should track; a `Reading` says how
letters become token ids and logits answers.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ...algebra.tracked import Tracked
from ...common.errors import InputError
from ...common.reading import one_line
from ..network import DCDNetwork
from ..training.tasks import Task
from .reading import EVERY, NO_ANSWER, OTHER, RIGHT, Reading
from .ways import Way, way_of

Words = NDArray[np.int64]

ENTRIES = 1 << 25
"""Of all numbers that are computed on the way for a batch, about: 128 MiB in float32."""

HIDDEN_COPIES = 32
"""So many numbers for each token and coordinate of the residual stream are held at a time, about."""


_NOBODY_KNOWS = (
    "between: the right answers stand between letters, and nobody says what they are; wanted what the model should "
    'track too, e.g. S3, or "between": "own"'
)


class ForeignModel:
    """Anybody's model, read by a reading.

    Arguments:
        run: token ids, int64 (batch, tokens) → logits (batch, tokens, logits), or (batch, logits) where the answer
            is read behind the word.
        reading: resolved, see `Reading.resolved`.
        name: for messages.
        module: the `torch.nn.Module` behind it; None where there is none.
        config: of a Hugging Face model; None else.
        batch: words that are run at a time; None for as many as fit into `ENTRIES`.
        folder: where it was read from; None for one in hand.
        truth: words (n, length) to the right answers after each letter, where the reading puts answers between letters;
            None where nobody knows them.
        made: whether `name` is of what makes the model.

    Attributes:
        letters, classes: how many there are.
        picked: how the logits are taken out of what it returns, in Python: `.logits`, `[0]`; known once it was run.
        one_answer: whether it returned (batch, logits).

    Example:
        >>> parity = lambda ids: torch.nn.functional.one_hot(ids.cumsum(1) % 2, 2).float()
        >>> model = foreign_model(parity, {"letters": [0, 1], "classes": [0, 1]})
        >>> model.answers(np.array([[1, 0, 1]])).tolist()
        [[1, 1, 0]]
    """

    def __init__(
        self,
        run: Callable[[Tensor], Any],
        reading: Reading,
        name: str,
        *,
        module: nn.Module | None = None,
        config: dict[str, Any] | None = None,
        batch: int | None = None,
        folder: Path | None = None,
        truth: Callable[[Words], Words] | None = None,
        made: bool = False,
    ) -> None:
        self.truth, self.made = truth, made
        self.picked, self.one_answer = "", False
        self.run, self.reading, self.name = run, reading, name
        self.module, self.config, self.batch, self.folder = module, config, batch, folder
        self.letters, self.classes = len(reading.spellings), len(reading.logits)
        self._width = 0  # of the logits, once seen

    def __repr__(self) -> str:
        return f"{self.name}: {self.letters} letters, {self.classes} classes; {self.reading.describe()}"

    def answers(self, words: Words, *, way: str | Way = "whole") -> Words:
        """The class that the model answers with after each prefix.

        Arguments:
            words: numbers of letters, int64 (n, length).
            way: how they are read: `whole`, `cached`, `left`, `pieces` or `bfloat16` (`ways.WAYS`); or what
                `ways.way_of` made of such a name.

        Returns:
            int64 (n, length): classes; -1 where the reading has no answer at that position; -2 where the most likely
            is no answer, or not a number.

        Raises:
            InputError: no such words, no such way for this model, or the model fails on them.
        """
        words = np.asarray(words)
        if words.ndim != 2 or words.dtype.kind not in "iu":
            raise InputError(f"words of shape {words.shape} and {words.dtype}; wanted whole numbers (n, length)")
        if words.size and (words.min() < 0 or words.max() >= self.letters):
            raise InputError(
                f"letters {words.min()} … {words.max()}; {self.name} is read with letters 0 … {self.letters - 1}"
            )
        found = np.full(words.shape, NO_ANSWER, dtype=np.int64)
        if not words.size:
            return found
        runner = way_of(self, way) if isinstance(way, str) else way
        for rows in self._batches(words):
            found[rows] = self.in_one_batch(words[rows], runner)
        return found

    def in_one_batch(self, words: Words, runner: Way) -> Words:
        """`answers`, of all words together."""
        return self._answered(words, runner, self._between(words, runner))

    def _answered(self, words: Words, runner: Way, between: Words | None) -> Words:
        ids, ends = self.reading.tokens(words, between)
        with torch.inference_mode(), _evaluating(runner.module):
            best = runner.best(torch.from_numpy(ids), ends, self).numpy()
        found = np.full(words.shape, NO_ANSWER, dtype=np.int64)
        rows, columns = np.nonzero(ends >= 0)
        at = ends[rows, columns] if best.shape[1] == ids.shape[1] else -1
        found[rows, columns] = best[rows, at]
        return found

    def _between(self, words: Words, runner: Way) -> Words | None:
        """The answers that stand between the letters of words; None where none do.

        The model's own are found without a pass for each letter: words are run with answers that are guessed, the right
        ones where they are known, and again with those that came out, until what is read is what is answered. Each
        pass settles one letter more at least, as an answer depends on what stands before it alone; one pass does for a
        model that is right.
        """
        reading = self.reading
        if reading.between is None or not words.size:
            return None if reading.between is None else np.zeros(words.shape, dtype=np.int64)
        known = self.truth(words) if self.truth is not None else None
        if reading.between == RIGHT:
            if known is None:
                raise InputError(_NOBODY_KNOWS)
            return known
        guessed = np.zeros(words.shape, dtype=np.int64) if known is None else known
        for _ in range(words.shape[1] + 1):
            found = np.maximum(self._answered(words, runner, guessed), 0)
            if np.array_equal(found[:, :-1], guessed[:, :-1]):
                return found
            guessed = found
        raise InputError(
            f"{self.name} does not settle on its own answers: one depends on what stands behind it, or on the batch; "
            'wanted a causal model, or "between": "right"'
        )

    def tokens(self, words: Words) -> tuple[Words, Words]:
        """The token ids of words, and where each letter's answer is, as `Reading.tokens`; with the answers that stand
        between letters."""
        between = None
        if self.reading.between is not None:
            between = self._between(words, way_of(self, "whole"))
        return self.reading.tokens(words, between)

    def _batches(self, words: Words) -> Iterator[NDArray[np.intp]]:
        """Rows that are run together. Where nothing may stand behind a word they have equally many tokens."""
        sizes = np.array([len(one) for one in self.reading.spellings])
        lengths = sizes[words].sum(axis=1) + (words.shape[1] if self.reading.between is not None else 0)
        equal = self.reading.answer != EVERY
        order = np.argsort(lengths, kind="stable") if equal else np.arange(len(words))
        begin = 0
        while begin < len(order):
            size = self.batch_for(int(lengths[order[begin:]].max()))
            rows = order[begin : begin + size]
            if equal:
                rows = rows[lengths[rows] == lengths[rows[0]]]
            yield rows
            begin += len(rows)

    def batch_for(self, tokens: int) -> int:
        """How many words of so many tokens are run at a time."""
        if self.batch is not None:
            return self.batch
        width = self._width or len(self.reading.logits)
        return max(1, ENTRIES // (max(1, tokens) * (width + HIDDEN_COPIES * self._hidden)))

    def most_tokens(self, length: int) -> int:
        """The most token ids of a word of so many letters."""
        around = len(self.reading.before) + len(self.reading.after)
        return around + length * (max(len(one) for one in self.reading.spellings) + (self.reading.between is not None))

    def require_length(self, length: int, entries: int) -> None:
        """Raises `InputError` where one word of so many letters takes more than so many numbers."""
        each = (self._width or len(self.reading.logits)) + HIDDEN_COPIES * self._hidden
        most = entries // each
        if self.most_tokens(length) > most:
            letters = most * length // self.most_tokens(length)
            raise InputError(
                f"length {length:,}: {self.name} reads a word in one pass, about {each * 4:,} bytes a token; wanted at "
                f"most {letters:,}"
            )

    @cached_property
    def _hidden(self) -> int:
        if self.module is not None:
            return max((p.shape[-1] for p in self.module.parameters() if p.dim() > 1), default=64)
        return 64

    def best(self, logits: Tensor) -> Tensor:
        """Logits (…, logits) to classes (…), on the CPU."""
        self._width = width = logits.shape[-1]
        classes = self.reading.logits
        if max(classes) >= width:
            raise InputError(
                f"classes: logit {max(classes)} is read, and {self.name} has {width:,} at a position; wanted one for "
                f"each class"
                + (f", e.g. --reading with classes below {width:,}" if len(classes) <= width else f", {len(classes):,}")
            )
        plain = classes == tuple(range(width))
        if self.reading.among == "answers" and not plain:
            chosen = logits.index_select(-1, torch.tensor(classes, device=logits.device))
            values, places = chosen.max(-1)
        else:
            values, places = logits.max(-1)
            if not plain:
                table = torch.full((width,), OTHER, device=logits.device)
                table[list(classes)] = torch.arange(len(classes), device=logits.device)
                places = table[places]
        return torch.where(values.isnan(), OTHER, places).cpu()

    def logits(self, ids: Tensor, instead: nn.Module | None = None) -> Tensor:
        """What the model gives for token ids, (batch, tokens, logits).

        Arguments:
            ids: int64 (batch, tokens).
            instead: a copy of its module that is run instead.

        Raises:
            InputError: it fails, or gives something else.
        """
        return self.checked(self.called(self.run if instead is None else _plain(instead), ids), ids)

    def called(self, run: Callable[[Tensor], Any], ids: Tensor) -> Any:
        """What a call gives for token ids, on the device of the module. Raises `InputError` where it fails."""
        device = next((p.device for p in self.module.parameters()), None) if self.module is not None else None
        with model_faults(self.name, ids):
            return run(ids if device is None else ids.to(device))

    def checked(self, given: Any, ids: Tensor) -> Tensor:
        """The logits in what a call gave. Raises `InputError` where there are none of the right shape."""
        found, self.picked = _picked(given)
        self.one_answer = isinstance(found, Tensor) and found.dim() == 2
        return logits_of(given, ids, self.name, self.reading)

    def last_logits(self, word: Sequence[int]) -> Tensor:
        """What it gives behind a word, (logits,), on the CPU. Raises `InputError` where it fails."""
        with torch.inference_mode(), _evaluating(self.module):
            return self.logits(torch.tensor([self.ids(word)]))[0, -1].cpu()

    def ids(self, word: Sequence[int]) -> list[int]:
        """The token ids of one word."""
        ids, ends = self.tokens(np.array([list(word)], dtype=np.int64).reshape(1, -1))
        stop = int(ends[0, -1]) + 1 if self.reading.between is not None and len(word) else ids.shape[1]
        return [int(x) for x in ids[0, :stop]]  # an answer to the last letter is not read any more


@contextmanager
def model_faults(name: str, ids: Tensor | None = None) -> Iterator[None]:
    """Whatever a model raises, as an `InputError` of one line.

    Arguments:
        name: of the model.
        ids: what it was given, (batch, tokens).
    """
    try:
        yield
    except (InputError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        told = f"{name} raised {type(error).__name__}: {one_line(error, 120)}"
        if isinstance(error, IndexError) and ids is not None and ids.numel():
            told += (
                f" (letters: it was given ids up to {int(ids.max()):,}, {ids.shape[1]:,} tokens a word; wanted a "
                "reading with ids that it knows, and no longer words than it takes, --length)"
            )
        raise InputError(told) from None


def _picked(given: Any) -> tuple[Any, str]:
    """What a model returned without what stands around it, and how that is taken out."""
    if hasattr(given, "logits"):
        return given.logits, ".logits"
    if isinstance(given, Mapping) and "logits" in given:
        return given["logits"], "['logits']"
    if isinstance(given, tuple | list) and given:
        return given[0], "[0]"
    return given, ""


def logits_of(given: Any, ids: Tensor, name: str, reading: Reading) -> Tensor:
    """The logits in what a model returned. Raises `InputError` where there are none of the right shape."""
    found, _ = _picked(given)
    if isinstance(found, np.ndarray):
        with suppress(TypeError):  # of numbers that torch does not know: told below
            found = torch.from_numpy(found)
    wanted = f"wanted logits (batch, tokens, classes), here {tuple(ids.shape)} and the classes"
    if not isinstance(found, Tensor):
        raise InputError(f"{name} returned a {type(given).__name__}; {wanted}")
    one = reading.answer != EVERY and found.dim() == 2 and len(found) == len(ids)
    if not one and (found.dim() != 3 or found.shape[:2] != ids.shape):
        if found.dim() == 2 and len(found) == len(ids) and found.shape != ids.shape:
            wanted += '; one answer for each word is read by --reading with "answer": "last"'
        raise InputError(f"{name} returned shape {tuple(found.shape)}; {wanted}")
    if found.is_complex() or found.dtype == torch.bool:
        raise InputError(f"{name} returned {found.dtype}; wanted real logits")
    return found[:, None] if one else found


@contextmanager
def _evaluating(module: nn.Module | None) -> Iterator[None]:
    """Dropout and the like are off within it, and as they were behind it."""
    training = [] if module is None else [part for part in module.modules() if part.training]
    for part in training:
        part.training = False
    try:
        yield
    finally:
        for part in training:
            part.training = True


ModelLike = Any
"""A Hugging Face folder, a loaded model, a callable, the text `file.py:function`, or a `ForeignModel`."""


def model_of_network(network: DCDNetwork, tracked: Tracked | None = None, *, batch: int | None = None) -> ForeignModel:
    """A network of ours, asked as anybody's model: letter i is token i, class i is output i.

    Arguments:
        network: it.
        tracked, batch: as for `foreign_model`.
    """
    plain = {"letters": list(range(network.alphabet_size)), "classes": list(range(network.classes))}
    return foreign_model(network, plain, tracked, batch=batch)


def foreign_model(
    model: ModelLike,
    reading: Reading | Mapping[str, Any] | str | Path | None = None,
    tracked: Tracked | None = None,
    *,
    batch: int | None = None,
) -> ForeignModel:
    """Take anybody's model.

    Arguments:
        model: a Hugging Face folder, a loaded `PreTrainedModel`, a `torch.nn.Module` or another callable from token
            ids (batch, tokens) to logits (batch, tokens, classes), or the text `path/to/file.py:function`.
        reading: how it is read; None for the default, or for what a checkpoint of ours says itself.
        tracked: what it should track: it says how many letters and classes there are, and what they are called.
        batch: words that are run at a time; None for as many as fit into memory.

    Raises:
        InputError: it cannot be read, or the reading does not fit; the message names the field.
    """
    if isinstance(model, ForeignModel):
        return model
    given = Reading.of(reading)
    folder, own, made = None, None, False
    if isinstance(model, str | Path):
        if ".py:" in str(model) and not Path(model).is_dir():
            run, made = model_of(function_of(str(model)), str(model))
            name = str(model)
        else:
            from .checkpoint import load_checkpoint, own_checkpoint

            folder = Path(model)
            name = str(model)
            if reading is None and (written := own_checkpoint(folder)) is not None:
                own = written.reading(tracked)
            run = load_checkpoint(folder)
    else:
        run, name = model, _name(model)
    if not callable(run):
        raise InputError(f"{name}: a {type(run).__name__}; wanted a folder, a module, or a callable from ids to logits")
    module = run if isinstance(run, nn.Module) else None
    config = _config(run)
    ids, logits = _sizes(module)
    if own is not None:
        given = own
    if given.pad is None and config is not None and isinstance(config.get("pad_token_id"), int):
        pad = config["pad_token_id"]
        given = Reading(**{**vars(given), "pad": pad if ids is None or 0 <= pad < ids else None})
    letters = None if tracked is None else tracked.letter_names
    classes = None if tracked is None or not tracked.is_listed else tracked.class_names
    if own is not None:  # it has found them by their names
        letters, classes = None, None
    resolved = given.resolved(letters, classes, ids, logits)
    truth = None
    if tracked is not None and tracked.is_listed:
        truth = partial(Task(tracked).labels, start=int(tracked.start))
    if resolved.between == RIGHT and truth is None:
        raise InputError(_NOBODY_KNOWS)
    return ForeignModel(
        _plain(run), resolved, name, module=module, config=config, batch=batch, folder=folder, truth=truth, made=made
    )


def _plain(run: Callable[..., Any]) -> Callable[[Tensor], Any]:
    """A Hugging Face model is called without a cache, which would cost memory."""
    if _config(run) is None:
        return run
    accepted = inspect.signature(getattr(run, "forward", run)).parameters
    options = {"use_cache": False} if "use_cache" in accepted else {}
    return lambda ids: run(input_ids=ids, **options)


def _config(run: Any) -> dict[str, Any] | None:
    config = getattr(run, "config", None)
    found = config.to_dict() if config is not None and hasattr(config, "to_dict") else None
    return found if isinstance(found, dict) and "model_type" in found else None


def _sizes(module: nn.Module | None) -> tuple[int | None, int | None]:
    """How many token ids and logits a Hugging Face model has; None where it does not say."""
    found: list[int | None] = []
    for ask in ("get_input_embeddings", "get_output_embeddings"):
        try:
            part = getattr(module, ask)()
            found.append(int(part.weight.shape[0]))
        except (AttributeError, NotImplementedError, TypeError):
            found.append(None)
    return found[0], found[1]


def _name(model: Any) -> str:
    return str(getattr(model, "__name__", type(model).__name__))[:80]


def function_of(text: str) -> Callable[..., Any]:
    """The callable that `path/to/file.py:function` names. The file is run.

    Raises:
        InputError: there is no such file, it cannot be run, or nothing of that name in it can be called.
    """
    where, _, name = text.rpartition(":")
    path = Path(where)
    if path.suffix != ".py" or not path.is_file():
        raise InputError(f"{text[:200]}: no file {where[:200]!r}; wanted path/to/file.py:function, or a folder")
    spec = importlib.util.spec_from_file_location(f"_foreign_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    sys.path.insert(0, str(path.resolve().parent))
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        raise InputError(f"{where}: {type(error).__name__}: {one_line(error, 120)}") from None
    finally:
        sys.path.remove(str(path.resolve().parent))
    found: Callable[..., Any] | None = getattr(module, name, None)
    if not callable(found):
        raise InputError(f"{where} has no function {name[:60]!r}; wanted one from token ids to logits")
    return found


def model_of(found: Callable[..., Any], name: str) -> tuple[Callable[..., Any], bool]:
    """What a name in a file stands for: the model, or, of a class or a function without arguments, what it makes.

    Arguments:
        found: as `function_of` gives it.
        name: for messages.

    Returns:
        The model, and whether it was made.

    Raises:
        InputError: nothing can be made without arguments, it fails, or what comes out cannot be called.
    """
    try:
        accepted = inspect.signature(found).parameters.values()
    except (TypeError, ValueError):  # built in: nobody knows
        return found, False
    if isinstance(found, type):
        free = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
        needed = [p.name for p in accepted if p.default is p.empty and p.kind not in free]
        if needed:
            raise InputError(
                f"{name} is a class that wants {', '.join(needed)[:100]}; wanted a model: write e.g. "
                f"`model = {found.__name__}(…)` into the file, and name it by :model"
            )
    elif isinstance(found, nn.Module) or any(p.kind is not inspect.Parameter.KEYWORD_ONLY for p in accepted):
        return found, False
    with model_faults(name):
        made = found()
    if not callable(made):
        raise InputError(
            f"{name} takes no token ids and made a {type(made).__name__}; wanted a model, or a function from token ids "
            "(batch, tokens) to logits"
        )
    return made, True
