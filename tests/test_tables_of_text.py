"""Tables of text are laid out as rich lays them out."""

from __future__ import annotations

import io
import random

import pytest
from rich.console import Console
from rich.table import Table

from subnormal.common.terminal import plain_table

WORDS = ["a", "S4", "(1,2,3)", "never", "×", "DeltaProduct,", "x" * 50, "[bold]", "[/x]", ":smile:", "", "  ", "b\nc"]


def by_rich(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


@pytest.mark.parametrize("seed", range(60))
def test_as_rich_prints_them(seed: int) -> None:
    source = random.Random(seed)
    count, width = source.randint(1, 7), source.choice([30, 60, 100, 150])

    def cell() -> str:
        return " ".join(source.choice(WORDS) for _ in range(source.choice([0, 1, 1, 2, 5, 20])))

    heads, *rows = ([cell() for _ in range(count)] for _ in range(source.randint(1, 6)))
    printed = []
    for make in (by_rich, plain_table):
        screen = Console(file=io.StringIO(), width=width, highlight=False, markup=False, emoji=False)
        table = make(*heads)
        for row in rows:
            table.add_row(*row)
        screen.print(table)
        printed.append([line.rstrip() for line in screen.file.getvalue().splitlines()])
    assert printed[1] == printed[0]
