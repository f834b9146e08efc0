#!/usr/bin/env bash
# A float32 DeltaNet layer of fla runs on 64 tokens and raises on 65 (flash-linear-attention 0.6.0).
#
# One would expect a dtype to be refused when the model is made, or at its first call. Up to 64 tokens go to the
# recurrent kernel, which takes float32; longer texts to the chunked one, which does not. So short trials are green, and
# a token by token cache too. The same holds of GatedDeltaProduct; Gated DeltaNet and KDA take float32 in both.
# fla's kernels run on the CPU here, by Triton's interpreter; the autotuner, which times kernels on a GPU, takes its
# first configuration.
# Seen on 2026-11-29:   64 tokens: ok   65 tokens: ChunkDeltaRuleFunction does not support float32. Please use bfloat16.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q torch==2.13.0 triton==3.7.1 transformers==5.23.0 flash-linear-attention==0.6.0 fla-core==0.6.0
TRITON_INTERPRET=1 "$scratch/venv/bin/python" -W ignore - <<'PYTHON'
import torch
import triton.runtime.autotuner as autotuner

autotuner.Autotuner._bench = lambda self, *args, config, **meta: [0.0, 0.0, 0.0]
from fla.layers import DeltaNet

torch.manual_seed(0)
layer = DeltaNet(hidden_size=32, num_heads=2, use_short_conv=False).eval()
with torch.no_grad():
    short, *_ = layer(torch.randn(1, 64, 32))
    print("64 tokens: ok")
    assert short.isfinite().all()
    try:
        layer(torch.randn(1, 65, 32))
    except AssertionError as error:
        print("65 tokens:", error)
        assert "float32" in str(error), "changed: it fails for another reason"
    else:
        raise SystemExit("changed: 65 tokens run in float32")
PYTHON
