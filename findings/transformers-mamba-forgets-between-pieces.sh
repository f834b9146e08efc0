#!/usr/bin/env bash
# Mamba of transformers forgets what came before when a prompt comes in two pieces (transformers 5.23.0).
#
# With a cache, a text may be read in pieces of any length: that is what chunked prefill does, and Mamba-2 of the same
# library does it right. Mamba takes its state from the cache where one token follows; where several do, it starts from
# an empty one (the short convolution's window is kept, so that the difference is small on short texts and easily taken
# for rounding). The state is made long-lived first, since a fresh random model forgets by itself.
# Seen on 2026-11-29, largest difference of the last logits, 6 + 6 tokens against 12:   mamba 0.026   mamba2 0
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q torch==2.13.0 transformers==5.23.0
HF_HUB_OFFLINE=1 "$scratch/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from transformers import Mamba2Config, Mamba2ForCausalLM, MambaConfig, MambaForCausalLM

torch.manual_seed(0)
common = {"vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 2, "state_size": 8}
models = {
    "mamba": MambaForCausalLM(MambaConfig(**common)).eval(),
    "mamba2": Mamba2ForCausalLM(Mamba2Config(**common, num_heads=4, head_dim=16, n_groups=1)).eval(),
}
tokens = torch.randint(0, 50, (1, 12))
found = {}
for name, model in models.items():
    with torch.no_grad():
        for layer in model.backbone.layers:
            layer.mixer.A_log.fill_(-3.0)
            if name == "mamba":
                layer.mixer.dt_proj.bias.fill_(0.5)
        whole = model(tokens).logits[0, -1]
        cache = model(tokens[:, :6], use_cache=True).cache_params
        second = model(tokens[:, 6:], use_cache=True, cache_params=cache).logits[0, -1]
    found[name] = (whole - second).abs().max().item()
    print(name, f"{found[name]:.2g}")
assert found["mamba"] > 1e-3, "changed: Mamba keeps its state between pieces"
assert found["mamba2"] < 1e-5, "changed: Mamba-2 loses its state between pieces"
PYTHON
