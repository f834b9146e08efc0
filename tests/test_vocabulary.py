"""One word stands for one thing in the signatures of the public functions."""

from __future__ import annotations

import inspect
import re

import pytest

import subnormal as sn

FUNCTIONS = [name for name in sn.__all__ if inspect.isfunction(getattr(sn, name))]

MEANING = {
    "tracked": "a group or an automaton: its name, a file, or the thing itself",
    "model": "a network, the folder of one, or anybody's model",
    "reading": "how anybody's model is read",
    "ways": "in which words are read: whole, by the cache, padded …",
    "batch": "words that are run at a time, or trained on in a step",
    "folder": "a folder that compile, learn or train wrote",
    "folders": "several of them",
    "data": "words with labels, or what they are drawn from",
    "path": "a file that is read",
    "text": "a regular expression",
    "out": "the file or folder to write",
    "html": "the page to write",
    "plot": "the picture to write",
    "pruned": "the folder of a second network to write",
    "force": "whether what is there may be replaced",
    "check": "what is checked beside",
    "name": "of a group that has none, or of an experiment",
    "over": "the field of matrices",
    "group": "the group of a network in a folder",
    "family": "a family of layers, or a stack of them",
    "stack": "families, first layer first",
    "alphabet": "the tokens",
    "channels": "of each layer: how many, or of which kind",
    "series": "a subnormal series",
    "optimise": "what to optimise",
    "target": "another library's architecture",
    "resets": "whether tokens reset",
    "answers": "what a checkpoint answers with: elements or points",
    "all_series": "whether all shortest series are counted",
    "pareto": "whether unbeaten series are listed",
    "letters": "the alphabet of a regular expression",
    "arithmetic": "one or several arithmetics",
    "words": "kinds of words, or their number",
    "kind": "of one word",
    "length": "of words",
    "count": "of words",
    "seed": "of what is drawn",
    "seeds": "of several runs",
    "dtype": "precision of a network",
    "network": "whether the network is looked at too",
    "coq": "whether Coq is asked",
    "layers_of": "diagonal, block or auto",
    "matrices": "groups of matrices that a block layer tries",
    "inside": "whether a model's states are looked at too",
    "states": "of the largest machine that is looked for",
    "random": "families of a random network",
    "layers": "how many layers",
    "width": "channels of a random network",
    "activation": "of a random network",
    "epsilon": "how close states count as one",
    "tokens": "the longest word run",
    "max_order": "the largest order",
    "processes": "that work",
    "device": "that trains",
    "runs_together": "in one batch",
    "runs": "how many are trained",
    "steps": "of training",
    "init": "where training starts",
    "noise": "on the initial weights",
    "learning_rate": "of training",
    "tensorboard": "whether logs are written",
    "protocol": "the field's settings",
    "scheduler": "of a cluster",
    "quick": "whether fewer runs do",
    "settings": "fields of a dataclass",
    "architecture": "what copies are trained of",
    "tasks": "groups and automata that are trained on",
    "budget": "how much each copy gets",
    "test_length": "of the words that judge",
    "test_words": "their number",
    "format": "what words are written as",
    "last": "whether only the last label is written",
    "style": "how a task is put in words",
    "distractors": "sentences without effect",
    "paraphrases": "ways to say one thing",
    "generate": "whether a language model writes texts too",
}
"""Every word for a parameter, and what it stands for."""

FIRST = {
    "tracked": {"certify", "compile", "group", "inspect", "machine", "pareto", "show", "train", "words"},
    "model": {"audit", "decompile", "diagnose", "evaluate", "refute"},
    "architecture": {"probe"},
    "folder": {"check", "horizon", "run_word", "verify"},
}
"""What each function is asked about first."""


def parameters(name: str) -> dict[str, inspect.Parameter]:
    return dict(inspect.signature(getattr(sn, name)).parameters)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_parameter_has_a_meaning_and_is_described(name):
    own = parameters(name)
    assert set(own) <= set(MEANING)
    documented = inspect.getdoc(getattr(sn, name)) or ""
    for parameter in own:
        assert re.search(rf"\b{parameter}\b", documented.partition("\n")[2] or documented), (name, parameter)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_is_tracked_is_called_so(name):
    """By the type: what takes a group or an automaton is `tracked`, what takes a network is `model`."""
    for word, parameter in parameters(name).items():
        written = str(parameter.annotation)
        if re.search(r"\b(MachineLike|GroupLike)\b", written) and "DCDNetwork" not in written:
            assert word == "tracked", (name, word)
        if "DCDNetwork" in written:
            assert word == "model", (name, word)


def test_what_is_asked_about_comes_first():
    for word, names in FIRST.items():
        for name in names:
            assert next(iter(parameters(name))) == word, name


def test_no_word_is_left_over():
    used = {word for name in FUNCTIONS for word in parameters(name)}
    assert set(MEANING) - used == set()
