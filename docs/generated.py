"""What the reference says, made from the code itself: commands, families, file formats, and the Python interface.

Nothing here is typed by hand that the code knows; what a family is called and where it comes from is in its record.
"""

from __future__ import annotations

import inspect
import re
import subprocess
import sys
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Any

PLACE = re.compile(r"<!-- generated: ([a-z-]+) -->")

FORMATS = {
    "A group as a file": "algebra.input.files.read_group",
    "An automaton as a file": "algebra.input.automata",
    "Words with labels": "models.learning.words",
    "Words in the field's format": "models.training.word_files",
    "A compiled group": "constructions.artifact",
    "A compiled automaton": "constructions.automata.artifact",
    "A group too large to list": "constructions.factored.artifact",
    "A delta-rule network": "constructions.targets.own_delta",
    "The parameters of a network": "constructions.parameters",
    "A layer in config.json": "models.specification.LayerSpecification",
    "A certificate": "proofs_check.certificates.checker",
    "A store of runs": "models.training.runs",
    "A folder of learn": "models.learning.store",
}
"""Each format, and where the code describes it: a module, or something in one."""

GALLERY = {
    "S3.html": ["show", "S3"],
    "S4.html": ["show", "S4"],
    "Q8.html": ["show", "Q8"],
    "GL_2_3.html": ["show", "GL(2,3)"],
    "tomita_3.html": ["show", "tomita(3)"],
    "refuted.html": ["refute", "S3", "--random", "aussm", "--width", "2", "--seed", "0"],
    "atlas.html": ["atlas", "--max-order", "31", "--out", "atlas.csv"],
}
"""Each page to play with, and the command that writes it."""


def fill(app: object, name: str, source: list[str]) -> None:
    """Replace each place of a page by what belongs there; Sphinx calls this for every page that it reads."""
    source[0] = PLACE.sub(lambda found: PAGES[found[1]](), source[0]).replace("(docs/README.md)", "(docs/index.md)")


