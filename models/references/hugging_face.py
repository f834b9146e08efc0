"""Loading Hugging Face folders with the `transformers` library, which comes with the extra `targets`."""

from __future__ import annotations

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
    """The causal language model alone. Raises `InputError` likewise."""
    require_transformers()
    from transformers import AutoModelForCausalLM

    return _loaded(AutoModelForCausalLM, folder, dtype=getattr(torch, dtype))


def _loaded(cls: Any, folder: Path, **options: Any) -> Any:
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        return cls.from_pretrained(folder, local_files_only=True, **options)
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{folder}: transformers cannot load it ({' '.join(str(error).split())[:120]})") from None
