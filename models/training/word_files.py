"""Files of words with labels: the field's `group=k.csv`, in its dialects, and JSON lines.

The field's columns are seed, input, target; elements are numbers separated by spaces. Read are also `input,target` and
`length,input,target`, cells that are printed lists, a BOS before input and target, a target that is the last label
alone, and JSON lines with the same names. Written are CSV, JSON lines with names, and lines of text for language
models.

Facts of the format (the word-problem data of Merrill, Petty and Sabharwal 2024, and its descendants): the target starts
from element 0 and multiplies each input on the right by a table that composes permutations the other way round than
here, (p·q)(i) = p(q(i)); so it is the transpose of ours. S_n is numbered lexicographically, A_n as the even
permutations in that order, Z_n by residues, a direct product `A_x_B` as i·|B| + j. The vocabulary has |G| + 7 entries:
the elements, then PAD, BOS, UNK, EOS, SEP, CLS, MASK; BOS = |G| + 1 stands before input and target.

g ↦ g⁻¹ turns a table into its transpose. So element number j of a file is read as our element j⁻¹, after which the
target is the running product in our convention; writing does the same. Nothing else changes, and a network trained
here tracks the file's words up to that renaming. Files whose numbers are ours, and those with names, are read too: the
convention is the one that every given target agrees with.
"""

from __future__ import annotations

import ast
import csv
import io
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...algebra.arithmetic.permutations import cycles
from ...algebra.tracked import Tracked, TrackedAutomaton, TrackedGroup
from ...common.errors import InputError
from ...common.reading import parse_json, read_csv, read_text
from ...common.wording import default_folder
from ...common.writing import write_file
from .tasks import Task

SPECIAL_TOKENS = ("PAD", "BOS", "UNK", "EOS", "SEP", "CLS", "MASK")
COLUMNS = ["seed", "input", "target"]

BESIDE = ("seed", "length")
"""Columns that may stand beside input and target. A length is compared with the word."""

FORMATS = ("csv", "jsonl", "text")
"""What words are written as."""

MASKED = ("-", "-100")
"""Targets that say that no label is given here; -100 is what losses ignore in the field's training code."""

PRINTED_ARRAY = re.compile(r"\[\s*-?\d+(\s+-?\d+)*\s*\]", re.ASCII)


def symbols(cell: str) -> list[str]:
    """The symbols of a cell: separated by spaces, or a list as Python or NumPy prints it, `[0, 3, 1]` or `[0 3 1]`.

    Brackets that are symbols themselves, as in Dyck words `[ ( ) ]`, stay symbols.
    """
    text = cell.strip()
    if PRINTED_ARRAY.fullmatch(text):
        return text[1:-1].split()
    if text.startswith("[") and text.endswith("]"):
        try:
            found = ast.literal_eval(text)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            found = None
        if isinstance(found, list) and found and all(type(x) in (int, str) for x in found):
            return [str(x) for x in found]
    return text.split()


def without_bos(
    pairs: Sequence[tuple[list[str], list[str]]], bos: str | None = None
) -> list[tuple[list[str], list[str]]]:
    """Words and targets without a BOS: one symbol that begins every word and stands nowhere else, where the target has
    the same symbol, as nowhere else, or none (`MASKED`).

    Arguments:
        pairs: of each word its symbols and its targets.
        bos: the symbol; None for whichever it is, in two words or more.
    """
    if not pairs or not all(word for word, _ in pairs) or (bos is None and len(pairs) == 1):
        return list(pairs)
    first = pairs[0][0][0] if bos is None else bos
    for word, targets in pairs:
        alone = word[0] == first and first not in word[1:] and first not in targets[1:]
        if not alone or not len(word) == len(targets) > 1 or targets[0] not in (first, *MASKED):
            return list(pairs)
    return [(word[1:], targets[1:]) for word, targets in pairs]


def group_of_file(path: Path) -> tuple[str, int | None]:
    """The group, in our names, and the length k, of a file called like `A4_x_Z5=10.csv`, `Q8=20.jsonl` or `S3.csv`
    (None). InputError for other names."""
    match = re.fullmatch(r"([^=]+?)(?:=(\d{1,6}))?\.(?:csv|jsonl)", path.name, re.ASCII)
    if not match:
        raise InputError(f"{path.name}: not a name of the form group=k.csv; wanted e.g. S3=10.csv or A4_x_Z5=20.csv")
    name = re.sub(r"\bZ(?=\d)", "C", match[1].replace("_x_", "x").replace("xZ", "xC"))
    return name, int(match[2]) if match[2] else None


