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

import csv
import io
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...algebra.groups.group import Group
from ...common.errors import InputError
from ...common.reading import read_csv
from ...common.writing import write_file
from .tasks import Task

SPECIAL_TOKENS = ("PAD", "BOS", "UNK", "EOS", "SEP", "CLS", "MASK")
COLUMNS = ["seed", "input", "target"]


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
    """Write words (count, length) of a task, positions in its alphabet, in the field's format; returns the file.

    Raises:
        InputError: the group has no name in the format, or the folder cannot be written.
    """
    if not isinstance(task.group, Group):
        raise InputError(f"{task.name}: the format knows groups only; wanted e.g. A4xC5")
    path = folder / file_name(task.group.name, tokens.shape[1])
    inverses = task.group.inverses
    inputs = inverses[np.asarray(task.alphabet)[tokens]]
    targets = inverses[task.labels(np.asarray(tokens, dtype=np.int64))]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for word, products in zip(inputs.tolist(), targets.tolist(), strict=True):
        writer.writerow([seed, " ".join(map(str, word)), " ".join(map(str, products))])
    write_file(path, text.getvalue())
    return path


def read_words(path: Path, group: Group) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The inputs and targets of a file as our elements, both (count, length); targets are checked against the group.

    Raises:
        InputError: the file cannot be read, is not of the format, or its targets are not the products; the line is
        named.
    """
    rows = read_csv(path)
    if not rows or rows[0] != COLUMNS:
        raise InputError(
            f"{path}: line 1: wanted the columns seed,input,target, got {','.join(rows[0] if rows else [])[:60]!r}"
        )
    words: list[list[list[int]]] = []
    for number, row in enumerate(rows[1:], 2):
        words.append(_row(path, number, row, group.order))
        if len(words[-1][0]) != len(words[0][0]):
            raise InputError(
                f"{path}: line {number}: {len(words[-1][0])} elements, the lines before have {len(words[0][0])}"
            )
    if not words:
        raise InputError(f"{path}: no words in it")
    inputs, targets = (group.inverses[np.array([word[i] for word in words])] for i in (0, 1))
    wrong = np.argwhere(Task(group, np.arange(group.order)).labels(inputs) != targets)
    if len(wrong):
        line, place = wrong[0]
        raise InputError(
            f"{path}: line {line + 2}: target {place + 1} is not the product in {group.name} "
            "(permutations composed as p(q(i)), S_n numbered lexicographically)"
        )
    return inputs, targets


def _row(path: Path, number: int, row: list[str], order: int) -> list[list[int]]:
    if len(row) != len(COLUMNS):
        raise InputError(f"{path}: line {number}: {len(row)} columns, wanted seed,input,target")
    word, products = ([_element(path, number, text, order) for text in cell.split()] for cell in row[1:])
    if not word or len(word) != len(products):
        raise InputError(f"{path}: line {number}: {len(word)} inputs and {len(products)} targets")
    return [word, products]


def _element(path: Path, number: int, text: str, order: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10 and int(text) < order):
        raise InputError(f"{path}: line {number}: {text[:20]!r} is not an element; wanted 0 … {order - 1}")
    return int(text)
