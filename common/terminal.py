"""What a person sees: tables, progress and lines on a terminal, and the same as text or HTML elsewhere."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.console import Group as Renderables
from rich.control import strip_control_codes
from rich.segment import Segment
from rich.table import Table
from rich.text import Text

WIDTH = 100
"""Columns where the output is not a terminal; a wider one is used as it is."""


GAP = 2
"""Columns of the screen between those of a table."""


class _PlainTable(Table):
    """A table without borders, of cells that are text. What rich prints of it is printed in a tenth of rich's time:
    only cells that do not fit are laid out by rich."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self.title or any(column.no_wrap for column in self.columns):
            yield from super().__rich_console__(console, options)
            return
        columns = [[strip_control_codes(str(cell)) for cell in (c.header, *c.cells)] for c in self.columns]
        gaps = [GAP] * (len(columns) - 1) + [0]
        longest = [max(cell_len(line) for cell in own for line in cell.splitlines() or [""]) for own in columns]
        most = options.max_width
        widths = _fitting([min(own + gap or 1, most) for own, gap in zip(longest, gaps, strict=True)], most)
        for number, row in enumerate(zip(*columns, strict=True)):
            style = console.get_style("bold") if not number else None
            cells = [
                _lines(console, cell, max(width - gap, 1)) for cell, width, gap in zip(row, widths, gaps, strict=True)
            ]
            if not number:  # headings stand right above their columns
                high = max(map(len, cells))
                cells = [[""] * (high - len(lines)) + lines for lines in cells]
            for line in zip_longest(*cells, fillvalue=""):
                padded = (part + " " * (width - cell_len(part)) for part, width in zip(line, widths, strict=True))
                yield Segment("".join(padded), style)
                yield Segment.line()


def _lines(console: Console, cell: str, width: int) -> list[str]:
    """A cell in lines of so many columns."""
    if "\n" not in cell and "\t" not in cell and cell_len(cell) <= width:
        return [cell]
    return [line.plain for line in Text(cell).wrap(console, width, overflow="fold")]


def _fitting(widths: list[int], most: int) -> list[int]:
    """Widths that fit the screen: the widest become narrower, down to the next widest, until they do."""
    while (excess := sum(widths) - most) > 0 and (widest := max(widths)) > 1:
        step = widest - max((width for width in widths if width < widest), default=1)
        left = widths.count(widest)
        for i, width in enumerate(widths):
            if width == widest:
                cut = min(step, round(excess / left))
                widths[i], excess, left = width - cut, excess - cut, left - 1
    return widths


def plain_table(*columns: str) -> Table:
    """A borderless table with a bold header, for all commands alike."""
    table = _PlainTable(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold", show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _as_it_is(**options: Any) -> Console:
    """A screen that shows text as it is: no markup, no emoji codes, no colours of its own choice."""
    return Console(highlight=False, markup=False, emoji=False, **options)


def console() -> Console:
    """Standard output; at least 100 columns wide where it is not a terminal."""
    found = _as_it_is()
    if not found.is_terminal:
        found.width = max(WIDTH, found.width)
    return found


@contextmanager
def progress(label: str, total: int) -> Iterator[Callable[[float], None]]:
    """A progress bar on standard error, where that is a terminal; what it yields takes the amount done so far."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    screen = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=screen, transient=True, disable=not screen.is_terminal) as bar:
        task = bar.add_task(label, total=total)
        yield lambda done: bar.update(task, completed=done)


@contextmanager
def status() -> Iterator[Callable[[str], None] | None]:
    """A line on standard error, where that is a terminal, that says what is being done; else None."""
    screen = Console(stderr=True, highlight=False)
    if not screen.is_terminal:
        yield None
        return
    with screen.status("") as line:
        yield line.update


def say(screen: Console, text: str, style: str = "") -> None:
    """Print a line as it is, with no markup."""
    screen.print(Text(text, style=style), soft_wrap=True)


def show(screen: Console, view: RenderableType) -> None:
    """Print a view part by part: tables fit the screen, lines of text are not broken."""
    for part in view.renderables if isinstance(view, Renderables) else [view]:
        screen.print(part, soft_wrap=isinstance(part, Text))


def as_text(view: RenderableType) -> str:
    """What a terminal of `WIDTH` columns would show, without colours."""
    screen = _as_it_is(file=io.StringIO(), width=WIDTH, color_system=None, force_jupyter=False)
    with screen.capture() as captured:
        show(screen, view)
    return "\n".join(line.rstrip() for line in captured.get().rstrip().splitlines())


def as_html(view: RenderableType) -> str:
    """The same as HTML, for notebooks."""
    screen = _as_it_is(file=io.StringIO(), width=WIDTH, record=True, force_jupyter=False)
    screen.print(view)
    frame = "<pre style=\"line-height:normal;font-family:Menlo,'DejaVu Sans Mono',Consolas,monospace\">{code}</pre>"
    return screen.export_html(inline_styles=True, code_format=frame)


LINES, CHARACTERS = 40, 4000
"""A `repr` has no more; `print` shows all."""


def cut(text: str) -> str:
    """The beginning of a text, as much as a `repr` may have; it says so where there is more."""
    lines = text.splitlines()
    if len(lines) <= LINES and len(text) <= CHARACTERS:
        return text
    kept = "\n".join(lines[: LINES - 1])[: CHARACTERS - 100]
    return f"{kept}\n… {len(lines):,} lines, {len(text):,} characters in all: print(…) shows them"


class Shown:
    """Something with a view, printed as the command prints it. Its `repr` is the beginning of that."""

    def view(self) -> RenderableType:
        """What a terminal shows."""
        raise NotImplementedError

    def __str__(self) -> str:
        return as_text(self.view())

    def __repr__(self) -> str:
        return cut(str(self))


class ShownAsTable(Shown):
    """Something that notebooks show as its view, too."""

    def _repr_html_(self) -> str:
        return as_html(self.view())
