"""Adam without `torch.optim`: the same to the bit, and nothing of torch's compiler is imported."""

from __future__ import annotations

import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

from subnormal.models.learning.adam import FusedAdam  # noqa: E402


@pytest.mark.parametrize("betas", [(0.9, 0.99), (0.9, 0.999)])
def test_it_is_torchs_own_to_the_bit(betas):
    generator = torch.Generator().manual_seed(0)
    drawn = [torch.randn(size, generator=generator) for size in ((3, 5), (7,), (2, 2, 2))]
    ours, theirs = ([p.clone().requires_grad_() for p in drawn] for _ in range(2))

    def groups(own):
        return [{"params": own[:2], "lr": 0.1, "weight_decay": 0.3}, {"params": own[2:], "lr": 0.01}]

    adam = FusedAdam(groups(ours), betas)
    oracle = torch.optim.AdamW(groups(theirs), betas=betas, weight_decay=0.0, fused=True)
    for step in range(30):
        for optimiser, own in ((adam, ours), (oracle, theirs)):
            optimiser.param_groups[0]["lr"] = 0.1 / (1 + step)
            optimiser.zero_grad()
            used = own if step % 5 else own[:2]  # a parameter without a gradient stays
            sum((p.sin() * (1 + p)).sum() for p in used).backward()
            optimiser.step()
        assert all(torch.equal(a, b) for a, b in zip(ours, theirs, strict=True)), step


def test_learning_does_not_import_torchs_compiler():
    program = (
        "import sys, subnormal as sn, tempfile;"
        "sn.learn('C2', 1, steps=200, layers_of='diagonal', out=tempfile.mkdtemp() + '/runs');"
        "assert 'torch' in sys.modules; assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
