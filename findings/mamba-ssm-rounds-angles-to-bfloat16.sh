#!/usr/bin/env bash
# mamba_ssm rounds Mamba-3's angles to bfloat16, whatever the dtype of the model (mamba-ssm 2.3.2.post1).
#
# A float32 model computes its projections in float32, and the module casts the angles to float32 with the remark that
# the kernel requires it. The function behind it casts queries, keys, values and angles to bfloat16 before anything is
# done with them. An angle is added up over all tokens, so that the rounding is not noise but a drift: steps of a quarter
# turn, by tanh(a) = 1/2, are a sector off after 226 tokens. The same stands in the sources at e9594ce.
# The kernel is not run here: what it would be given is looked at. Of the package only the Python sources are installed.
# Seen on 2026-11-29:   given 1.001953125 as torch.float32, passed on 1.0 as torch.bfloat16
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q torch==2.13.0 triton==3.7.1 transformers==5.23.0 einops==0.8.2 setuptools==84.2.1 wheel==0.48.0 ninja==1.13.2
MAMBA_FORCE_BUILD=TRUE MAMBA_SKIP_CUDA_BUILD=TRUE "$scratch/venv/bin/pip" install -q --no-deps --no-build-isolation \
    --no-binary mamba-ssm mamba-ssm==2.3.2.post1
"$scratch/venv/bin/python" -W ignore - <<'PYTHON'
import sys
from types import ModuleType

import torch

sys.modules["selective_scan_cuda"] = ModuleType("selective_scan_cuda")  # Mamba-1's kernel, which was not built
from mamba_ssm.ops.triton.mamba3 import mamba3_siso_combined as combined

passed = []


class Recorder:
    @staticmethod
    def apply(*arguments):
        passed.extend(arguments)
        return arguments[2]


combined._Mamba3Function = Recorder
batch, length, heads, width, state = 1, 4, 2, 32, 16
angle = 1 + 2**-9
angles = torch.full((batch, length, heads, state // 2), angle)
combined.mamba3_siso_combined(
    Q=torch.randn(batch, length, 1, state),
    K=torch.randn(batch, length, 1, state),
    V=torch.randn(batch, length, heads, width),
    ADT=-torch.ones(batch, heads, length),
    DT=torch.ones(batch, heads, length),
    Trap=torch.zeros(batch, heads, length),
    Q_bias=torch.zeros(heads, state),
    K_bias=torch.zeros(heads, state),
    Angles=angles,
)
(found,) = [x for x in passed if torch.is_tensor(x) and x.shape == angles.shape]
print(f"given {angle} as {angles.dtype}, passed on {found.flatten()[0].item()} as {found.dtype}")
assert found.dtype == torch.bfloat16 and (found == 1).all(), "changed: angles are passed on as they are"
PYTHON
