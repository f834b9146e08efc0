"""How far the step of mamba_ssm's Mamba3 carries C4; run in the owners' environment.

    python mamba3_step.py MAMBA FOLDER START LETTER

MAMBA is a checkout that is put first on the path, or empty; FOLDER the checkpoint of C4, START and LETTER the tokens
that begin a text and that turn by a quarter. The kernel of whole texts keeps its angle modulo 2π; that of one token
adds to it without an end (`ops/triton/mamba3/mamba3_mimo_rotary_step.py`, `angle = angle_state + …`), and a float32 sum
of equal turns runs away from their number. 100 turns by the step itself are compared with such a sum; then the state is
put where the sum is after n of them, and one more token is read.
"""

from __future__ import annotations

import importlib
import os
import sys

os.environ.setdefault("TRITON_INTERPRET", "1")

import numpy as np
import torch

interpreter = importlib.import_module("interpreter")  # beside this file


@torch.no_grad()
def main() -> None:
    """C4 by one generator, again and again."""
    source, folder = sys.argv[1:3]
    start, letter = map(int, sys.argv[3:])
    if source:
        sys.path.insert(0, source)
    interpreter.install()
    driver = importlib.import_module("driver")
    model = driver.mamba_model(folder, "float32")
    from mamba_ssm.utils.generation import InferenceParams

    powers = model(torch.tensor([[start, *[letter] * 4]])).logits[0].argmax(-1).tolist()[1:]
    assert len(set(powers)) == 4
    cache = InferenceParams(max_seqlen=10**6, max_batch_size=1)
    one = torch.tensor([[letter]])
    model(torch.tensor([[start]]), inference_params=cache)
    cache.seqlen_offset = 1
    try:
        model(one, inference_params=cache)
    except Exception as refusal:
        print("refused:", str(refusal).splitlines()[-1].strip())
    driver.stand_ins.step_of_one_token()
    angle = cache.key_value_memory_dict[0][0]

    def is_right(n: int) -> bool:
        """After the n-th token, the state being that after n - 1."""
        return int(model(one, inference_params=cache).logits[0, -1].argmax()) == powers[(n - 1) % 4]

    turn = np.float32(0.5) * np.float32(np.pi)
    sums = np.cumsum(np.full(10_000, turn, dtype=np.float32), dtype=np.float32)
    before = angle.clone()
    for n in range(1, 101):
        assert is_right(n), n
        assert set((angle - before).abs().flatten().tolist()) == {0.0, float(sums[n - 1])}, n

    def after(n: int) -> bool:
        angle.copy_((angle - before).sign() * float(sums[n - 2]) + before)
        return is_right(n)

    apart = abs(sums.astype(np.float64) - np.arange(1, len(sums) + 1) * np.pi / 2)
    near = int(np.argmax(apart > np.pi / 4)) + 1  # from here on another residue is nearer
    found = next(n for n in range(near - 5, near + 5) if not after(n))
    for n in (found - 1, found):
        print(n, "right" if after(n) else "wrong")


if __name__ == "__main__":
    main()