def as_restructured_text(app: object, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """Our docstrings are Markdown; autodoc reads reStructuredText. Code in backticks is kept, the rest is escaped."""
    example = False
    for i, line in enumerate(lines):
        example = line.lstrip().startswith(">>>") or (example and bool(line.strip()))
        if not example:
            parts = re.split(r"(`[^`]+`)", line)
            lines[i] = "".join(
                f"`{part}`" if part.startswith("`") and part.endswith("`") else re.sub(r"([|*_`\\])", r"\\\1", part)
                for part in parts
            )


def commands() -> str:
    """Every command with its arguments and options, as `--help` prints them."""
    import typer.main
    from typer.cli import get_docs_for_click

    from subnormal.command_line.__main__ import PARTS, application

    parts = []
    for room, (text, own) in PARTS.items():
        parts.append(f"## {text.rstrip('.')}\n\nThe commands of `python -m {room}`.\n")
        for name in own:
            app = application(room)
            app.callback()(lambda: None)
            command = typer.main.get_command(app).commands[name]  # type: ignore[attr-defined]
            context = typer.Context(command, info_name=name)
            page = get_docs_for_click(obj=command, ctx=context, name=name, call_prefix="subnormal")
            parts.append(re.sub(r"^# `subnormal (.*)`$", r"### \1", page, flags=re.MULTILINE))
    return "\n".join(parts)


def families() -> str:
    """One row for each family, from its record; families that differ in a number alone share one."""
    from subnormal.algebra.depth.families import ALL_FAMILIES

    rows = [
        "| name | in full | multiplier a of h ← a·h + b | state | one layer carries | proved right | paper |",
        "|---|" + "---|" * 6,
    ]
    for (spelt, _), group in groupby(ALL_FAMILIES.values(), lambda family: (family.spelt, family.carries)):
        members = list(group)
        own = members[0]
        name = " … ".join(f"`{family.name}`" for family in dict.fromkeys((own, members[-1])))
        state = f"{'complex' if own.complex_state else 'real'}, {own.range or 'not diagonal'}".replace("|", "\\|")
        proved = "; ".join(own.proofs) or "none"
        rows.append(f"| {name} | {spelt} | {own.multiplier} | {state} | {own.carries} | {proved} | {own.paper} |")
    return re.sub(r"docs/(\w+)\.md", r"[\1](../\1.md)", "\n".join(rows))


def formats() -> str:
    """Every format, in the words of the code that reads and writes it."""
    parts = []
    for title, home in FORMATS.items():
        thing, module = described(home)
        parts.append(f"## {title}\n\n`{module}` says:\n\n```text\n{inspect.getdoc(thing)}\n```\n")
    return "\n".join(parts)


def described(home: str) -> tuple[Any, str]:
    """A module, or something in one, and where that is."""
    try:
        return import_module(f"subnormal.{home}"), home.replace(".", "/") + ".py"
    except ModuleNotFoundError:
        module, _, name = home.rpartition(".")
        return getattr(import_module(f"subnormal.{module}"), name), module.replace(".", "/") + ".py"


def python() -> str:
    """Every public name of `import subnormal as sn`: functions, then what they return, then errors."""
    import subnormal as sn

    def part(title: str, names: list[str], directive: str) -> str:
        entries = [f"```{{eval-rst}}\n.. {directive}:: subnormal.{name}\n```" for name in names]
        return "\n\n".join([f"## {title}", *entries])

    things = {name: getattr(sn, name) for name in sn.__all__}
    functions = [name for name, thing in things.items() if inspect.isfunction(thing)]
    errors = [name for name, thing in things.items() if isinstance(thing, type) and issubclass(thing, Exception)]
    classes = [name for name in things if name not in functions and name not in errors]
    return "\n\n".join(
        [
            part("Functions", functions, "autofunction"),
            part("What they return", classes, "autoclass"),
            part("Errors", errors, "autoexception"),
        ]
    )


def models() -> str:
    """What `audit` says of every class that keeps a state, by library, in the words of its records."""
    from subnormal.proofs_check.audits.configurations import RECORDS, facts_of
    from subnormal.proofs_check.audits.records import READ, READ_ON, Facts, Record

    def cells(name: str, record: Record, found: Facts) -> list[str]:
        what = "<br>".join(dict.fromkeys(layer.line() for layer in found.layers[:1])) or found.notes[0]
        use = found.use
        used = [use.pieces, use.left_padding, use.decoding, use.state_dtype, use.position_ids] if use else ["–"] * 5
        return [f"`{name}`", what, "<br>".join(found.can), "<br>".join(found.switch), *used, record.source]

    parts = [
        f"Read and measured on {READ_ON}: " + ", ".join(f"{name} {version}" for name, version in READ.items()) + ".",
    ]
    heads = "class, what one token does, can, switch, a prompt in pieces, left padding, token by token, state in, "
    heads = (heads + "needs position_ids, where it says so").split(", ")
    for library in READ:
        rows = [f"## {library}", "", "| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
        for name, record in RECORDS.items():
            if record.library == library:
                plain = name.removesuffix(" (fla)")
                named = {"ssm_cfg": {"layer": name}} if library == "mamba_ssm" else {"model_type": plain}
                found = facts_of(named | ({"norm_eps": 1e-5} if name != plain else {}))
                rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells(name, record, found)) + " |")
        parts.append("\n".join(rows))
    return "\n\n".join(parts)


def kinds() -> str:
    """Kinds × verbs, and why not, from the table that the code follows."""
    from subnormal.common.kinds import CANNOT, TITLES, VERBS, refusal

    lines = [f"| kind | {' | '.join(f'`{verb}`' for verb in VERBS)} |", "|---|" + "---|" * len(VERBS)]
    for kind, cannot in CANNOT.items():
        cells = ("no" if verb in cannot else "yes" for verb in VERBS)
        lines.append(f"| {TITLES[kind]} (`{kind}`) | {' | '.join(cells)} |")
    lines.append("\n## Why not, and what can\n")
    for kind, cannot in CANNOT.items():
        reasons: dict[str, list[str]] = {}
        for verb in cannot:
            reasons.setdefault(refusal(kind, verb, "DIR") or "", []).append(f"`{verb}`")
        lines += [f"- **{kind}**, {', '.join(verbs)}: {reason}." for reason, verbs in reasons.items()]
    return "\n".join(lines)


def gallery() -> str:
    """A link to each page of the gallery; `write_gallery` puts the pages beside them."""
    return "Open: " + ", ".join(f'<a href="{name}">{name}</a>' for name in GALLERY) + "."


def write_gallery(folder: Path) -> None:
    """Write the gallery's pages."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, words in GALLERY.items():
        command = [sys.executable, "-m", "subnormal", *words, "--html", name]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=folder)


def finish(app: Any, exception: Exception | None) -> None:
    """Put the gallery's pages into the site; Sphinx calls this at the end."""
    if exception is None and app.builder.format == "html":
        write_gallery(Path(app.outdir) / "docs" / "gallery")


PAGES = {
    "commands": commands,
    "families": families,
    "formats": formats,
    "gallery": gallery,
    "kinds": kinds,
    "models": models,
    "python": python,
}
"""The generated parts, by the name that a page calls them by."""
