"""Horizons: the bounds against brute force, and no word tried fails below them."""

import json
import math
import sys
from fractions import Fraction

import numpy as np
import pytest

from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.input.parser import read_automaton
from subnormal.algebra.tracked import KINDS, TrackedAutomaton, TrackedGroup
from subnormal.common.errors import InputError
from subnormal.constructions import arithmetics
from subnormal.constructions.arithmetics import (
    ARITHMETICS,
    DIGITS,
    accumulate,
    read,
    round_to_bfloat16,
    start,
    stored_steps,
)
from subnormal.constructions.automata.compiler import compile_automaton
from subnormal.constructions.cascade import Cascade, CascadeLayer
from subnormal.constructions.compiler import compile_group
from subnormal.constructions.execution import ARITHMETICS as EXECUTED
from subnormal.constructions.execution import CascadeMachine
from subnormal.proofs_check.horizons import horizon
from subnormal.proofs_check.horizons.horizon import channel_horizon, proved_horizon
from subnormal.proofs_check.horizons.picture import draw, measure, read_table, write_table
from subnormal.proofs_check.horizons.runs import PIECE, first_failures, observe
from subnormal.proofs_check.intervals import angle_error, radian_error, unit_point, upper
from tests.cases import group


def compiled_automaton(name):
    return compile_automaton(read_automaton(name), FAMILIES["gated-aussm"]).cascade


SUMS = ("float64", "float32", "bfloat16")


def letters(name, cascade):
    return TrackedGroup(group(name), cascade.alphabet)


def compiled(name, **options):
    return compile_group(group(name), [FAMILIES["aussm"]], **options).cascade


@pytest.mark.parametrize("name", ["C2", "C6", "C60", "S3", "S4", "Q8", "GL(2,3)"])
@pytest.mark.parametrize("channels", ["invariant", "primary"])
def test_no_word_fails_below_the_proved_horizon(name, channels):
    cascade = compiled(name, channels=channels)
    for found in first_failures(cascade, letters(name, cascade), ARITHMETICS, KINDS, 40_000):
        proved = proved_horizon(cascade, found.arithmetic)
        if found.first_wrong is not None:
            assert proved is not None
            assert proved < found.first_wrong, f"{found} within {proved}"
        else:
            assert found.tokens == 40_000
    alone = first_failures(cascade, letters(name, cascade), ["float32"], ["constant"], 40_000)
    float32 = [o.first_wrong for o in alone]
    if name != "C2" and channels == "invariant":
        assert float32[0] is not None, "unwrapped sums should fail in this range, or the test shows nothing"


@pytest.mark.parametrize(
    "name", ["flip-flop(3)", "tomita(3)", "counter(5,reset)", "modular-arithmetic(4,left-to-right)"]
)
def test_channels_that_are_set(name):
    cascade = compiled_automaton(name)
    observed = first_failures(cascade, TrackedAutomaton(cascade.automaton), ARITHMETICS, KINDS, 20_000)
    for found in observed:
        proved = proved_horizon(cascade, found.arithmetic)
        if found.first_wrong is not None:
            assert proved is not None
            assert proved < found.first_wrong, f"{found} within {proved}"
        else:
            assert found.tokens == 20_000
    registers = name == "flip-flop(3)"
    assert all((proved_horizon(cascade, kind) is None) == registers for kind in ("complex64", *SUMS))
    assert any(o.first_wrong is not None for o in observed) != registers, "unwrapped sums fail, registers never do"


def test_registers_must_be_right_after_one_step():
    """1/600 of a turn is too fine for bfloat16: a register of 600 values is wrong at once, and nothing else is said."""
    values = np.arange(600, dtype=np.int32).reshape(1, 600, 1)
    layer = CascadeLayer("mamba", (600,), values, np.ones((1, 600, 1), dtype=bool))
    cascade = Cascade("register", np.zeros((0, 0), np.uint8), values.ravel(), (layer,), values.ravel())
    assert proved_horizon(cascade, "bfloat16") == 0
    assert proved_horizon(cascade, "float32") is None


