"""Aperiodic automata in Mamba-2 and Qwen3-Next, run by transformers: whole, padded, cached, in pieces; refusals."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import torch

from subnormal.algebra.automata.automaton import Automaton
from subnormal.api.groups import machine
from subnormal.command_line.__main__ import application
from subnormal.common.errors import InputError, RefutedError
from subnormal.constructions.targets.compiler import compile_target
from subnormal.constructions.targets.resets import answers_of
from subnormal.models.references.hugging_face import load
from subnormal.models.references.trial import try_checkpoint
from tests.cases import group

pytest.importorskip("transformers")


def asked(name):
    found = machine(name)
    assert isinstance(found, Automaton)
    return found


TARGETS = ("mamba2", "qwen3-next")
CHAIN = "dyck(1,2)"
"""Four states, several levels: what is before a token cannot be told from what is after it."""


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    made = {}

    def make(name, target):
        if (name, target) not in made:
            folder = tmp_path_factory.mktemp("resets")
            checkpoint = compile_target(asked(name), target)
            checkpoint.save(folder)
            made[name, target] = folder, checkpoint.machine, *load(folder)
        return made[name, target]

    return make


def words_of(automaton, length, seed=0):
    """A random text, and the states along it."""
    word = np.random.default_rng(seed).integers(0, automaton.width, length)
    state, names, wanted = automaton.start, answers_of(automaton), []
    for x in word:
        state = int(automaton.table[state, x])
        wanted.append(names[state])
    return " ".join(automaton.letters[x] for x in word), wanted


def cache_name(model):
    parameters = inspect.signature(type(model).forward).parameters
    return next(name for name in ("cache_params", "past_key_values", "cache") if name in parameters)


def best(tokenizer, logits):
    return tokenizer.convert_ids_to_tokens(logits.argmax(-1).tolist())


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("name", ["flip-flop(2)", "tomita(1)", CHAIN, "dyck(1,3)", "dyck(2,2)"])
def test_random_words(written, name, target):
    folder, machine, _, _ = written(name, target)
    assert try_checkpoint(folder, target, machine, 300) == "transformers"


@pytest.mark.parametrize("target", TARGETS)
def test_every_word_of_six_letters(written, target):
    """By one batch, right-padded with nothing: 64 words, of which every prefix is one too."""
    _, machine, tokenizer, model = written(CHAIN, target)
    automaton, names = machine.automaton, answers_of(machine.automaton)
    words = np.stack(np.meshgrid(*[[0, 1]] * 6, indexing="ij"), -1).reshape(-1, 6)
    with torch.no_grad():
        found = model(torch.from_numpy(words) + 2).logits.argmax(-1)
    for word, row in zip(words, found.tolist(), strict=True):
        state = automaton.start
        for x, answer in zip(word, tokenizer.convert_ids_to_tokens(row), strict=True):
            state = int(automaton.table[state, x])
            assert answer == names[state]


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("target", TARGETS)
def test_padding(written, target, side):
    _, machine, tokenizer, model = written(CHAIN, target)
    tokenizer.padding_side = side
    rows = [words_of(machine.automaton, length, seed=length) for length in (2, 30, 11)]
    tokens = tokenizer([text for text, _ in rows], return_tensors="pt", padding=True)
    with torch.no_grad():
        logits = model(**tokens).logits
    for i, (_, wanted) in enumerate(rows):
        start = logits.shape[1] - len(wanted) if side == "left" else 0
        assert best(tokenizer, logits[i, start : start + len(wanted)]) == wanted


@pytest.mark.parametrize("cuts", [list(range(1, 24)), [1, 9, 10]])
@pytest.mark.parametrize("target", TARGETS)
def test_cached(written, target, cuts):
    _, machine, tokenizer, model = written(CHAIN, target)
    text, wanted = words_of(machine.automaton, 24, seed=3)
    tokens = tokenizer(text, return_tensors="pt").input_ids
    name = cache_name(model)
    cache, found = None, []
    with torch.no_grad():
        for start, stop in zip([0, *cuts], [*cuts, 24], strict=True):
            output = model(tokens[:, start:stop], use_cache=True, **{name: cache})
            cache = output[name]
            found += best(tokenizer, output.logits[0])
    assert found == wanted


@pytest.mark.parametrize("target", TARGETS)
def test_what_is_no_letter_is_unknown_from_there_on(written, target):
    _, machine, tokenizer, model = written("flip-flop(2)", target)
    letters = machine.automaton.letters
    tokens = tokenizer(f"{letters[1]} nonsense {letters[0]} {letters[2]}", return_tensors="pt")
    with torch.no_grad():
        assert best(tokenizer, model(**tokens).logits[0]) == ["state=1", "[UNK]", "[UNK]", "[UNK]"]


def test_a_kept_state_is_kept_exactly(written):
    """After one write, 500 tokens that keep: the cache holds the same bits."""
    _, machine, tokenizer, model = written("flip-flop(2)", "qwen3-next")
    letters = machine.automaton.letters
    states = []
    for count in (1, 500):
        tokens = tokenizer(" ".join([letters[1]] + [letters[2]] * count), return_tensors="pt").input_ids
        with torch.no_grad():
            cache = model(tokens, use_cache=True)[cache_name(model)]
        state = cache.layers[0].recurrent_states
        states.append(state[0] if isinstance(state, (dict, list, tuple)) else state)
    assert states[0].any()
    assert torch.equal(*states)


def test_a_spoiled_checkpoint_is_refuted(written, tmp_path):
    folder, machine, _, _ = written("flip-flop(2)", "mamba2")
    from safetensors.torch import load_file, save_file

    for path in folder.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    weights = load_file(folder / "model.safetensors")
    weights["backbone.embeddings.weight"][2:5] = weights["backbone.embeddings.weight"][2:5].flip(0)
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(RefutedError, match="instead of state="):
        try_checkpoint(tmp_path, "mamba2", machine, 20)


def test_what_is_refused(tmp_path):
    with pytest.raises(InputError, match="no number of Mamba layers can track it"):
        compile_target(asked("tomita(5)"), "qwen3-next")
    with pytest.raises(InputError, match="S3: no number of layers of Mamba2ForCausalLM tracks a group"):
        compile_target(group("S3"), "mamba2")
    with pytest.raises(InputError, match="--alphabet goes with a group"):
        compile_target(asked("flip-flop(2)"), "mamba2", "all")
    with pytest.raises(InputError, match="--resets goes with a group"):
        compile_target(asked("flip-flop(2)"), "mamba2", resets=True)
    with pytest.raises(InputError, match="has one state"):
        compile_target(asked("tomita(1)").__class__.make("one", [[0]]), "mamba2")


def test_the_command(tmp_path, capsys):
    command = ["compile", "tomita(1)", "--target", "qwen3-next", "--out", str(tmp_path / "a")]
    application()(command, standalone_mode=False)
    out = " ".join(capsys.readouterr().out.split())
    assert "tomita(1): 2 states, for Qwen3NextForCausalLM (transformers)" in out
    assert "transformers: right on a random word of 300 letters" in out
