#!/usr/bin/env bash
# Two conversations with RecurrentGemma, each with a cache of its own, share one recurrent state
# (transformers 5.23.0).
#
# What a model has read is in the cache that is passed: with two caches two texts are read in turns, as a server does.
# RecurrentGemma's caches hold keys, values and nothing else; the states of its recurrent layers are attributes of the
# model. So a text that was read in between, into another cache, changes what comes next, and nothing warns. Position 0
# sets the states back, so that texts one after the other are right.
# Seen on 2026-11-29, difference from the whole text, relative:   alone 4.8e-07   with another text in between 1.6
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q torch==2.13.0 transformers==5.23.0
"$scratch/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from transformers import DynamicCache, RecurrentGemmaConfig, RecurrentGemmaForCausalLM

torch.manual_seed(0)
sizes = {"vocab_size": 50, "hidden_size": 32, "num_hidden_layers": 3, "intermediate_size": 64, "lru_width": 32}
heads = {"num_attention_heads": 2, "num_key_value_heads": 1, "attention_window_size": 64}
model = RecurrentGemmaForCausalLM(RecurrentGemmaConfig(**sizes, **heads)).eval()
with torch.no_grad():
    for name, parameter in model.named_parameters():
        if name.endswith("recurrent_param"):
            parameter.uniform_(-4, -1)  # states that last
        elif parameter.dim() > 1:
            parameter.mul_(10)


@torch.no_grad()
def read(tokens, cache, start):
    positions = torch.arange(start, start + tokens.shape[1])[None]
    return model(tokens, past_key_values=cache, position_ids=positions, use_cache=True).logits[0, -1]


def continued(between):
    mine, other = DynamicCache(config=model.config), DynamicCache(config=model.config)
    read(first, mine, 0)
    if between:
        read(second, other, 0)
    return read(following, mine, 8)


first, second = torch.randint(1, 50, (2, 1, 8))
following = torch.tensor([[7]])
with torch.no_grad():
    whole = model(torch.cat([first, following], 1), use_cache=False).logits[0, -1]
alone, mixed = (((continued(b) - whole).abs().max() / whole.abs().max()).item() for b in (False, True))
print(f"alone {alone:.2g}   with another text in between {mixed:.2g}")
assert alone < 1e-5
assert mixed > 0.1, "changed: a cache holds the recurrent states"
PYTHON