@pytest.mark.parametrize("name", ARITHMETICS)
def test_what_is_set_begins_anew(name):
    """Against a plain loop, one piece after the other, with runs short and long between the resets."""
    random = np.random.default_rng(0)
    steps = stored_steps(7, name)[random.integers(7, size=2000)]
    sets = random.random(2000) < np.where(np.arange(2000) < 1000, 0.3, 0.004)
    value, expected = start(name), []
    for step, own in zip(steps[:, None], sets, strict=True):  # arrays of one, which wrap without a warning
        moved = value * step if name.startswith("complex") else value + step
        value = step if own else round_to_bfloat16(moved) if name == "bfloat16" else moved
        expected.append(value[0])
    first = accumulate(name, start(name), steps[:700], sets[:700])
    found = np.concatenate([first, accumulate(name, first[-1], steps[700:], sets[700:])])
    if name.startswith("complex"):  # vectors may multiply with fused operations, and single numbers without
        assert np.abs(found - expected).max() < 2000 * 2.0 ** -DIGITS[name]
    else:
        assert (found == expected).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", ["S3", "S4", "Q8", "GL(2,3)", "C60"])
def test_ten_million_tokens(name):
    cascade = compiled(name)
    for found in first_failures(cascade, letters(name, cascade), ARITHMETICS, KINDS, 10_000_000):
        proved = proved_horizon(cascade, found.arithmetic)
        print(name, found, "proved", proved)
        assert found.first_wrong is None or (proved is not None and proved < found.first_wrong)


def test_all_words_up_to_the_horizon():
    """No word over C3, C4 or C6 up to the proved horizon of bfloat16 sums fails; some longer one does."""
    for n in (3, 4, 6):
        limit = channel_horizon(n, range(n), "bfloat16")
        steps = stored_steps(n, "bfloat16")
        assert 1 <= limit <= 20
        reached = {(0.0, 0)}  # (carried sum, exact residue): many words meet in one
        first_wrong = None
        for t in range(1, 200):
            reached = {
                (float(round_to_bfloat16(np.array(s + steps[a]))), (r + a) % n) for s, r in reached for a in range(n)
            }
            if (read("bfloat16", np.array([s for s, _ in reached]), n) != [r for _, r in reached]).any():
                first_wrong = t
                break
        assert first_wrong is not None
        assert first_wrong > limit


@pytest.mark.parametrize("n", [3, 7, 60, 999])
def test_the_horizon_of_turns_is_exact(n):
    """The constant word of the worst step is right at the horizon and wrong one token later."""
    limit = channel_horizon(n, range(n), "turns")
    steps = [int(step) for step in stored_steps(n, "turns")]

    def right(a, t):
        return read("turns", np.array([steps[a] * t % 2**64], dtype=np.uint64), n)[0] == a * t % n

    assert all(right(a, t) for a in range(n) for t in (limit, limit - 1))
    assert not all(right(a, limit + 1) for a in range(n))
    assert channel_horizon(n, range(n), "residues") is None
    assert channel_horizon(8, range(8), "turns") is None, "eighths are exact"


@pytest.mark.parametrize("name", SUMS[1:])
@pytest.mark.parametrize("n", [2, 3, 10, 60])
def test_the_recurrence_of_sums_step_by_step(name, n):
    """The octaves add up to the recurrence of the docstring, iterated."""
    stored = stored_steps(n, name)
    largest = max(abs(Fraction(float(x))) for x in stored)
    error = max(radian_error(float(stored[a]), Fraction(arithmetics.centred(a, n), n)) for a in range(n))
    u = Fraction(1, 2 ** DIGITS[name])
    limit = channel_horizon(n, range(n), name)
    room = horizon.two_pi_below() / (2 * n)
    size, total, t = Fraction(0), Fraction(0), 0
    while True:
        size += largest
        rounding = u * Fraction(2) ** math.floor(math.log2(size))
        size, total = size + rounding, total + error + rounding
        if total + Fraction(301, 100) / 2**53 * size >= room:
            break
        t += 1
    assert t == limit


