"""What a person sees: tables, progress and lines on a terminal, and the same as text or HTML elsewhere."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console, RenderableType
from rich.console import Group as Renderables
from rich.table import Table
from rich.text import Text

WIDTH = 100
"""Columns where the output is not a terminal; a wider one is used as it is."""


def plain_table(*columns: str) -> Table:
    """A borderless table with a bold header, for all commands alike."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def console() -> Console:
    """Standard output; at least 100 columns wide where it is not a terminal."""
    found = Console(highlight=False)
    return found if found.is_terminal else Console(highlight=False, width=max(WIDTH, found.width))


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
    screen = Console(file=io.StringIO(), width=WIDTH, highlight=False, color_system=None, force_jupyter=False)
    with screen.capture() as captured:
        show(screen, view)
    return "\n".join(line.rstrip() for line in captured.get().rstrip().splitlines())


def as_html(view: RenderableType) -> str:
    """The same as HTML, for notebooks."""
    screen = Console(file=io.StringIO(), width=WIDTH, highlight=False, record=True, force_jupyter=False)
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
