"""No setting is swallowed: it is used, or refused with what was probably meant."""

from typing import Any

import numpy as np
import pytest

import subnormal as sn
from subnormal.common.errors import InputError

QUICK: dict[str, Any] = {"steps": 2, "batch": 4, "test_words": 8, "check_words": 8}


def compiled(name: str) -> sn.Compiled:
    found = sn.compile(name)
    assert isinstance(found, sn.Compiled)
    return found


@pytest.mark.parametrize(
    ("name", "meant"),
    [("lr", "learning_rate"), ("epochs", "steps"), ("batch_size", "batch"), ("step", "steps"), ("chanels", "channels")],
)
def test_a_setting_of_another_name_gets_a_hint(name, meant, tmp_path):
    setting: dict[str, Any] = {name: 1}
    with pytest.raises(InputError, match=f"unknown setting '{name}'; did you mean {meant}"):
        sn.train("S3", out=tmp_path / "x", **setting)
    if name != "batch_size":
        meant = {"learning_rate": "phase_rate"}.get(meant, meant)
        with pytest.raises(InputError, match=f"unknown setting '{name}'; did you mean {meant}"):
            sn.learn("S3", out=tmp_path / "x", **setting)
    assert not (tmp_path / "x").exists()


def test_one_seed_is_that_seed(tmp_path):
    one = sn.train("C2", out=tmp_path / "x", seed=3, **QUICK)
    assert [row["configuration"]["seed"] for row in one.rows] == [3]
    with pytest.raises(InputError, match="seed and seeds"):
        sn.train("C2", out=tmp_path / "x", seed=3, seeds=2, **QUICK)
    with pytest.raises(InputError, match="seed: wanted"):
        sn.train("C2", out=tmp_path / "x", seed="3", **QUICK)


def test_two_groups_and_two_families_are_refused(tmp_path):
    with pytest.raises(InputError, match="group: 'S4', and S3 is trained"):
        sn.train("S3", group="S4", out=tmp_path / "x")
    with pytest.raises(InputError, match="leave family out"):
        sn.train("C2", "mamba", init=compiled("C2"), out=tmp_path / "x")


def test_what_is_for_something_else_is_refused(tmp_path):
    with pytest.raises(InputError, match="alphabet goes with a group"):
        sn.refute(sn.compile(sn.regex("(ab|b)*a")).network(), "regex((ab|b)*a)", alphabet=np.arange(2))
    with pytest.raises(InputError, match="epsilon goes with a group"):
        sn.refute(sn.compile(sn.regex("(ab|b)*a")).network(), "regex((ab|b)*a)", epsilon=0.1)
    with pytest.raises(InputError, match="compiled already"):
        sn.certify(compiled("S3"), tmp_path / "s3", family="gated-aussm")
    folder = compiled("S3").save(tmp_path / "s3")
    with pytest.raises(InputError, match="--family is for a group"):
        sn.certify(folder, family="gated-aussm")
    (tmp_path / "w.csv").write_text("seed,input,target\n0,1 1 0,1 0 0\n")
    with pytest.raises(InputError, match="--length 7 goes with a group"):
        sn.learn(tmp_path / "w.csv", length=7)


def test_evaluate_takes_a_folder(tmp_path):
    folder = compiled("S3").save(tmp_path / "s3")
    assert sn.evaluate(folder, "S3", length=40, words=8).last[-1] == 1.0
    assert sn.evaluate(str(folder), length=40, words=8).last[-1] == 1.0
    with pytest.raises(InputError, match="6 tokens and 6 classes"):
        sn.evaluate(folder, "S4")
    with pytest.raises(InputError, match=r"sn\.evaluate\(model, 'S3'\)"):
        sn.evaluate(compiled("S3").network())