@pytest.mark.parametrize("name", ["complex64", "complex128"])
def test_the_complex_horizon_grows_with_the_precision(name):
    """About margin / (rounding of a product + of a step) turns: within a factor 4 of (1/2n)/(√5·u/2π + u/2π)."""
    for n in (3, 10, 60):
        limit = channel_horizon(n, range(n), name)
        rough = 1 / (2 * n) / ((math.sqrt(5) + 1) * 2.0 ** -DIGITS[name] / (2 * math.pi))
        assert rough / 4 < limit < 4 * rough


def test_constants_are_not_trusted(monkeypatch):
    """A stored step that is wrong in one bit costs what it costs."""
    good = channel_horizon(3, range(3), "turns"), channel_horizon(3, range(3), "complex128")

    def spoiled(n, name):
        steps = stored_steps(n, name).copy()
        steps[1] = steps[1] + np.uint64(2**20) if name == "turns" else steps[1] * np.exp(1e-9j)
        return steps

    monkeypatch.setattr(horizon, "stored_steps", spoiled)
    bad = channel_horizon(3, range(3), "turns"), channel_horizon(3, range(3), "complex128")
    assert bad[0] < good[0] / 2**20
    assert bad[1] < good[1] / 10**5
    assert channel_horizon(3, [0], "turns") is None, "a step that is never taken does not matter"


@pytest.mark.parametrize("name", EXECUTED)
def test_the_executor_decides_as_the_exact_machine(name):
    cascade = compiled("GL(2,3)")
    machine = CascadeMachine(cascade, name)
    word = letters("GL(2,3)", cascade).word("random", 5000)
    outputs = machine.outputs(word)
    assert (outputs == cascade.outputs(word)).all()
    (last,) = list(observe(cascade, letters("GL(2,3)", cascade), [name], "random", 5000))
    assert last[0].first_wrong is None
    cascade = compiled_automaton("dyck(2,2)")
    word = np.random.default_rng(0).integers(4, size=5000)
    assert (CascadeMachine(cascade, name).outputs(word) == cascade.outputs(word)).all()


@pytest.mark.parametrize("name", SUMS)
def test_sums_are_rounded_one_after_the_other(name):
    """Against a plain loop, and against exact rationals rounded by NumPy itself for the types it has."""
    steps = stored_steps(7, name)[np.random.default_rng(0).integers(7, size=3000)]
    found = accumulate(name, start(name), steps)
    value = start(name)
    for i, step in enumerate(steps):
        value = round_to_bfloat16(value + step) if name == "bfloat16" else value + step
        assert found[i] == value
    assert name == "bfloat16" or found.dtype == name
    pieces = accumulate(name, found[999], steps[1000:])
    assert (pieces == found[1000:]).all()


def test_bfloat16_rounding():
    values = np.array([1.0, 257.0, 259.0, 1 + 2**-8, 1 + 3 * 2**-8, -0.1, 0.0, math.pi])
    assert round_to_bfloat16(values).tolist() == [1.0, 256.0, 260.0, 1.0, 1 + 2**-6, -0.10009765625, 0.0, 3.140625]


def test_bfloat16_without_numba(monkeypatch):
    steps = stored_steps(5, "bfloat16")[np.arange(400) % 5 % 4]
    compiled_sums = accumulate("bfloat16", start("bfloat16"), steps)
    arithmetics._bfloat16_sums.cache_clear()
    monkeypatch.setitem(sys.modules, "numba", None)
    plain = accumulate("bfloat16", start("bfloat16"), steps)
    monkeypatch.undo()
    arithmetics._bfloat16_sums.cache_clear()
    assert (plain == compiled_sums).all()