def file_name(name: str, length: int, ending: str = "csv") -> str:
    """The name of a file of words: for a group that the field knows, in our notation (`A4xC5`, 10), its own,
    `A4_x_Z5=10.csv`; for any other `SL_2_3=10.csv`."""
    if re.fullmatch(r"[SAC]\d+(x[SAC]\d+)*", name, re.ASCII):
        return f"{name.replace('x', '_x_').replace('C', 'Z')}={length}.{ending}"
    return f"{default_folder(name)}={length}.{ending}"


def write_words(
    folder: Path, tracked: Tracked, tokens: NDArray[np.integer], seed: int, form: str = "csv", last: bool = False
) -> Path:
    """Write words (count, length), numbers of letters, with their labels; returns the file.

    In the field's CSV the elements of a listed group are numbers in the field's convention. Elsewhere, and for
    automata and groups too large to list, letters and labels are names (of an automaton numbers where one has a space
    in it), and products are taken from left to right. Text has a line for each word, `letters = last label`.

    Arguments:
        folder: of the file.
        tracked: what the words are over.
        tokens: the words.
        seed: that they were drawn with.
        form: one of `FORMATS`.
        last: write the last label alone.

    Raises:
        InputError: the form is not known, or the folder cannot be written.
    """
    if form not in FORMATS:
        raise InputError(f"unknown format {form[:40]!r}; wanted one of {', '.join(FORMATS)}")
    names = _numbered(tracked) if form == "csv" and isinstance(tracked, TrackedGroup) else _named(tracked)
    pairs = [_written(tracked, word, names, last or form == "text") for word in np.asarray(tokens, dtype=np.int64)]
    if form == "csv":
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows([seed, " ".join(word), " ".join(labels)] for word, labels in pairs)
        content = text.getvalue()
    elif form == "jsonl":
        content = "".join(
            json.dumps({"seed": seed, "input": word, "target": labels}, ensure_ascii=False) + "\n"
            for word, labels in pairs
        )
    else:
        content = "".join(f"{' '.join(word)} = {labels[-1]}\n" for word, labels in pairs)
    path = folder / file_name(tracked.name, tokens.shape[1], {"text": "txt"}.get(form, form))
    write_file(path, content)
    return path


def _written(
    tracked: Tracked, word: NDArray[np.int64], names: tuple[Sequence[str], Sequence[str]], last: bool
) -> tuple[list[str], list[str]]:
    """The letters and the labels of one word as they are written."""
    found = tracked.run(word)[-1:] if last else tracked.run(word)
    labels = [names[1][label] for label in found] if tracked.is_listed else [cycles(image) for image in found]
    return [names[0][letter] for letter in word], labels


def _numbered(tracked: TrackedGroup) -> tuple[Sequence[str], Sequence[str]]:
    """Letters and elements by the field's numbers."""
    numbers = [str(number) for number in tracked.group.inverses.tolist()]
    return [numbers[element] for element in tracked.alphabet.tolist()], numbers


def _named(tracked: Tracked) -> tuple[Sequence[str], Sequence[str]]:
    """Letters and labels by name, without spaces; a group too large to list has no names of labels."""
    if not tracked.is_listed:
        return tracked.letter_names, ()
    if isinstance(tracked, TrackedGroup):
        names = [cycles(image) for image in tracked.group.elements]
        return [names[element] for element in tracked.alphabet.tolist()], names
    return _without_spaces(tracked.letter_names, ()), _without_spaces(tracked.class_names, MASKED)


def _without_spaces(names: Sequence[str], taken: Sequence[str]) -> list[str]:
    spaced = any(len(name.split()) != 1 or name in taken for name in names)
    return [str(number) for number in range(len(names))] if spaced else list(names)


# ---------------------------------------------------------------------------------------------- reading


