"""What the reference says, made from the code itself: commands, families, file formats, and the Python interface.

Nothing here is typed by hand that the code knows. What it does not know, a family's full name and its paper, stands in
`PAPERS`; tests/test_docs.py compares its keys with the families.
"""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from typing import Any

PLACE = re.compile(r"<!-- generated: ([a-z-]+) -->")

FIRST = "[The Expressive Limits of Diagonal SSMs for State-Tracking](https://arxiv.org/abs/2603.01959)"
PARITY = "[Parity Requires Unified Input Dependence and Negative Eigenvalues in SSMs](https://arxiv.org/abs/2508.07395)"
UNITARY = "[Bridging Expressivity and Scalability with Adaptive Unitary SSMs](https://arxiv.org/abs/2507.05238)"
NEGATIVE = "[Unlocking State-Tracking in Linear RNNs Through Negative Eigenvalues](https://arxiv.org/abs/2411.12537)"

PAPERS: dict[str, tuple[str, str]] = {
    "s4d": (
        "diagonal structured state space (S4D)",
        "[On the Parameterization and Initialization of Diagonal State Space Models](https://arxiv.org/abs/2206.11893)",
    ),
    "mamba": (
        "Mamba, the selective state space model",
        "[Mamba: Linear-Time Sequence Modeling with Selective State Spaces](https://arxiv.org/abs/2312.00752)",
    ),
    "negative-mamba": ("Mamba with eigenvalues down to −1", NEGATIVE),
    "simple-aussm": ("adaptive unitary state space model with Δ = 1", f"named in {FIRST}; this reading is ours"),
    "aussm": ("adaptive unitary state space model", UNITARY),
    "gated-aussm": ("adaptive unitary state space model with a gate", "ours: docs/mathematics.md"),
    "rnn": ("recurrent neural network, not diagonal", f"the comparison in {FIRST}"),
    "delta": (
        "delta rule, 1 to 4 Householder factors a token",
        "[DeltaProduct](https://arxiv.org/abs/2502.10297), see docs/architectures.md",
    ),
}
"""For each family, its name spelt out and where it comes from; `delta` stands for `delta-1` … `delta-4`."""

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


def recurrences() -> dict[str, list[str]]:
    """The table of recurrences in `models/families.py`, by family: a_t, φ's raw outputs, the state."""
    text = inspect.getdoc(import_module("subnormal.models.families")) or ""
    _, _, body, _ = re.split(r"^==+[ =]*$", text, flags=re.MULTILINE)
    rows = {}
    for line in body.strip().splitlines():
        name, *cells = re.split(r" {2,}", line.strip())
        if len(cells) == 2:  # a long cell reaches the next one
            cells[0], middle = re.split(r"\s(?=Gate)", cells[0])
            cells.insert(1, middle)
        rows[name.split("`")[1].removesuffix("-1")] = cells
    return rows


SIGNS = {"pi": "π", "Delta": "Δ", "Lambda": "Λ", "<=": "≤", "abs(a)": "\\|a\\|", " - 1": " − 1", "(-": "(−"}
"""What the table of recurrences writes in ASCII."""


def carries(name: str) -> str:
    """What one layer of a family carries, from its record."""
    from subnormal.algebra.depth.families import FAMILIES

    family = FAMILIES.get(name)
    if family is None:
        return "not diagonal: the theorem does not limit it" if name == "rnn" else "see docs/architectures.md"
    groups = {0: "any abelian factor", 1: "no factor"}.get(
        family.exponent, f"abelian factors of exponent {family.exponent}: powers of C{family.exponent}"
    )
    return groups + ("; a token can set a channel" if family.resets else "")


def families() -> str:
    """One row for each family."""
    rows = [
        "| name | in full | multiplier a of h ← a·h + b | state | one layer carries | paper |",
        "|---|" * 1 + "---|" * 5,
    ]
    for name, (a, _, state) in recurrences().items():
        spelt, paper = PAPERS[name]
        for plain, sign in SIGNS.items():
            a, state = a.replace(plain, sign), state.replace(plain, sign)
        shown = "`delta-1` … `delta-4`" if name == "delta" else f"`{name}`"
        rows.append(f"| {shown} | {spelt} | {a} | {state} | {carries(name)} | {paper} |")
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


PAGES = {"commands": commands, "families": families, "formats": formats, "models": models, "python": python}
"""The generated parts, by the name that a page calls them by."""
