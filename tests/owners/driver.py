"""Runs checkpoints in their owners' code, in an environment of its own: nothing of this project is imported here.

    python driver.py LIBRARY SOURCE < request.json > answer.json

LIBRARY is `fla`, `mamba` or `pd-ssm`; SOURCE a folder that is put first on the path (empty: what is installed), or the
published file of PD-SSM. A request is {"folder", "dtype", "runs": [{"tokens", "mask", "how", "cuts"}, …]}: token
numbers (batch, length), a mask of padding, `whole`, `cached` (token by token) or `pieces` (cut at `cuts`). An answer
has for each run the best token at every position, or the error as text; and the versions that ran.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import json
import os
import sys
import warnings
from pathlib import Path
from typing import Any

os.environ.setdefault("TRITON_INTERPRET", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
warnings.filterwarnings("ignore")

import torch  # noqa: E402

interpreter = importlib.import_module("interpreter")  # beside this file
stand_ins = importlib.import_module("stand_ins")


def fla_model(folder: str, dtype: str) -> Any:
    """A model of fla's, by transformers; `dtype` auto is what its configuration says."""
    import fla.models  # noqa: F401
    from transformers import AutoModelForCausalLM
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    interpreter.loops("fla")
    chosen = dtype if dtype == "auto" else getattr(torch, dtype)
    loaded: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=chosen, output_loading_info=True)
    model, found = loaded
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        assert not found[kind], (kind, found[kind])
    return model.eval()


def mamba_model(folder: str, dtype: str) -> Any:
    """A model of mamba_ssm's. Its loader reads pytorch_model.bin alone, so that the weights are put in here. The
    release 2.3.2.post1 has the layer and its kernels, but its model does not know the name: it is given to it."""
    stand_ins.selective_scan()
    stand_ins.step()
    from mamba_ssm.models import mixer_seq_simple
    from mamba_ssm.models.config_mamba import MambaConfig
    from mamba_ssm.modules.mamba3 import Mamba3
    from safetensors.torch import load_file

    interpreter.loops("mamba_ssm")
    config = json.loads((Path(folder) / "config.json").read_text())
    if not hasattr(mixer_seq_simple, "Mamba3"):
        mixer_seq_simple.Mamba2 = Mamba3
        config["ssm_cfg"]["layer"] = "Mamba2"
    model = mixer_seq_simple.MambaLMHeadModel(MambaConfig(**config), dtype=getattr(torch, dtype))
    model.load_state_dict(load_file(f"{folder}/model.safetensors"))
    return model.eval()


def pd_ssm_model(folder: str, dtype: str, source: str) -> Any:
    """The class of the published file."""
    from safetensors.torch import load_file

    spec = importlib.util.spec_from_file_location("pdssm", source)
    module = importlib.util.module_from_spec(spec)  # type: ignore[arg-type]
    spec.loader.exec_module(module)
    model = module.PD(**json.loads((Path(folder) / "config.json").read_text()))
    model.load_state_dict(load_file(f"{folder}/model.safetensors"))
    return model.eval()


def stepped(model: Any, tokens: Any, cuts: list[int]) -> Any:
    """A prompt up to the first cut, then token by token, by mamba_ssm's own cache."""
    from mamba_ssm.utils.generation import InferenceParams

    stand_ins.step_of_one_token()
    cache = InferenceParams(max_seqlen=tokens.shape[1], max_batch_size=len(tokens))
    found = [model(tokens[:, : cuts[0]], inference_params=cache).logits]
    for at in range(cuts[0], tokens.shape[1]):
        cache.seqlen_offset = at
        found.append(model(tokens[:, at : at + 1], inference_params=cache).logits)
    return torch.cat(found, 1)


@torch.no_grad()
def logits(model: Any, library: str, run: dict[str, Any]) -> Any:
    """(batch, length, classes) of one run."""
    tokens = torch.tensor(run["tokens"])
    if library == "pd-ssm":
        return model(tokens)
    if library == "mamba":
        return stepped(model, tokens, run["cuts"]) if run["how"] == "cached" else model(tokens).logits
    mask = torch.tensor(run["mask"]) if run.get("mask") else None
    if run["how"] == "whole":
        return model(tokens, attention_mask=mask, use_cache=False).logits
    length = tokens.shape[1]
    cuts = list(range(1, length)) if run["how"] == "cached" else run["cuts"]
    cache, found = None, []
    for start, stop in zip([0, *cuts], [*cuts, length], strict=True):
        seen = mask[:, :stop] if mask is not None else None
        output = model(tokens[:, start:stop], attention_mask=seen, past_key_values=cache, use_cache=True)
        cache = output.past_key_values
        found.append(output.logits)
    return torch.cat(found, 1)


def versions() -> dict[str, str]:
    """Of what is installed."""
    found = {}
    for name in ("torch", "triton", "transformers", "flash-linear-attention", "mamba-ssm"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


def main() -> None:
    """One request."""
    library, source = sys.argv[1:]
    answer = sys.stdout
    sys.stdout = sys.stderr  # libraries print
    if library != "pd-ssm":
        if source:
            sys.path.insert(0, source)
        interpreter.install()
    request = json.load(sys.stdin)
    folder, dtype = request["folder"], request["dtype"]
    if library == "pd-ssm":
        model = pd_ssm_model(folder, dtype, source)
    else:
        model = (fla_model if library == "fla" else mamba_model)(folder, dtype)
    found: list[Any] = []
    for run in request["runs"]:
        try:
            found.append(logits(model, library, run).float().argmax(-1).tolist())
        except (AssertionError, RuntimeError, ValueError) as error:
            found.append(str(error))
    json.dump({"versions": versions(), "answers": found}, answer)


if __name__ == "__main__":
    main()