def is_word_file(path: str | Path) -> bool:
    """Whether a path is that of a file of words with labels: by its first line."""
    place = Path(path)
    if place.suffix not in (".csv", ".jsonl") or not place.is_file():
        return False
    with place.open("rb") as file:
        first = file.readline(1 << 20).decode("utf-8", "replace")
    if place.suffix == ".jsonl":
        return '"input"' in first and '"target"' in first
    return {"input", "target"} <= {name.strip().lower() for name in first.split(",")}


@dataclass(frozen=True, eq=False)
class TaskWords:
    """The words of a file, over the letters of a task.

    Arguments:
        tokens: numbers of letters, shape (words, longest); after a word's end letter 0.
        labels: the label that follows each letter, the same shape; -1 after a word's end.
        given: where the file gives the label, the same shape.
        lengths: of the words.
        convention: how the file's symbols were read.
    """

    tokens: NDArray[np.int64]
    labels: NDArray[np.int64]
    given: NDArray[np.bool_]
    lengths: NDArray[np.int64]
    convention: str


FIELD, PLAIN, NAMES = "the field's numbers, p(q(i))", "our numbers, from left to right", "names, from left to right"


def read_task_words(path: Path, task: Task) -> TaskWords:
    """The words of a file over the letters of a task, every given label being the right one.

    Elements of a group are numbers in the field's convention or in ours, or names; whichever every given target agrees
    with, in this order. Letters and states of an automaton are names or numbers.

    Raises:
        InputError: the file cannot be read, a symbol is not known, or a target is wrong in every convention; the line
            is named.
    """
    tracked = task.tracked
    bos = str(tracked.classes + SPECIAL_TOKENS.index("BOS")) if isinstance(tracked, TrackedGroup) else None
    pairs = without_bos(read_pairs(path), bos)
    problems = []
    for convention, letters, classes in _conventions(tracked):
        try:
            return _over_letters(path, pairs, task, convention, letters, classes)
        except InputError as error:
            problems.append(error)
    known = [problem for problem in problems if not isinstance(problem, _UnknownSymbolError)]
    raise (known or problems)[0]


class _UnknownSymbolError(InputError):
    """A symbol is none of a convention's: the file is of another."""


def _conventions(tracked: Tracked) -> Iterator[tuple[str, Mapping[str, int], Mapping[str, int]]]:
    """How symbols may be meant: a name, and what they stand for as letters and as labels."""
    if isinstance(tracked, TrackedGroup):
        letters, classes = _numbered(tracked)
        yield FIELD, _places(letters), _places(classes)
        yield PLAIN, _places(tracked.letter_names), _places(tracked.class_names)
    letters, classes = _named(tracked)
    yield NAMES, _places(letters), _places(classes)
    if isinstance(tracked, TrackedAutomaton):
        yield PLAIN, _places(map(str, range(tracked.count))), _places(map(str, range(tracked.classes)))


def _places(names: Any) -> dict[str, int]:
    return {name: place for place, name in enumerate(names)}


def _over_letters(
    path: Path,
    pairs: Sequence[tuple[list[str], list[str]]],
    task: Task,
    convention: str,
    letters: Mapping[str, int],
    classes: Mapping[str, int],
) -> TaskWords:
    lengths = np.array([len(word) for word, _ in pairs])
    tokens = np.zeros((len(pairs), int(lengths.max())), dtype=np.int64)
    wanted = np.full_like(tokens, -1)
    first = first_line(path)
    for row, (word, targets) in enumerate(pairs):
        for symbol in word:
            if symbol not in letters:
                known = ", ".join(list(letters)[:10])
                raise _UnknownSymbolError(
                    f"{path}: line {row + first}: {symbol[:20]!r} is no letter of {task.name}; wanted {known}"
                )
        for symbol in targets:
            if symbol not in MASKED and symbol not in classes:
                known = ", ".join(list(classes)[:10])
                raise _UnknownSymbolError(
                    f"{path}: line {row + first}: {symbol[:20]!r} is no {task.tracked.outcome} of {task.name}; wanted "
                    f"{known}"
                )
        tokens[row, : len(word)] = [letters[symbol] for symbol in word]
        wanted[row, : len(word)] = [-1 if symbol in MASKED else classes[symbol] for symbol in targets]
    labels = task.labels(tokens)
    labels[np.arange(tokens.shape[1]) >= lengths[:, None]] = -1
    wrong = np.argwhere((wanted >= 0) & (wanted != labels))
    if len(wrong):
        row, place = wrong[0]
        shown = pairs[row][1][place]
        name = next(name for name, number in classes.items() if number == labels[row, place])
        group = isinstance(task.tracked, TrackedGroup)
        right = f"the product in {task.name} is {name}" if group else f"{task.name} is in state {name}"
        raise InputError(
            f"{path}: line {row + first}: target {place + 1} is {shown[:20]!r}, and {right} there ({convention})"
        )
    return TaskWords(tokens, labels, wanted >= 0, lengths, convention)


