#!/usr/bin/env bash
# A gate of log 0 makes every output NaN in fla's chunked gated delta rule, and one of -1e9 loses gates beside it
# (flash-linear-attention 0.6.0).
#
# The gate is given as a logarithm, so that "forget everything" is -inf, and any very negative number as good; the
# recurrence S <- exp(g)*S says so. The chunked kernel adds gates up over 64 tokens and takes differences: -inf - -inf is
# NaN, which reaches all tokens, those before the gate too; and next to -1e9 a float32 sum has no room for -0.5. -128 is
# safe: exp(-128) is 0 in float32, and sums of 64 of them are exact.
# fla's kernels run on the CPU here, by Triton's interpreter, which needs two things: the autotuner takes its first
# configuration, and a kernel's loop over range(n) gives the kernel's own integers.
# Seen on 2026-11-29, largest error against the recurrence in double precision, 70 tokens, the gate at the 21st:
#   -128: error 5e-07   -1e+09: error 0.42   -inf: NaN in 70 of 70 tokens
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q torch==2.13.0 triton==3.7.1 transformers==5.23.0 flash-linear-attention==0.6.0 fla-core==0.6.0
TRITON_INTERPRET=1 "$scratch/venv/bin/python" -W ignore - <<'PYTHON'
import builtins
import sys

import numpy as np
import torch
import triton.language as tl
import triton.runtime.autotuner as autotuner
from triton.runtime.interpreter import TensorHandle

autotuner.Autotuner._bench = lambda self, *args, config, **meta: [0.0, 0.0, 0.0]
from fla.ops.gated_delta_rule import chunk_gated_delta_rule


def loop(*bounds):
    own = any(isinstance(bound, tl.tensor) for bound in bounds)
    for i in builtins.range(*(int(b.handle.data.item()) if isinstance(b, tl.tensor) else int(b) for b in bounds)):
        yield tl.tensor(TensorHandle(np.array([i], np.int32), tl.int32), tl.int32) if own else i


for name, module in list(sys.modules.items()):
    if name.startswith("fla") and hasattr(module, "tl"):
        module.range = loop

torch.manual_seed(0)
length, width = 70, 16
q, k, v = (torch.randn(1, length, 1, width) for _ in range(3))
beta = torch.rand(1, length, 1)
found = {}
for gate in (-128.0, -1e9, float("-inf")):
    g = torch.full((1, length, 1), -0.5)
    g[0, 20] = gate
    with torch.no_grad():
        out = chunk_gated_delta_rule(q, k, v, g, beta, use_qk_l2norm_in_kernel=True)[0][0, :, 0]
    state, expected = torch.zeros(width, width, dtype=torch.float64), []
    for t in range(length):
        key, query = (torch.nn.functional.normalize(x[0, t, 0].double(), dim=0) for x in (k, q))
        state = state * g[0, t, 0].double().exp()
        state = state + beta[0, t, 0].double() * torch.outer(key, v[0, t, 0].double() - state.T @ key)
        expected.append(state.T @ query * width**-0.5)
    lost = int(out.isnan().any(-1).sum())
    found[gate] = lost, (out - torch.stack(expected)).abs().nan_to_num().max().item()
    print(f"{gate:g}:", f"NaN in {lost} of {length} tokens" if lost else f"error {found[gate][1]:.2g}")
assert found[-128.0][0] == 0 and found[-128.0][1] < 1e-5, "changed: -128 is no longer safe"
assert found[-1e9][1] > 0.1, "changed: -1e9 loses nothing"
assert found[float("-inf")][0] > 0, "changed: -inf gives no NaN"
PYTHON
