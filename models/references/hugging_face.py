"""Loading Hugging Face folders with the `transformers` library, which comes with the extra `targets`."""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from subnormal.algebra.base.errors import InputError


def require_transformers() -> None:
    """Raises `InputError` where transformers is not installed."""
    if find_spec("transformers") is None:
        raise InputError("this needs the transformers library; install it with pip install 'subnormal[targets]'")


def load(folder: Path, dtype: str = "float32") -> tuple[Any, Any]:
    """Tokenizer and causal language model of a local folder.

    Raises:
        InputError: transformers is not installed, or cannot read the folder.
    """
    require_transformers()
    from transformers import AutoTokenizer

    return _loaded(AutoTokenizer, folder), load_model(folder, dtype)


def load_model(folder: Path, dtype: str = "float32") -> Any:
    """The causal language model alone. Raises `InputError` likewise, and where the configuration describes a larger
    model than the files hold: transformers would fill up what is missing with random numbers."""
    require_transformers()
    from transformers import AutoConfig, AutoModelForCausalLM

    described = _made(folder, lambda: AutoConfig.from_pretrained(folder, local_files_only=True))
    with torch.device("meta"):
        empty = _made(folder, lambda: AutoModelForCausalLM.from_config(described))
    wanted, there = empty.num_parameters(), _made(folder, lambda: _entries(folder))
    if wanted > there:
        raise InputError(f"{folder}: config.json describes {wanted:,} weights, its safetensors files hold {there:,}")
    return _loaded(AutoModelForCausalLM, folder, dtype=getattr(torch, dtype))


def _entries(folder: Path) -> int:
    """The numbers in all safetensors files, by their headers."""
    from safetensors import safe_open

    total = 0
    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, "pt") as file:
            total += sum(math.prod(file.get_slice(name).get_shape()) for name in file.keys())  # noqa: SIM118
    return total


def _loaded(cls: Any, folder: Path, **options: Any) -> Any:
    return _made(folder, lambda: cls.from_pretrained(folder, local_files_only=True, **options))


def _made(folder: Path, make: Callable[[], Any]) -> Any:
    """What transformers makes of a folder. A strange one can end in any exception there."""
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        return make()
    except Exception as error:
        text = " ".join(str(error).split()) or type(error).__name__
        raise InputError(f"{folder}: transformers cannot load it ({text[:160]})") from None