def check_words(path: Path, task: Task) -> tuple[int, int]:
    """How many words a file holds and how long they are; every given target is the product, or the automaton's state.

    Raises:
        InputError: the file cannot be read, or is not of the format, or a target is another; the line is named.
    """
    found = read_task_words(path, task)
    return len(found.tokens), found.tokens.shape[1]


def first_line(path: Path) -> int:
    """The line of a file's first word: JSON lines have no header."""
    return 1 if path.suffix == ".jsonl" else 2


def read_pairs(path: Path) -> list[tuple[list[str], list[str]]]:
    """The symbols of every word and as many targets, a BOS among them; a target that is the last label alone has `-`
    before it.

    Raises:
        InputError: the file cannot be read, is not of the format, or has no words; the line is named.
    """
    rows = list(_json_rows(path) if path.suffix == ".jsonl" else _csv_rows(path))
    if not rows:
        raise InputError(f"{path}: no words in it")
    found = []
    for line, (word, targets, length) in enumerate(rows, first_line(path)):
        labels = [*[MASKED[0]] * (len(word) - 1), *targets] if len(targets) == 1 else targets
        if not word or len(word) != len(labels):
            hint = "; a label that is not given is written -" if len(labels) < len(word) else ""
            raise InputError(
                f"{path}: line {line}: {len(word)} tokens and {len(labels)} labels, wanted one label each, or the last "
                f"one alone{hint}"
            )
        if length is not None and length not in (str(len(word)), str(len(word) - 1)):  # the latter before a BOS
            raise InputError(f"{path}: line {line}: length {length[:20]!r}, and the input has {len(word)} tokens")
        found.append((word, labels))
    return found


Raw = tuple[list[str], list[str], str | None]
"""Symbols of a word, its targets, and its length as the file states it."""


def _csv_rows(path: Path) -> Iterator[Raw]:
    rows = read_csv(path, wanted="columns seed,input,target")
    names = [name.strip().lower() for name in rows[0]] if rows else []
    if sorted(set(names) - set(BESIDE)) != ["input", "target"] or len(set(names)) < len(names):
        got = ",".join(rows[0] if rows else [])[:60]
        raise InputError(
            f"{path}: line 1: wanted the columns seed,input,target (input and target, and perhaps seed or length), got "
            f"{got!r}"
        )
    word, target = names.index("input"), names.index("target")
    for line, row in enumerate(rows[1:], 2):
        if len(row) != len(names):
            raise InputError(f"{path}: line {line}: {len(row)} columns, wanted {','.join(names)}")
        length = row[names.index("length")].strip() if "length" in names else None
        yield symbols(row[word]), symbols(row[target]), length


def _json_rows(path: Path) -> Iterator[Raw]:
    for line, text in enumerate(read_text(path).splitlines(), 1):
        if not text.strip():
            continue
        row = parse_json(text.encode(), f"{path}: line {line}")
        if not isinstance(row, dict) or not {"input", "target"} <= set(row):
            raise InputError(f'{path}: line {line}: wanted an object with "input" and "target", each a list of symbols')
        length = str(row["length"]) if row.get("length") is not None else None
        yield _symbols_of(row["input"], path, line), _symbols_of(row["target"], path, line), length


def _symbols_of(value: Any, path: Path, line: int) -> list[str]:
    if isinstance(value, str):
        return symbols(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return [str(value)]
    if isinstance(value, list) and all(isinstance(x, str | int) and not isinstance(x, bool) for x in value):
        return [str(x) for x in value]
    raise InputError(f"{path}: line {line}: {str(value)[:40]!r}; wanted a list of symbols, or a text with spaces")