def test_long_words_continue_across_pieces():
    """A periodic word streams as it is written out, so that positions mean the same."""
    cascade = compiled("S3", alphabet="generators")
    for kind in KINDS[1:]:
        whole = letters("S3", cascade).word(kind, PIECE + 1000)
        states = cascade.run(whole)
        found = list(observe(cascade, letters("S3", cascade), ["float32"], kind, PIECE + 1000))[-1][0]
        carried, expected = start("float32"), None
        steps, residues = [], []
        state = 0
        for token, after in zip(whole[:20_000], states, strict=False):
            steps.append(int(cascade.layers[1].increments[state // 3, token, 0]))
            residues.append(int(after) % 3)
            state = int(after)
        values = accumulate("float32", carried, stored_steps(3, "float32")[steps])
        wrong = np.flatnonzero(read("float32", values, 3) != residues)
        expected = int(wrong[0]) + 1 if len(wrong) else None
        assert expected is None or found.first_wrong <= expected


def test_enclosures():
    assert unit_point(Fraction(1, 4)) == (pytest.approx(0, abs=1e-15), 1.0)
    assert unit_point(Fraction(1, 3))[0] == pytest.approx(-0.5, abs=1e-15)
    assert 0 < radian_error(math.pi, Fraction(1, 2)) < Fraction(1, 2**52)
    # π - fl(π) = 1.2246…e-16
    assert Fraction(12, 10**17) < radian_error(math.pi, Fraction(1, 2)) < Fraction(13, 10**17)
    assert angle_error(2.0, 0.0, Fraction(0)) == 0
    assert angle_error(0.0, 3.0, Fraction(1, 4)) < Fraction(1, 2**100)
    assert abs(angle_error(1.0, 1.0, Fraction(0)) - Fraction(1, 8)) < Fraction(1, 2**100)
    assert abs(angle_error(-1.0, 0.0, Fraction(-1, 2))) < Fraction(1, 2**100)
    from subnormal.proofs_check.intervals import arb_precision

    with arb_precision(64) as flint:
        assert upper(flint.arb(-3)) == 3


def test_the_table_and_the_picture(tmp_path):
    rows = measure([2, 6, 12], 3000)
    assert len(rows) == 3 * 2 * 6
    write_table(rows, tmp_path / "h.csv")
    assert read_table(tmp_path / "h.csv") == [{key: row[key] for key in rows[0] | row} for row in rows]
    six = {(row["channels"], row["arithmetic"]): row for row in rows if row["modulus"] == "6"}
    assert int(six["primary", "float32"]["proved"]) > int(six["invariant", "float32"]["proved"])
    draw(rows, tmp_path / "h.png")
    assert (tmp_path / "h.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="cannot write"):
        write_table(rows, tmp_path / "h.png" / "h.csv")
    with pytest.raises(InputError, match="cannot write"):
        draw(rows, tmp_path / "h.csv" / "h.png")


def test_unknown_arithmetic():
    with pytest.raises(InputError, match="unknown arithmetic 'float8'; wanted one of residues, turns"):
        proved_horizon(compiled("C2"), "float8")


def test_json_is_a_table_of_numbers(tmp_path, capsys):
    from subnormal.command_line.proofs import horizon as command

    compile_group(group("C6"), [FAMILIES["aussm"]]).save(tmp_path)
    command(tmp_path, length=2000, arithmetic="float32,residues", words="constant", as_json=True)
    content = json.loads(capsys.readouterr().out)
    names = [row["arithmetic"] for row in content["horizons"]]
    assert names == ["float32", "residues", "network, float64", "network, float32"]
    assert content["horizons"][1] == {"arithmetic": "residues", "proved": None, "first_wrong": {"constant": None}}


def test_a_folder_with_an_automaton(tmp_path, capsys):
    from subnormal.command_line.proofs import horizon as command

    compile_automaton(read_automaton("tomita(3)"), FAMILIES["gated-aussm"]).save(tmp_path)
    command(tmp_path, length=2000, arithmetic="float32,turns", words="constant", as_json=True)
    float32, turns, network, _ = json.loads(capsys.readouterr().out)["horizons"]
    assert float32["first_wrong"] == turns["first_wrong"] == {"constant": None}
    assert 2000 < float32["proved"] < network["proved"]
    assert turns["proved"] is None, "halves of a turn are exact"
