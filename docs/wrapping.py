"""Lines of at most 120 characters in Markdown: `python docs/wrapping.py FILE …` wraps what is longer.

Only paragraphs and entries of lists that hold a longer line are touched. Tables, fenced and indented blocks and
headings stay as they are: their lines cannot be broken. tests/test_docs.py looks for long lines with the same eyes.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

WIDTH = 120
FENCE = re.compile(r"\s*(```|:::)")
ENTRY = re.compile(r"\s*(?:[-*+]|\d+[.)])\s+")
FIXED = re.compile(r"#|\s*\||!\[|<")
MARK = re.compile(r"([-+*=|:>]|#+|\d+[.)])$|```|>|\|")
"""A word that means something else at the beginning of a line."""


def blocks(text: str) -> Iterator[tuple[bool, list[str]]]:
    """The lines of a page in blocks, each with whether it may be wrapped: paragraphs and entries of lists may."""
    fenced, last, number = False, "", 0

    def kind(line: str) -> tuple[bool, int]:
        nonlocal fenced, last, number
        mark = bool(FENCE.match(line))
        before, last = last, line
        fenced ^= mark
        indented = line.startswith("    ") and (not before.strip() or before.startswith("    "))
        if mark or fenced or indented or not line.strip() or FIXED.match(line):
            number += 1
            return False, number
        number += bool(ENTRY.match(line)) or not before.strip()
        return True, number

    for (free, _), lines in groupby(text.split("\n"), kind):
        yield free, list(lines)


def long_lines(text: str) -> list[str]:
    """The lines that are too long and could be wrapped."""
    return [line for free, lines in blocks(text) if free for line in lines if len(line) > WIDTH]


def wrapped(text: str) -> str:
    """The page with its long paragraphs wrapped; code in backticks is kept on one line."""
    done: list[str] = []
    for free, lines in blocks(text):
        done += _filled(lines) if free and max(map(len, lines)) > WIDTH else lines
    return "\n".join(done)


def _filled(lines: list[str]) -> list[str]:
    entry = ENTRY.match(lines[0])
    indent = entry[0] if entry else lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    words = re.findall(r"(?:`[^`]*`|\S)+", " ".join([lines[0][len(indent) :], *lines[1:]]))
    rows = [words[:1]]
    for word in words[1:]:
        if len(indent) + len(" ".join([*rows[-1], word])) <= WIDTH:
            rows[-1].append(word)
            continue
        moved = [word]
        while MARK.match(moved[0]) and len(rows[-1]) > 1:
            moved.insert(0, rows[-1].pop())
        rows.append(moved)
    return [(" " * len(indent) if i else indent) + " ".join(row) for i, row in enumerate(rows)]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        path = Path(name)
        path.write_text(wrapped(path.read_text(encoding="utf-8")), encoding="utf-8")
