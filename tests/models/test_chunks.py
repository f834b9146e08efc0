"""Short chunks give transformers' answers; programs as tokens are those that `words --style code` writes."""

import inspect

import numpy as np
import pytest
import torch

from subnormal.experiments.code_words import Programs
from subnormal.models.probing.chunks import RULE, short_chunks
from subnormal.models.prose.samples import samples_of


@pytest.mark.parametrize("model_type", ["olmo_hybrid", "qwen3_next"])
def test_short_chunks_change_nothing_but_rounding(model_type):
    pytest.importorskip("transformers")
    from subnormal.models.probing.architectures import answers, read_architecture

    module = read_architecture(model_type).build(3, 6, 0).eval()
    words = torch.from_numpy(np.random.default_rng(0).integers(3, size=(3, 150)))
    with torch.no_grad():
        whole = answers(module, words, 6)
        with short_chunks(module):
            seen = inspect.getmodule(next(p for p in module.modules() if hasattr(p, "A_log")))
            assert getattr(seen, RULE).keywords == {"chunk_size": 16}
            short = answers(module, words, 6)
    assert not hasattr(getattr(seen, RULE), "keywords")  # as it was
    assert torch.allclose(whole, short, atol=2e-5), float((whole - short).abs().max())


def test_the_rule_comes_back_after_an_error():
    olmo = pytest.importorskip("transformers.models.olmo_hybrid.modeling_olmo_hybrid")
    before = getattr(olmo, RULE)
    part = olmo.OlmoHybridRMSNorm(4)
    with pytest.raises(ZeroDivisionError), short_chunks(part, 8):
        1 // (getattr(olmo, RULE) is before)
    assert getattr(olmo, RULE) is before


@pytest.mark.parametrize("name", ["S3", "C2xC2"])
def test_programs_are_those_of_the_style(name):
    programs = Programs.of(name)
    sample_of = {tuple(s.letters): s for s in samples_of(programs.task, "code", 40, 6, seed=3)}
    for letters, sample in sample_of.items():
        lines = sample.prompt.split("\n")
        ids = [programs.lines.index(line) for line in lines]
        assert ids[1:-1] == list(letters)
        label = int(programs.task.labels(np.array([letters]))[0, -1])
        asked = ids[-1] - len(programs.task.alphabet) - 1
        assert programs.values[programs.answers[label, asked]] == sample.answer


def test_drawn_programs_are_right_when_python_runs_them():
    programs = Programs.of("S3")
    ids, places, right = programs.drawn(np.arange(1, 9), np.random.default_rng(5))
    for row, place, value in zip(ids.tolist(), places.tolist(), right.tolist(), strict=True):
        *program, question = [programs.lines[i] for i in row[: place + 1]]
        variables: dict[str, int] = {}
        exec("\n".join(program), variables)
        assert str(variables[question[len("print(")]]) == programs.values[value]
