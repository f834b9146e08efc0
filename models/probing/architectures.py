"""ARCHITECTURE: one of our families, a class of transformers, or somebody's own factory of torch modules.

    negative-mamba                 a family of ours, or a stack of them (train knows them)
    mamba2                         a model_type of transformers: a tiny model of that class; where a family of ours has
                                   the name, transformers:mamba
    my_model/config.json           a configuration of transformers; its vocabulary becomes the task's
    models.py:make                 a function make(letters, classes) → torch.nn.Module, ids (batch, length) → logits

A module answers at every position: logit j is state or element j, as `subnormal evaluate` reads it by default.
"""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...algebra.depth.families import ALL_FAMILIES
from ...common.errors import InputError
from ...common.packages import installed
from ...common.reading import read_text
from ..foreign.model import function_of
from ..references.folder import read_config

__all__ = ["Architecture", "read_architecture", "read_architectures"]

OWN, LIBRARY, FACTORY = "family", "transformers", "factory"
"""The kinds of architectures."""

PREFIX = "transformers:"
"""Before a model_type that is a family of ours too."""

Factory = Callable[[int, int], nn.Module]
"""Number of letters, number of classes → a fresh module."""

WIDTH, LAYERS = 64, 2
"""Of a tiny model of transformers, and of our own stacks."""

MOST_PARAMETERS = 100_000_000
"""Of a configuration that is trained here; more is a mistake, or a matter for a cluster of its own."""


@dataclass(frozen=True)
class Architecture:
    """What is copied and trained.

    Arguments:
        name: as it is shown; the column of the table.
        kind: `family`, `transformers` or `factory`.
        content: what makes it: the family's name and layers, the configuration, or the file and function.
        digest: of a factory's source.
        factory: a factory that was given as a function, not as a file.
    """

    name: str
    kind: str
    content: Mapping[str, Any]
    digest: str = ""
    factory: Factory | None = field(default=None, compare=False)

    def as_json(self) -> dict[str, Any]:
        """What tells it from others: the same content is the same architecture."""
        return {"kind": self.kind, "content": dict(self.content), "digest": self.digest}

    def build(self, letters: int, classes: int, seed: int) -> nn.Module:
        """A fresh copy: ids (batch, length) → logits (batch, length, at least `classes`), or what has `.logits`.

        Raises:
            InputError: it cannot be built, or is larger than what is trained here.
        """
        torch.manual_seed(seed)
        if self.kind == LIBRARY:
            return _library_model(self.content["config"], letters, classes, self.name)
        if self.kind == FACTORY:
            return _made(self.factory or function_of(_text_of(self.content)), letters, classes, self.name)
        raise InputError(f"{self.name}: families of ours are trained by `train`")


def answers(module: nn.Module, words: Tensor, classes: int) -> Tensor:
    """The logits (batch, length, classes) of a module for ids (batch, length).

    Raises:
        InputError: it gives something else; the message has the shape.
    """
    # without a cache: nobody wants one here, and some classes have none for every stack
    found = module(input_ids=words, use_cache=False) if _is_of_transformers(module) else module(words)
    logits = getattr(found, "logits", found)
    wanted = (*words.shape, classes)
    if not isinstance(logits, Tensor) or logits.dim() != 3 or logits.shape[:2] != words.shape:
        got = tuple(logits.shape) if isinstance(logits, Tensor) else type(found).__name__
        raise InputError(f"the module gave {got} for ids {tuple(words.shape)}; wanted logits {wanted}")
    if logits.shape[2] < classes:
        raise InputError(f"the module gave {logits.shape[2]} logits; the task has {classes} classes")
    return logits[..., :classes]


def _is_of_transformers(module: nn.Module) -> bool:
    return hasattr(module, "config") and hasattr(module, "get_input_embeddings")


@torch.no_grad()
def require_causal(module: nn.Module, letters: int, classes: int, name: str) -> None:
    """InputError where an answer depends on letters that come later: such a module cannot be judged letter by letter.

    Tried on one word of 12 letters, changed at its end.
    """
    length = 12
    word = torch.arange(length).remainder(letters)[None]
    other = word.clone()
    other[0, -1] = (other[0, -1] + 1) % letters
    if letters < 2:
        return
    module.eval()
    before, after = (answers(module, one, classes)[0, :-1] for one in (word, other))
    module.train()
    moved = (before - after).abs().amax(-1) > 1e-3 * (1 + before.abs().amax(-1))
    if bool(moved.any()):
        place = int(moved.nonzero()[0]) + 1
        raise InputError(
            f"{name}: its answer at position {place} of {length} moved when letter {length} was changed; wanted a "
            "causal module, whose answer after each letter depends on the letters up to it"
        )


