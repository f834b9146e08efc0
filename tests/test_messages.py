"""Refusals as a user meets them: each says what came and what was wanted, and the command it proposes works."""

from __future__ import annotations

import ast
import json
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest

import subnormal as sn
from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.depth.refusal import MOST_FOR_A_TARGET, POINTS_OF_A_TARGET, SMALL_FOR_A_TARGET, way_out
from subnormal.algebra.groups.permutation_group import PermutationGroup
from subnormal.algebra.input.parser import list_group
from subnormal.command_line.__main__ import main
from subnormal.common.errors import InputError
from subnormal.constructions.compiler import compile_group
from subnormal.constructions.targets.actions import SEARCHED_ORDER
from subnormal.constructions.targets.compiler import LARGEST_ORDER, compile_target
from subnormal.constructions.targets.reflections import LARGEST_DEGREE


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Folders and files that the commands below name."""
    folder = tmp_path_factory.mktemp("messages")
    sn.compile("S3").save(folder / "s3")
    trained = sn.train("flip-flop(2)", out=folder / "run", steps=2, batch=4, test_words=8, check_words=8)
    (folder / "run" / "networks" / trained.rows[0]["key"]).rename(folder / "ff")
    sn.compile("S3").network().save_pretrained(folder / "bare")
    cycles = ["(1,2,3,4,5)", "(1,2,3)"]
    (folder / "alt.json").write_text(json.dumps({"permutations": cycles}))
    merging = [[(i + 1) % 12, 1 - i if i < 2 else i, max(i, 1)] for i in range(12)]
    (folder / "merging.csv").write_text("\n".join(",".join(map(str, row)) for row in merging) + "\n")
    (folder / "named.json").write_text(json.dumps({"name": "mine", "permutations": cycles}))
    return folder


def answer(command, monkeypatch, capsys):
    """Exit code and standard error of one command."""
    monkeypatch.setattr(sys, "argv", ["subnormal", *shlex.split(command)])
    with pytest.raises(SystemExit) as caught:
        main()
    return caught.value.code or 0, capsys.readouterr().err.strip()


@pytest.mark.parametrize(
    ("command", "said", "proposed"),
    [
        # A group from a file has no name that can be typed; nor has one whose permutations were cut.
        (
            "compile alt.json",
            "compile it with --target olmo-hybrid",
            "compile alt.json --target olmo-hybrid --no-check",
        ),
        ("compile alt.json --family aussm,mamba", "`inspect` says how many", "inspect alt.json"),
        ("compile s3.json", "s3.json: No such file", None),
        ("compile named.json", "the key 'name' is not read; leave it out", "inspect alt.json"),
        ("compile 'SL(2,17)'", "written for ≤ 256 points", None),
        ("compile S6 --target delta", "--target olmo-hybrid or pd-ssm", "compile S6 --target pd-ssm --no-check"),
        # Not to be proposed: what fails itself.
        ("compile 'group(A5)' --target mamba3", "`compile 'A5' --target olmo-hybrid`", None),
        ("compile 'permutation-reset(S3)' --target delta", "--target olmo-hybrid --resets`", None),
        (
            "compile 'flip-flop(2)' --target olmo-hybrid",
            "--target pd-ssm writes it",
            "compile 'flip-flop(2)' --target pd-ssm --no-check",
        ),
        ("compile 'group(alt.json)' --target olmo-hybrid", "give it as a group", None),
        (
            "compile merging.csv --target pd-ssm",
            "more than 3,533 sets of states as preimages, one coordinate each; without --target",
            "inspect merging.csv",
        ),
        # A command says whose help has the way out.
        ("evaluate ff --lengths 20", "see `subnormal evaluate --help`", "evaluate --help"),
        ("diagnose", "see `subnormal diagnose --help`", "diagnose --help"),
        # What a folder was made for is known to it.
        ("diagnose ff S3", "it was made for flip-flop(2): leave S3 out", "diagnose ff"),
        ("decompile s3 S4", "it was made for S3: leave S4 out", "decompile s3"),
        ("refute ff S3", "it was made for flip-flop(2): leave S3 out", "refute ff"),
        ("show ff --html ff.html", "and flip-flop(2) is no group", "evaluate ff --length 20"),
        ("diagnose bare", "wanted e.g. `diagnose bare S3`", "diagnose bare S3"),
        ("diagnose bare S4", "wanted a group of order 6", "diagnose bare S3"),
        ("refute S3", "`refute S3 --random aussm`", "refute S3 --random aussm"),
        ("audit nosuch", "nothing is there", None),
        ("audit run", "holds runs of an experiment", None),
        # What is too large is said before it is made.
        ("train S9", "smaller batch or length, or a smaller group", None),
        ("train S4 --init s3", "init compiled starts from weights of S4", None),
        ("train 'tomita(5)' --alphabet generators", "trained on all its letters (0, 1): leave it out", None),
        ("train 'tomita(5)' --hold-out 3", "hold-out 3: that is for groups", None),
    ],
)
def test_what_is_proposed_works(place, command, said, proposed, monkeypatch, capsys):
    monkeypatch.chdir(place)
    code, message = answer(command, monkeypatch, capsys)
    assert code == 2
    assert said in message
    assert "\n" not in message
    assert message.startswith("error: ")
    if proposed is not None:
        code, message = answer(proposed, monkeypatch, capsys)
        assert code in (0, 1, 5), message  # 1 and 5 are answers: no machine, and a model that theory allows
        assert "error" not in message


@pytest.mark.parametrize("value", [{"model_type": "mamba"}, 3, None, b"s3"])
def test_audit_of_what_is_no_path(value):
    with pytest.raises(InputError, match="wanted a folder"):
        sn.audit(value)


def test_the_bounds_of_what_is_promised():
    assert (MOST_FOR_A_TARGET, POINTS_OF_A_TARGET, SMALL_FOR_A_TARGET) == (
        LARGEST_ORDER,
        LARGEST_DEGREE,
        SEARCHED_ORDER,
    )
    assert "--target olmo-hybrid" in way_out(5040, 256, False)
    assert "--target olmo-hybrid" in way_out(120, 1000, False)
    assert "unless" in way_out(5040, 65, False)
    assert "asked where a point goes" in way_out(5041, 7, False)
    for order in (4896, 5041):
        assert "--target" not in way_out(order, 288, False)


NAMES = ["A5", "S5", "SL(2,5)", "S7", "SL(2,17)"]
SLOW_NAMES = ["PSL(2,7)", "A7", "PSL(2,16)", "SL(2,13)", "A5xC83", "GL(2,5)xC10"]


@pytest.mark.parametrize("name", [*NAMES, *(pytest.param(name, marks=pytest.mark.slow) for name in SLOW_NAMES)])
def test_what_is_promised_of_groups_that_are_not_solvable(name):
    """Where olmo-hybrid is promised, it is written; where it is not, it is refused."""
    promised(list_group(name))


def promised(listed):
    with pytest.raises(InputError, match="not solvable") as caught:
        compile_group(listed, [FAMILIES["aussm"]])
    if "compile it with --target olmo-hybrid" in str(caught.value):
        assert compile_target(listed, "olmo-hybrid").files
    elif "unless" in str(caught.value):
        try:
            assert compile_target(listed, "olmo-hybrid").files
        except InputError as error:
            refused = str(error)
        else:
            return
        assert "weights, wanted at most" in refused
        assert "olmo-hybrid" not in refused
    else:
        with pytest.raises(InputError, match="points"):
            compile_target(listed, "olmo-hybrid")


@pytest.mark.parametrize(
    ("name", "copies"),
    [
        ("A5", 60),
        ("S7", 37),
        pytest.param("S7", 36, marks=pytest.mark.slow),
        pytest.param("A7", 30, marks=pytest.mark.slow),
    ],
)
def test_what_is_promised_of_groups_on_many_points(name, copies):
    """The same group on several copies of its points."""
    rows = list_group(name)
    generators = rows.elements[list(rows.generators)].astype(int)
    degree = generators.shape[1]
    wide = np.concatenate([generators + degree * i for i in range(copies)], axis=1)
    promised(PermutationGroup.generated("wide", wide).listed())


LIMIT = re.compile(
    r"at most|too large|too many|more than|(sought|searched) up to|are (handled|judged|listed|decomposed|compiled|run)"
)
WAY_OUT = re.compile(r"`|\btry\b|wanted|e\.g\.|--|EXAMPLE|SMALLER|example|leave|write|as S6|instead|\bgive\b|smaller")


def test_every_limit_names_a_way_out():
    """A refusal for size says what else can be done: a command, an option, or what would be taken."""
    root, silent, seen = Path(sn.__file__).resolve().parent, [], 0
    for path in sorted(root.rglob("*.py")):
        if path.relative_to(root).parts[0] in ("tests", "docs", "benchmarks", ".venv", ".links", "build"):
            continue
        text = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "InputError":
                said = ast.get_source_segment(text, node) or ""
                if LIMIT.search(said):
                    seen += 1
                    if not WAY_OUT.search(said):
                        silent.append(f"{path.relative_to(root)}:{node.lineno}: {' '.join(said.split())[:200]}")
    assert seen > 60
    assert not silent, "\n".join(silent)
