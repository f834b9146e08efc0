"""What the bound on work of a search costs in layers: a sample is searched again with ten times as much."""

from __future__ import annotations

import pytest

from benchmarks.searches import sample
from subnormal.algebra.automata import holonomy
from subnormal.algebra.automata.automaton import Automaton
from subnormal.constructions.automata import decomposition
from subnormal.constructions.automata.inspection import AutomatonInspection, inspect_automaton

EACH, TIMES = 13, 10

FEWER = {
    41: {"mamba": (5, 4)},
    42: {"mamba": (10, 9), "negative-mamba": (10, 8), "gated-aussm": (10, 6)},
    47: {"mamba": (13, 9), "negative-mamba": (13, 9), "gated-aussm": (13, 7)},
    49: {"gated-aussm": (13, 7)},
    50: {"gated-aussm": (16, 9)},
    51: {"mamba": (12, 11), "negative-mamba": (12, 10)},
}
"""By number in the sample: layers within the bound, and with ten times as much. All are expressions of finite or nearly
finite languages; docs/benchmarks.md says so. Work is counted, not timed, so that these are the same everywhere."""


def counts(automaton: Automaton) -> tuple[dict[str, int | None], bool]:
    """Layers of each family's machine, None where there is none; and whether a search stopped at its bound."""
    holonomy._kept.clear()
    found = inspect_automaton(automaton)
    assert isinstance(found, AutomatonInspection)
    judged = found.judgements
    layers = {name: None if one.moduli is None else len(one.moduli) for name, one in judged.items()}
    return layers, any(one.stopped for one in judged.values())


@pytest.mark.slow
def test_ten_times_the_work_finds_fewer_layers_for_these_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = [automaton for _, automaton in sample(EACH)]
    first = [counts(automaton) for automaton in drawn]
    assert len(drawn) >= 60
    assert sum(stopped for _, stopped in first) >= 3  # else nothing is compared
    for name in ("MAX_WORK", "LEAST_WORK", "MAX_FACTOR"):
        monkeypatch.setattr(decomposition, name, TIMES * getattr(decomposition, name))
    found = {}
    for number, (automaton, (layers, stopped)) in enumerate(zip(drawn, first, strict=True)):
        if stopped:  # the others were searched to the end
            more, _ = counts(automaton)
            different = {name: (few, more[name]) for name, few in layers.items() if more[name] != few}
            found |= {number: different} if different else {}
    assert found == FEWER
