"""The field's files of words, `group=k.csv`: columns seed, input, target; elements as numbers separated by spaces.

Facts of the format (the word-problem data of Merrill, Petty and Sabharwal 2024, and its descendants): the target starts
from element 0 and multiplies each input on the right by a table that composes permutations the other way round than
here, (p·q)(i) = p(q(i)); so it is the transpose of ours. S_n is numbered lexicographically, A_n as the even
permutations in that order, Z_n by residues, a direct product `A_x_B` as i·|B| + j. The vocabulary has |G| + 7 entries:
the elements, then PAD, BOS, UNK, EOS, SEP, CLS, MASK; BOS = |G| + 1 stands before input and target.

g ↦ g⁻¹ turns a table into its transpose. So element number j of a file is read as our element j⁻¹, after which the
target is the running product in our convention; writing does the same. Nothing else changes, and a network trained
here tracks the file's words up to that renaming.
"""

from __future__ import annotations

import ast
import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...algebra.groups.group import Group
from ...algebra.tracked import TrackedGroup
from ...common.errors import InputError
from ...common.reading import read_csv
from ...common.wording import default_folder
from ...common.writing import write_file
from .tasks import Task, full_task

SPECIAL_TOKENS = ("PAD", "BOS", "UNK", "EOS", "SEP", "CLS", "MASK")
COLUMNS = ["seed", "input", "target"]

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


def vocabulary_size(order: int) -> int:
    """Entries of the field's vocabulary for a group of that order."""
    return order + len(SPECIAL_TOKENS)


def with_bos(elements: NDArray[np.integer], order: int) -> NDArray[np.int64]:
    """Words (…, length) with the field's BOS token before them, (…, length + 1)."""
    bos = np.full((*elements.shape[:-1], 1), order + SPECIAL_TOKENS.index("BOS"), dtype=np.int64)
    return np.concatenate([bos, np.asarray(elements, dtype=np.int64)], axis=-1)


def group_of_file(path: Path) -> tuple[str, int]:
    """The group, in our names, and the length k of a file called like `A4_x_Z5=10.csv`. InputError for other names."""
    match = re.fullmatch(r"((?:[SAZ]\d+)(?:_x_[SAZ]\d+)*)=(\d{1,6})\.csv", path.name, re.ASCII)
    if not match:
        raise InputError(f"{path.name}: not a name of the form group=k.csv; wanted e.g. S3=10.csv or A4_x_Z5=20.csv")
    return match[1].replace("_x_", "x").replace("Z", "C"), int(match[2])


def file_name(group: str, length: int) -> str:
    """The field's name for words of a group given in ours: (`A4xC5`, 10) is `A4_x_Z5=10.csv`."""
    if not re.fullmatch(r"[SAC]\d+(x[SAC]\d+)*", group, re.ASCII):
        raise InputError(f"{group}: the format knows S_n, A_n, C_n and their direct products; wanted e.g. A4xC5")
    return f"{group.replace('x', '_x_').replace('C', 'Z')}={length}.csv"


def write_words(folder: Path, task: Task, tokens: NDArray[np.integer], seed: int) -> Path:
    """Write words (count, length) of a task, positions in its alphabet, in the field's format; returns the file. An
    automaton's letters and states are written by their names, or numbers where a name has a space in it.

    Raises:
        InputError: the group has no name in the format, or the folder cannot be written.
    """
    letters, states, name = _written_names(task, tokens.shape[1])
    inputs = np.asarray(letters)[np.asarray(task.alphabet)[tokens]]
    targets = np.asarray(states)[task.labels(np.asarray(tokens, dtype=np.int64))]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for word, labels in zip(inputs.tolist(), targets.tolist(), strict=True):
        writer.writerow([seed, " ".join(map(str, word)), " ".join(map(str, labels))])
    path = folder / name
    write_file(path, text.getvalue())
    return path


def _written_names(task: Task, length: int) -> tuple[Sequence[str | int], Sequence[str | int], str]:
    """What is written for each letter and each state, or element; and the file's name."""
    tracked = task.tracked
    if isinstance(tracked, TrackedGroup):
        inverses = tracked.group.inverses.tolist()
        return inverses, inverses, file_name(tracked.name, length)
    written = [
        list(range(len(own))) if any(len(x.split()) != 1 or x in taken for x in own) else list(own)
        for own, taken in ((tracked.letter_names, ()), (tracked.class_names, MASKED))
    ]
    return written[0], written[1], f"{default_folder(tracked.name)}={length}.csv"


