"""Loading Hugging Face folders with the `transformers` library, which comes with the extra `targets`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ...common.errors import InputError
from ...common.packages import installed, missing_package

SMALL = 2**22
"""So many parameters may be asked for whatever the files hold."""


def require_transformers() -> None:
    """Raises `MissingPackageError` where transformers is not installed."""
    if not installed("transformers"):
        raise missing_package("transformers")


def load(folder: Path, dtype: str = "float32") -> tuple[Any, Any]:
    """Tokenizer and causal language model of a local folder.

    Raises:
        InputError: transformers is not installed, or cannot read the folder.
    """
    require_transformers()
    from transformers import AutoTokenizer

    return _loaded(AutoTokenizer, folder), load_model(folder, dtype)


def load_model(folder: Path, dtype: str = "float32") -> Any:
    """The causal language model alone. Raises `InputError` likewise, and where weights are missing, which transformers
    would draw at random."""
    require_transformers()
    from transformers import AutoModelForCausalLM

    _require_size(folder)
    options = {"output_loading_info": True, "ignore_mismatched_sizes": True}  # these are told below, by name
    model, found = _loaded(AutoModelForCausalLM, folder, dtype=getattr(torch, dtype), **options)
    for name, own, wanted in sorted(found.get("mismatched_keys", ())):
        raise InputError(f"{folder}: {name[:80]} has shape {tuple(own)}, and config.json asks for {tuple(wanted)}")
    if missing := sorted(found["missing_keys"]):
        raise InputError(f"{folder}: {missing[0][:80]} is not in its safetensors files, {len(missing)} missing in all")
    return model


def empty_model(folder: Path) -> Any:
    """The causal language model without its weights: shapes and names alone. Raises `InputError` likewise."""
    require_transformers()
    return _require_size(folder)


def _loaded(cls: Any, folder: Path, **options: Any) -> Any:
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    with refused(folder, "load"):
        return cls.from_pretrained(folder, local_files_only=True, **options)


@contextmanager
def refused(folder: Path, what: str) -> Iterator[None]:
    """Whatever transformers raises about a folder's files, as an `InputError` of one line: a configuration that does
    not fit can break it anywhere."""
    try:
        yield
    except (MemoryError, InputError):  # what we refuse ourselves is said as it is
        raise
    except Exception as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise InputError(f"{folder}: transformers cannot {what} it ({reason})") from None


def _require_size(folder: Path) -> Any:
    """Compare the parameters that the configuration asks for with the files' bytes, before any are made. Returns the
    model without its weights.

    Raises:
        InputError: there are many more than the files hold.
    """
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.initialization import no_init_weights  # thousands of parameters are named, none is drawn

    held = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    with refused(folder, "load"), torch.device("meta"), no_init_weights():
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder, local_files_only=True))
    wanted = sum(parameter.numel() for parameter in model.parameters())
    if wanted > 2 * held + SMALL:
        raise InputError(f"{folder}: config.json asks for {wanted:,} parameters, the files have {held:,} bytes")
    return model