def read_architectures(given: str | object, layers: int | None = None, width: int | None = None) -> list[Architecture]:
    """One or several architectures: texts separated by `;`, a list of them, or the thing itself.

    Arguments:
        given: what the module's text says, a transformers configuration, or a factory as a function.
        layers: of our own stacks and of tiny models; None for 2, or what a list of families has.
        width: hidden size of tiny models; None for 64.

    Raises:
        InputError: it is not known, or two have one name.
    """
    parts = [part.strip() for part in given.split(";")] if isinstance(given, str) else given
    listed = list(parts) if isinstance(parts, list | tuple) else [parts]
    if not listed or any(part == "" for part in listed):
        raise InputError(f"architecture: {str(given)[:40]!r}; wanted e.g. negative-mamba, mamba2, or file.py:factory")
    found = [read_architecture(part, layers, width) for part in listed]
    for one in found:
        if [other.name for other in found].count(one.name) > 1:
            raise InputError(f"architecture: {one.name[:60]!r} comes twice; name each once")
    return found


def read_architecture(given: object, layers: int | None = None, width: int | None = None) -> Architecture:
    """One architecture; see `read_architectures`."""
    if isinstance(given, Architecture):
        return given
    if not isinstance(given, str | Path):
        return _of_object(given)
    text = str(given)
    path, _, function = text.rpartition(":")
    if path.endswith(".py"):
        return _of_file(Path(path), function)
    if text.endswith(".py"):
        raise InputError(
            f"{text}: which function of it? wanted {text}:make, a function make(letters, classes) → module"
        )
    names = [name.strip() for name in text.split(",")]
    if all(name in ALL_FAMILIES for name in names):
        count = len(names) if len(names) > 1 else layers or LAYERS
        if layers not in (None, count):
            raise InputError(f"layers: {layers}, but the stack {text} has {count}")
        name = text if len(names) > 1 else f"{text} x{count}"
        return Architecture(name, OWN, {"family": ",".join(names), "layers": count})
    if Path(text).exists() or text.endswith(".json"):
        config = read_config(Path(text))
        if layers is not None or width is not None:
            raise InputError(f"layers, width: go with a tiny model; {text} is a configuration and has its own")
        return _of_config(config, Path(text).parent.name if Path(text).is_file() else Path(text).name)
    return _of_model_type(text.removeprefix(PREFIX), layers or LAYERS, width or WIDTH)


def _of_object(given: object) -> Architecture:
    if hasattr(given, "to_dict") and hasattr(given, "model_type"):
        content = json.loads(json.dumps(given.to_dict(), default=str))
        return _of_config(content, "given")
    if not callable(given):
        raise InputError(
            f"architecture: a {type(given).__name__}; wanted a text such as mamba2, a transformers configuration, or a "
            "function (letters, classes) → torch.nn.Module"
        )
    name = getattr(given, "__name__", type(given).__name__)
    try:
        source = inspect.getsource(given)
    except (OSError, TypeError):
        source = f"{getattr(given, '__module__', '')}.{getattr(given, '__qualname__', name)}"
    return Architecture(name, FACTORY, {"function": name}, _digest(source), given)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:20]


def only_recurrent(architecture: Architecture) -> int | None:
    """The number of layers of a transformers model none of whose parts is attention; None where one is."""
    with torch.random.fork_rng():
        module = architecture.build(2, 2, 0)
    names = [type(part).__name__.lower() for part in module.modules()]
    if any("attention" in name for name in names):
        return None
    count = getattr(module.config, "num_hidden_layers", None)
    return count if isinstance(count, int) else None


# ---------------------------------------------------------------------------------------------- factories


def _of_file(path: Path, function: str) -> Architecture:
    digest = _digest(read_text(path, wanted=f"wanted a file with a function {function[:40]}(letters, classes)"))
    architecture = Architecture(f"{path.name}:{function}", FACTORY, {"file": str(path.resolve()), "function": function})
    function_of(_text_of(architecture.content))  # found now, not by the first worker
    return Architecture(architecture.name, FACTORY, architecture.content, digest)


def _text_of(content: Mapping[str, Any]) -> str:
    return f"{content['file']}:{content['function']}"


def _made(factory: Factory, letters: int, classes: int, name: str) -> nn.Module:
    with _said(f"{name}({letters}, {classes}): it raised"):
        module = factory(letters, classes)
    if not isinstance(module, nn.Module):
        raise InputError(
            f"{name}: it returned a {type(module).__name__}; wanted a torch.nn.Module, ids (batch, length) → logits"
        )
    _require_parameters(module, name)
    return module


@contextmanager
def _said(what: str) -> Iterator[None]:
    """Whatever somebody's code raises, as an `InputError` of one line."""
    try:
        yield
    except (InputError, MemoryError, KeyboardInterrupt):
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:160]
        raise InputError(f"{what} {type(error).__name__} ({reason})") from None


def _require_parameters(module: nn.Module, name: str) -> None:
    count = sum(parameter.numel() for parameter in module.parameters())
    if not any(parameter.requires_grad for parameter in module.parameters()):
        raise InputError(f"{name}: no parameter of it can be trained")
    if count > MOST_PARAMETERS:
        raise InputError(f"{name}: {count:,} parameters; at most {MOST_PARAMETERS:,} are trained: make it smaller")


# ---------------------------------------------------------------------------------------------- transformers


