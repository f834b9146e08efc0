"""What stands for code of mamba_ssm's that needs a GPU: its own references; imported before its packages are.

Mamba-1's scan is compiled for CUDA, and the step by which Mamba-3 decodes one token is written in CuTe
(`ops/cute/mamba3/mamba3_step_fn.py`, which imports cutlass, and asserts that all tensors are on a GPU). The reference
of that step stands in the same file, and is taken out of it here; the angles of the step are a kernel of Triton's, and
run.
"""

from __future__ import annotations

import ast
import importlib
import importlib.util
import inspect
import sys
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

STEP = "mamba_ssm.ops.cute.mamba3.mamba3_step_fn"
REFERENCE = "selective_state_update_fused_ref_v2"


def selective_scan() -> None:
    """A name for Mamba-1's kernel, never called here."""
    try:
        importlib.import_module("selective_scan_cuda")
    except ImportError:
        sys.modules["selective_scan_cuda"] = ModuleType("selective_scan_cuda")


def step() -> None:
    """Mamba-3's step by mamba_ssm's own reference."""
    found = importlib.util.find_spec("mamba_ssm")
    if found is None or not found.origin or STEP in sys.modules:
        return
    path = Path(found.origin).parent / "ops" / "cute" / "mamba3" / "mamba3_step_fn.py"
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [part for part in tree.body if isinstance(part, ast.FunctionDef) and part.name == REFERENCE]
    names: dict[str, Any] = {"torch": torch}
    exec(compile(tree, str(path), "exec"), names)  # one function of the installed file

    def mamba3_step_fn(
        state: Any, old_b: Any, old_x: Any, a: Any, b: Any, c: Any, d: Any, x: Any, dt: Any, trap: Any, xproj: Any,
        outproj: Any = None, state_out: Any = None, out: Any = None, z: Any = None, zproj: Any = None, **_: Any,
    ) -> None:  # fmt: skip
        given, after = names[REFERENCE](state, a, b, c, xproj, x, zproj, z, dt, old_b, old_x, trap, d, outproj)
        out.copy_(given)
        (state if state_out is None else state_out).copy_(after)

    module = ModuleType(STEP)
    module.__dict__["mamba3_step_fn"] = mamba3_step_fn
    sys.modules[STEP] = module


def step_of_one_token() -> None:
    """mamba_ssm's `forward` hands its `step` an input with an axis for the one token, which `step` refuses: that axis
    is taken off here, and put on again."""
    from mamba_ssm.modules.mamba3 import Mamba3

    own = Mamba3.step

    def squeezed(self: Any, u: Any, *states: Any, **options: Any) -> Any:
        out, *rest = own(self, u.squeeze(1), *states, **options)
        return out.unsqueeze(1), *rest

    Mamba3.step = squeezed


@cache
def mamba3_of_fla() -> None:
    """fla's layer, which calls these kernels, without its question for a GPU."""
    module = importlib.import_module("fla.layers.mamba3")
    text = inspect.getsource(module.Mamba3.forward)
    question = '"cuda" not in self.in_proj.weight.device.type'
    assert question in text
    names: dict[str, Any] = {}
    source = f"from __future__ import annotations\nclass Mamba3:\n{text.replace(question, 'False')}"
    exec(compile(source, str(module.__file__), "exec"), module.__dict__, names)
    module.Mamba3.forward = names["Mamba3"].forward