def check_words(path: Path, task: Task) -> tuple[int, int]:
    """How many words a file holds and how long they are, every target being the product, or the automaton's state.

    Raises:
        InputError: the file cannot be read, or is not of the format, or a target is another; the line is named.
    """
    if isinstance(task.tracked, TrackedGroup):
        inputs, _ = read_words(path, task.group)
        return len(inputs), inputs.shape[1]
    letters, states, _ = _written_names(task, 1)
    number = {str(x): i for i, x in enumerate(letters)}
    longest, pairs = 0, _pairs(path)
    for line, (word, targets) in enumerate(pairs, 2):
        unknown = next((x for x in word if x not in number), None)
        if unknown is not None:
            known = ", ".join(map(str, letters[:10]))
            raise InputError(f"{path}: line {line}: {unknown[:20]!r} is no letter of {task.name}; wanted {known}")
        if not word or len(word) != len(targets):
            raise InputError(f"{path}: line {line}: {len(word)} inputs and {len(targets)} targets")
        found = task.labels(np.array([number[x] for x in word], dtype=np.int64))
        for place, (state, given) in enumerate(zip(found.tolist(), targets, strict=True), 1):
            if given not in (*MASKED, str(states[state])):
                raise InputError(
                    f"{path}: line {line}: target {place} is {given[:20]!r}, and {task.name} is in state "
                    f"{states[state]} there"
                )
        longest = max(longest, len(word))
    return len(pairs), longest


def read_words(path: Path, group: Group) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The inputs and targets of a file as our elements, both (count, length); targets are checked against the group.

    Raises:
        InputError: the file cannot be read, is not of the format, or its targets are not the products; the line is
        named.

    A BOS before every input and target is left out, and targets that are masked (`MASKED`) are not compared; they come
    back as the products.
    """
    words: list[tuple[list[int], list[int]]] = []
    bos = str(group.order + SPECIAL_TOKENS.index("BOS"))
    for number, (word, targets) in enumerate(_pairs(path, bos), 2):
        if not word or len(word) != len(targets):
            raise InputError(f"{path}: line {number}: {len(word)} inputs and {len(targets)} targets")
        given = [-1 if text in MASKED else _element(path, number, text, group.order) for text in targets]
        words.append(([_element(path, number, text, group.order) for text in word], given))
        if len(word) != len(words[0][0]):
            raise InputError(f"{path}: line {number}: {len(word)} elements, the lines before have {len(words[0][0])}")
    inputs = group.inverses[np.array([word for word, _ in words])]
    numbers = np.array([targets for _, targets in words])
    products = full_task(group).labels(inputs)
    wrong = np.argwhere((products != group.inverses[numbers]) & (numbers >= 0))
    if len(wrong):
        line, place = wrong[0]
        raise InputError(
            f"{path}: line {line + 2}: target {place + 1} is not the product in {group.name} "
            "(permutations composed as p(q(i)), S_n numbered lexicographically)"
        )
    return inputs, products


def _pairs(path: Path, bos: str | None = None) -> list[tuple[list[str], list[str]]]:
    """The symbols of every word and its targets, without a BOS. Raises `InputError`, also where there is none."""
    rows = read_csv(path, wanted="columns seed,input,target")
    if not rows or rows[0] != COLUMNS:
        got = ",".join(rows[0] if rows else [])[:60]
        raise InputError(f"{path}: line 1: wanted the columns seed,input,target, got {got!r}")
    for number, row in enumerate(rows[1:], 2):
        if len(row) != len(COLUMNS):
            raise InputError(f"{path}: line {number}: {len(row)} columns, wanted seed,input,target")
    if len(rows) == 1:
        raise InputError(f"{path}: no words in it")
    return without_bos([(symbols(row[1]), symbols(row[2])) for row in rows[1:]], bos)


def _element(path: Path, number: int, text: str, order: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) < order):
        raise InputError(f"{path}: line {number}: {text[:20]!r} is not an element; wanted 0 … {order - 1}")
    return int(text)