def _of_config(config: Mapping[str, Any], name: str) -> Architecture:
    if "model_type" not in config:
        raise InputError(f"{name}: no model_type in the configuration; wanted one of a transformers model, e.g. mamba2")
    decoded = {key: _number(value) for key, value in config.items() if not key.startswith("_")}
    return Architecture(f"{config['model_type']} ({name})", LIBRARY, {"config": decoded})


def _number(value: Any) -> Any:
    """A value as transformers writes it: infinities are dictionaries there."""
    if isinstance(value, Mapping) and set(value) == {"__float__"}:
        return float(value["__float__"])
    return [_number(one) for one in value] if isinstance(value, list) else value


def _of_model_type(model_type: str, layers: int, width: int) -> Architecture:
    if not installed("transformers"):
        raise InputError(
            f"unknown architecture {model_type[:60]!r}; wanted {', '.join(ALL_FAMILIES)}, or file.py:function; classes "
            "of transformers need pip install 'subnormal[targets]'"
        )
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES
    from transformers.utils import logging

    if model_type not in CONFIG_MAPPING_NAMES:
        raise InputError(
            f"unknown architecture {model_type[:60]!r}; wanted a family ({', '.join(ALL_FAMILIES)}), a model_type of "
            "transformers (olmo_hybrid, qwen3_next, mamba2 …), a config.json, or file.py:function"
        )
    logging.set_verbosity_error()
    problem = "it has no causal language model"
    usual = AutoConfig.for_model(model_type)
    if type(usual) in AutoModelForCausalLM._model_mapping:
        for types in _layer_types(usual, layers):
            try:
                content = {"model_type": model_type, **_tiny(usual, layers, width), **types}
                with torch.random.fork_rng():
                    module = _library_model(content, 5, 7, model_type)
                    answers(module, torch.arange(6)[None] % 5, 7).sum().backward()
            except MemoryError:
                raise
            except Exception as error:  # a class refuses such a stack, or such sizes: the next is tried
                problem = " ".join(str(error).split())[:120]
                continue
            return Architecture(f"{model_type} x{layers}", LIBRARY, {"config": content})
    raise InputError(
        f"{model_type}: no tiny model of it could be made ({problem}); wanted a config.json of a small one"
    )


def _layer_types(usual: Any, layers: int) -> list[dict[str, Any]]:
    """Ways to say which layers are recurrent: all; all but the last where the class insists on attention; its own."""
    if "layer_types" not in usual.to_dict():
        return [{}]
    kinds = list(dict.fromkeys(usual.layer_types or ["linear_attention", "full_attention"]))
    recurrent = next((kind for kind in kinds if "full" not in kind and "sliding" not in kind), kinds[0])
    every = [recurrent] * layers
    last = [*every[:-1], "full_attention"] if layers > 1 else [*every, "full_attention"]
    return [{"layer_types": every}, {"layer_types": last, "num_hidden_layers": len(last)}, {}]


SMALL: dict[str, int] = {
    "num_attention_heads": 2, "num_key_value_heads": 2, "linear_num_key_heads": 4, "linear_num_value_heads": 4,
    "linear_key_head_dim": 16, "linear_value_head_dim": 16, "state_size": 16, "n_groups": 1, "num_experts": 2,
    "num_experts_per_tok": 1, "num_local_experts": 2, "moe_intermediate_size": 64,
    "shared_expert_intermediate_size": 64, "shared_intermediate_size": 64, "mamba_d_state": 16, "mamba_n_groups": 1,
    "mamba_d_head": 16, "chunk_size": 32, "mamba_chunk_size": 32,
}  # fmt: skip
"""Sizes of tiny models, for the fields that a class has."""


def _tiny(usual: Any, layers: int, width: int) -> dict[str, Any]:
    """The fields of a tiny configuration of a class, of those that the class has."""
    known = usual.to_dict()
    sizes: dict[str, Any] = SMALL | {
        "hidden_size": width,
        "intermediate_size": 2 * width,
        "num_hidden_layers": layers,
        "head_dim": 16 if "state_size" in known else width // 2,
        "num_heads": width // 8,
        "mamba_n_heads": width // 8,
        "n_embd": width,
        "n_layer": layers,
        "n_head": 2,
    }
    tokens = dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"))
    return {name: value for name, value in sizes.items() if name in known} | tokens | {"tie_word_embeddings": False}


def _library_model(config: Mapping[str, Any], letters: int, classes: int, name: str) -> nn.Module:
    """A random model of a configuration, whose vocabulary is the task's."""
    from ..references.hugging_face import require_transformers

    require_transformers()
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.utils import logging

    logging.set_verbosity_error()
    own = {key: value for key, value in config.items() if key not in ("model_type", "transformers_version")}
    own |= {"vocab_size": max(letters, classes)} | dict.fromkeys(("pad_token_id", "bos_token_id", "eos_token_id"))
    with _said(f"{name}: transformers cannot make it:"):
        asked = AutoConfig.for_model(config["model_type"], **own)
        with torch.device("meta"):
            _require_parameters(AutoModelForCausalLM.from_config(asked), name)
        model: nn.Module = AutoModelForCausalLM.from_config(asked)
    return model.float().train()
