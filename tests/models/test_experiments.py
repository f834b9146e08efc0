"""The experiments' cells, pages and the landscape; one experiment in miniature from end to end."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from subnormal.command_line.__main__ import application
from subnormal.common.errors import InputError
from subnormal.experiments import automata, learning, near_solution, tables
from subnormal.experiments.cells import Budget, Cell, cell_table, disagreements, outcome
from subnormal.experiments.delta_product import delta_product_cells
from subnormal.experiments.landscape import loss_along_line, random_start, smooth_solution, top_eigenvalues
from subnormal.models.network import DCDNetwork
from subnormal.models.training.pool import Resources
from subnormal.models.training.runs import RunStore
from tests.pictures import caught_figures, curves, points
from tests.rows import run_row

ROOT = Path(__file__).parent.parent.parent

TINY = {
    "channels": 4, "hidden": 8, "readout": 8, "batch": 4, "length": "2-10", "steps": 10, "check_every": 10,
    "check_words": 2, "check_length": 20, "test_words": 20, "test_length": 120,
}  # fmt: skip


def test_a_cell_shows_the_run_chosen_on_validation_words(tmp_path):
    store = RunStore(tmp_path)
    cell = Budget(2, (0.1, 0.2), {"group": "C2"}).cell("C2", "AUSSM", "✘")
    for run, test, validation in zip(cell.runs, (120, 0, 100, 20), (100, 0, 120, 20), strict=True):
        store.add(run_row(run, test, validation))
    found = outcome(cell, store)
    assert (found.best, found.rate, found.median, found.reached, found.solved, found.runs) == (100, 0.2, 60.0, 2, 1, 4)
    assert "| C2 | AUSSM | ✘ | 100 | 0.2 | ✘ (60) | 2/4 | 1/4 |" in cell_table([cell], store, "group", "model")
    assert disagreements([cell], store) == ["- C2, AUSSM: paper ✘, ours 100"]
    assert disagreements([Cell("C2", "AUSSM", "160", cell.runs)], store) == []


def test_full_cells_have_five_seeds_and_three_rates():
    for cells, count in [
        (tables.table1_cells(False), 35),
        (tables.table2_cells(False), 15),
        (tables.ablation_cells(False), 16),
        (tables.parity_cells(False), 8),
    ]:
        assert len(cells) == count
        for cell in cells:
            assert len({run.seed for run in cell.runs}) >= 5
            assert len({run.learning_rate for run in cell.runs}) >= 3
            assert len({run.key for run in cell.runs}) == len(cell.runs)
            assert {(run.test_words, run.test_length) for run in cell.runs} == {(1000, 1000)}
    for runs in near_solution.near_runs(False).values():
        assert len({run.seed for run in runs}) >= 5
        assert len({run.learning_rate for run in runs}) >= 3


def test_the_cells_of_deltaproduct():
    cells = delta_product_cells(False)
    assert len({(cell.row, cell.column) for cell in cells}) == 24
    assert {len(cell.runs) for cell in cells} == {6}
    can = {(cell.row, cell.runs[0].family) for cell in cells if cell.paper == "can"}
    assert can == {*((g, f"delta-{n}") for g in ("S3", "S4", "A5") for n in (2, 3, 4)), ("S5", "delta-4")}
    assert all((cell.paper == "") == ("generators" in cell.row) for cell in cells)
    assert len(delta_product_cells(True)) == 12


def test_an_experiment_from_end_to_end(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tables, "QUICK", Budget(1, (0.003,), TINY))
    monkeypatch.setattr(tables, "PARITY", ("s4d,mamba", "aussm"))
    with caught_figures() as figures:
        application("models")(
            ["reproduce", "parity", "--quick", "--out", str(tmp_path), "--processes", "1"], standalone_mode=False
        )
    page = (tmp_path / "README.md").read_text()
    assert page in capsys.readouterr().out
    rows = (tmp_path / "rows.jsonl").read_text().splitlines()
    assert (tmp_path / "summary.csv").read_text().count("\n") == 1 + len(rows)
    assert "| parity (C2) | S4D then Mamba | ✘ |" in page
    assert "its figures are no finding" in page
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    assert len(rows) == 2
    assert json.loads((tmp_path / "config.json").read_text())["runs"] == 2
    by_family = {row["configuration"]["family"]: row["test"] for row in rows}
    (axis,) = figures["plot.png"].axes
    assert axis.get_title() == "parity (C2)"
    drawn = {line.get_label(): points(line)[1] for line in axis.lines}
    assert drawn["S4D then Mamba"] == by_family["s4d,mamba"]["last"]
    assert drawn["AUSSM"] == by_family["aussm"]["last"]
    assert all(x == [float(t) for t in by_family["aussm"]["lengths"]] for x, _ in curves(axis))


def test_near_solution_from_end_to_end(tmp_path, monkeypatch):
    size = {"seeds": 1, "rates": (1e-5,), "groups": ("C2",), "lines": 1, "points": 3, "eigenvalues": 1, "iterations": 1}
    monkeypatch.setattr(near_solution, "QUICK", size)
    monkeypatch.setattr(near_solution, "NOISES", (0.0, 3.0))
    with caught_figures() as figures:
        page = near_solution.reproduce_near_solution(tmp_path, True, Resources(1)).read_text()
    assert "| C2 | 0 | 100% | 1/1 | 400 | 400 |" in page
    assert "| C2 | 3 | " in page
    assert "0/1" in page
    landscape = json.loads((tmp_path / "landscape.json").read_text())
    assert set(landscape) == {"lines", "eigenvalues"}
    (axis,) = figures["landscape.png"].axes
    assert curves(axis) == [(landscape["lines"]["C2"]["t"], loss) for loss in landscape["lines"]["C2"]["losses"]]
    share, longest = figures["plot.png"].axes
    assert points(share.lines[0])[1] == [1.0, 0.0]
    assert points(longest.lines[0])[1][0] == 400
    assert [text.get_text() for text in share.get_xticklabels()] == ["0", "3"]


def test_unknown_experiments_are_refused():
    with pytest.raises(InputError, match="unknown experiment 'table3'; wanted one of table1"):
        application("models")(["reproduce", "table3"], standalone_mode=False)


def test_the_line_starts_at_the_solution():
    along, (losses,) = loss_along_line("S3", 1, 5)
    assert (along[0], along[-1]) == (0.0, 1.0)
    assert losses[0] < 0.01
    network, words, labels = smooth_solution("S3")
    assert torch.equal(network.predict(words)[0], labels)
    end = random_start(network, 0)
    expected = torch.nn.functional.cross_entropy(end(words).flatten(0, 1), labels.flatten())
    assert losses[-1] == pytest.approx(float(expected.detach()), rel=1e-9)


def test_top_eigenvalues_are_those_of_the_whole_hessian():
    layer = {"family": "aussm", "channels": 1, "hidden": 2, "readout": 2, "activation": "softmax"}
    network = DCDNetwork(2, 2, [layer], dtype="float64", seed=3)
    words = torch.randint(2, (4, 6), generator=torch.Generator().manual_seed(0))
    labels = words.cumsum(1) % 2
    parameters = dict(network.named_parameters())

    def loss(flat):
        pieces = flat.split([p.numel() for p in parameters.values()])
        views = {name: piece.view_as(parameters[name]) for name, piece in zip(parameters, pieces, strict=True)}
        logits = torch.func.functional_call(network, views, (words,))
        return torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten())

    flat = torch.cat([p.detach().flatten() for p in parameters.values()])
    hessian = torch.autograd.functional.hessian(loss, flat)
    wanted = sorted(torch.linalg.eigvalsh(hessian).tolist(), key=abs, reverse=True)
    found = top_eigenvalues(network, words, labels, 3, 200)
    assert found[:2] == pytest.approx(wanted[:2], rel=1e-5)


def test_automata_from_end_to_end(tmp_path, monkeypatch):
    """Marks are theory's, figures the chosen run's, and the picture shows both; a second start trains nothing."""
    monkeypatch.setattr(automata, "QUICK", Budget(1, (0.003,), TINY))
    monkeypatch.setattr(automata, "QUICK_TASKS", ("flip-flop(2)", "tomita(3)"))
    arguments = ["reproduce", "automata", "--quick", "--out", str(tmp_path), "--processes", "1"]
    with caught_figures() as figures:
        application("models")(arguments, standalone_mode=False)
    page = (tmp_path / "README.md").read_text()
    rows = [json.loads(line) for line in (tmp_path / "rows.jsonl").read_text().splitlines()]
    longest = {
        tuple(row["configuration"][name] for name in ("group", "family", "layers")): row["test"]["longest"]
        for row in rows
    }
    assert len(longest) == 8
    for task, family, title, theory, marks in (
        ("flip-flop(2)", "mamba", "Mamba", "1", "✔✔"),
        ("flip-flop(2)", "gated-aussm", "Gated AUSSM", "1", "✔✔"),
        ("tomita(3)", "mamba", "Mamba", "never", "✘✘"),
        ("tomita(3)", "gated-aussm", "Gated AUSSM", "2 to 4", "✘?"),
    ):
        best = [longest[task, family, layers] for layers in (1, 2)]
        cells = " | ".join(f"{mark} {value} ({value // 120}/1)" for mark, value in zip(marks, best, strict=True))
        assert any(line.startswith(f"| `{task}`") and line.endswith(f"| {title} | {theory} | {cells} |")
                   for line in page.splitlines())  # fmt: skip
    assert page.count("\n| Mamba | 1 | ") == page.count("\n| Gated AUSSM | 2 | ") == 1, "flip-flop, sparse and dense"
    axis = figures["plot.png"].axes[0]
    shown = [text.get_text() for text in axis.texts]
    assert [text.split("\n")[1] for text in shown if "\n" in text] == ["can"] * 4 + ["cannot"] * 3 + ["open"]
    before = (tmp_path / "rows.jsonl").read_bytes()
    monkeypatch.setattr(
        automata, "train_watched", lambda runs, store, machine: store.missing(runs) and pytest.fail("trained again")
    )
    application("models")(arguments, standalone_mode=False)
    assert (tmp_path / "rows.jsonl").read_bytes() == before


def test_the_fields_protocols(tmp_path):
    from subnormal.api.training import train

    settings: dict[str, Any] = {"steps": 2, "check_every": 2, "check_words": 2, "test_words": 2}
    settings |= {"batch": 2, "processes": 1}
    found = train("tomita(5)", "mamba", protocol="chomsky", test_length=40, out=tmp_path, **settings)
    configuration = found.rows[0]["configuration"]
    assert [configuration[name] for name in ("length", "check_length", "test_length")] == ["1-40", 100, 40]
    with pytest.raises(InputError, match="unknown protocol 'x'; wanted one of chomsky, flip-flop"):
        train("tomita(5)", protocol="x", out=tmp_path)


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"exact": 11}, "its figures are not theirs"),
        ({"runs": []}, "its figures are not theirs"),
        ({"group": "S5"}, "its figures are not theirs"),
        ({"order": "6"}, "Expected `int`, got `str`"),
        ({"field": 1}, "unknown field 'field'"),
    ],
)
def test_an_edited_cell_of_learning_is_refused(change, problem, tmp_path):
    """The committed cells can be read; one whose figures are not those of its runs cannot."""
    line = (ROOT / "results" / "learn" / "cells.jsonl").read_text(encoding="utf-8").splitlines()[0]
    content = json.loads(line)
    cell = (content["group"], content["arm"], len(content["runs"]))
    path = tmp_path / "cells" / f"{cell[0]}_{cell[1]}_{cell[2]}.json"
    path.parent.mkdir()
    path.write_text(line)
    page = learning.write_page(tmp_path, [cell]).read_text()
    assert f"| {content['exact']} of {cell[2]} |" in page
    path.write_text(json.dumps(content | change))
    with pytest.raises(InputError, match=f"{problem}.*delete it to run it again"):
        learning.write_page(tmp_path, [cell])
