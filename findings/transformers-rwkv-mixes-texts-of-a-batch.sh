#!/usr/bin/env bash
# RWKV-4 writes other texts for a batch than for each of its texts alone (transformers 5.23.0).
#
# Texts of equal length, no padding, greedy decoding: a batch gives what its texts give one by one. It does without a
# cache. With one, which is the default of generate, every step of one token takes the token before, by which RWKV
# shifts, from the text above in the batch: texts run into each other, from the second new token on, and nothing warns.
# Who evaluates RWKV-4 in batches by generate meets it.
# Seen on 2026-11-29:   alone: 35 49 2 23   in a batch: 35 1 30 7   in a batch, use_cache=False: 35 49 2 23
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q torch==2.13.0 transformers==5.23.0
"$scratch/venv/bin/python" -W ignore - <<'PYTHON'
import torch
from transformers import RwkvConfig, RwkvForCausalLM

torch.manual_seed(0)
model = RwkvForCausalLM(RwkvConfig(vocab_size=50, hidden_size=32, num_hidden_layers=2, context_length=64)).eval()
with torch.no_grad():
    for parameter in model.parameters():
        if parameter.dim() > 1:
            parameter.mul_(20)  # a trained model's answers depend on what it read; a fresh one's hardly do
texts = torch.randint(1, 50, (3, 8))
options = {"max_new_tokens": 8, "do_sample": False, "eos_token_id": None, "pad_token_id": 0}
alone = torch.cat([model.generate(text[None], **options) for text in texts])[:, 8:]
together = model.generate(texts, **options)[:, 8:]
uncached = model.generate(texts, use_cache=False, **options)[:, 8:]
for name, found in (("alone", alone), ("in a batch", together), ("in a batch, use_cache=False", uncached)):
    print(f"{name}:", *found[0, :4].tolist(), end="   ")
print()
assert torch.equal(alone, uncached), "changed: without a cache a batch differs too"
assert torch.equal(alone[:, 0], together[:, 0])
assert not torch.equal(alone, together), "changed: a batch gives what its texts give alone"
PYTHON
