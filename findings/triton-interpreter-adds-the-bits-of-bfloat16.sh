#!/usr/bin/env bash
# In Triton's interpreter 1 + 1 = 1.7e38 in bfloat16 (triton 3.7.1).
#
# TRITON_INTERPRET=1 is there to run kernels on a CPU, and runs float32 and float16 as a GPU does. bfloat16 numbers it
# keeps as their bits in uint16, and arithmetic between them is done on the bits: 0x3f80 + 0x3f80 = 0x7f00. A cast from
# float32 cuts off where a GPU rounds to nearest. Sums in float32 of widened values are right, so that many kernels seem
# to work.
# Seen on 2026-11-29:   1 + 1 = 1.7014118346046923e+38   1 + 2^-8 + 2^-12 becomes 1.0, torch has 1.0078125
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q torch==2.13.0 triton==3.7.1 numpy==2.4.6
cat >"$scratch/kernels.py" <<'PYTHON'
import torch
import triton
import triton.language as tl


@triton.jit
def twice(x, y, n: tl.constexpr):
    i = tl.arange(0, n)
    v = tl.load(x + i)
    tl.store(y + i, v + v)


@triton.jit
def cast(x, y, n: tl.constexpr):
    i = tl.arange(0, n)
    tl.store(y + i, tl.load(x + i).to(tl.bfloat16))


ones, out = torch.ones(4, dtype=torch.bfloat16), torch.empty(4, dtype=torch.bfloat16)
twice[(1,)](ones, out, 4)
total = out[0].item()
x = torch.full((4,), 1 + 2**-8 + 2**-12)
cast[(1,)](x, out, 4)
print("1 + 1 =", total, "  1 + 2^-8 + 2^-12 becomes", out[0].item(), "torch has", x.bfloat16()[0].item())
assert total > 1e38, "changed: bfloat16 numbers are added"
assert out[0].item() == 1.0, "changed: a cast to bfloat16 rounds"
PYTHON
TRITON_INTERPRET=1 "$scratch/venv/bin/python" -W ignore "$scratch/kernels.py"
