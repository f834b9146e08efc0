"""What Triton's interpreter lacks for fla's and mamba_ssm's kernels on a CPU; imported before they are.

Four things are put in their place, and none of them is the libraries' arithmetic:

* the autotuner asks a GPU's driver to time configurations: here it takes the first one;
* a loop of a kernel over `range(n)`, n a value of the kernel, yields Python's integers, on which kernels then call
  `.to(…)`: here it yields the kernel's own;
* the interpreter keeps bfloat16 numbers as their bits in uint16, and adds and multiplies *the bits*; a cast to
  bfloat16 cuts off. Here numbers are widened to float32, computed with, and rounded to the nearest, as a GPU does;
* inline PTX (mamba_ssm's tanh, sine and cosine) and CUDA's fast sine and cosine (CyclicFlowAttention's) cannot be
  run: a model of them stands there, chosen by `APPROXIMATE`.

Checks that tensors lie on a GPU, and of what it can, are left out.
"""

from __future__ import annotations

import builtins
import contextlib
import os
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
import triton.language as tl
import triton.runtime.autotuner as autotuner
from triton.runtime.interpreter import InterpreterBuilder, TensorHandle

APPROXIMATE = os.environ.get("APPROXIMATE", "exact")
"""How inline PTX is modelled: `exact` (rounded to float32), `rounded` (11 bits, so that ±1 stays ±1), `random` (a
relative error of up to 2⁻¹¹, but ±1 from |x| = 9.1 on), `low` (2⁻¹¹ too small everywhere, ±1 not reached)."""

RANDOM = np.random.default_rng(0)


def _own(i: int) -> Any:
    return tl.tensor(TensorHandle(np.array([i], dtype=np.int32), tl.int32), tl.int32)


class _Index(int):
    """A number of a loop between constants, on which kernels may call `.to` all the same."""

    def to(self, dtype: Any) -> Any:
        return _own(self).to(dtype)


def _closed(name: str) -> Any:
    """Arithmetic of two numbers of loops, or one and a constant, is such a number again."""
    plain = getattr(int, name)

    def operation(self: Any, other: Any) -> Any:
        found = plain(self, other)
        return _Index(found) if isinstance(found, int) else found

    return operation


for _name in ("add", "sub", "mul", "floordiv", "mod"):
    for _side in ("__", "__r"):
        setattr(_Index, f"{_side}{_name}__", _closed(f"{_side}{_name}__"))


def _loop(*bounds: Any) -> Iterator[Any]:
    of_kernel = any(isinstance(bound, tl.tensor) for bound in bounds)
    for i in builtins.range(*(int(b.handle.data.item()) if isinstance(b, tl.tensor) else int(b) for b in bounds)):
        yield _own(i) if of_kernel else _Index(i)


def _is_bfloat16(handle: Any) -> bool:
    return isinstance(handle, TensorHandle) and handle.dtype.scalar == tl.bfloat16 and handle.data.dtype == np.uint16


def _wide(handle: Any) -> Any:
    if not _is_bfloat16(handle):
        return handle
    return TensorHandle((handle.data.astype(np.uint32) << 16).view(np.float32), tl.float32)


def _rounded(values: Any) -> Any:
    wide = torch.from_numpy(np.ascontiguousarray(np.atleast_1d(values).astype(np.float32)))
    bits = wide.to(torch.bfloat16).view(torch.int16).numpy().view(np.uint16)
    return TensorHandle(bits.reshape(np.shape(values)), tl.bfloat16)


def _approximation(name: str, x: Any) -> Any:
    """What `tanh.approx.f32` and its kin may return, by the documented bounds on their errors."""
    exact = {"cos": np.cos, "sin": np.sin, "tanh": np.tanh}[name](x.astype(np.float64))
    if APPROXIMATE == "exact":
        return exact
    if name != "tanh":
        return exact + RANDOM.uniform(-1, 1, exact.shape) * 2.0**-20.5
    if APPROXIMATE == "rounded":
        mantissa, exponent = np.frexp(exact)
        return np.ldexp(np.rint(mantissa * 2048) / 2048, exponent)
    if APPROXIMATE == "random":
        return np.where(np.abs(x) > 9.1, np.sign(x), exact * (1 + RANDOM.uniform(-1, 1, exact.shape) * 2.0**-11))
    return exact * (1 - 2.0**-11)


class _Answer:
    """What the language asks of a builder's inline assembly."""

    def __init__(self, handle: Any) -> None:
        self.handle = handle

    def get_result(self, _: int) -> Any:
        return self.handle


def install() -> None:
    """Before fla or mamba_ssm is imported."""
    autotuner.Autotuner._bench = lambda self, *args, config, **meta: [0.0, 0.0, 0.0]
    builder: Any = InterpreterBuilder
    dot, binary, unary, fma, cast = (
        builder.create_dot,
        builder.binary_op,
        builder.unary_op,
        builder.create_fma,
        builder.cast_impl,
    )

    def binary_op(self: Any, lhs: Any, rhs: Any, op: Any) -> Any:
        if not (_is_bfloat16(lhs) or _is_bfloat16(rhs)):
            return binary(self, lhs, rhs, op)
        found = binary(self, _wide(lhs), _wide(rhs), op)
        return _rounded(found.data) if found.data.dtype.kind == "f" else found

    def create_fma(self: Any, x: Any, y: Any, z: Any) -> Any:
        found = fma(self, _wide(x), _wide(y), _wide(z))
        return _rounded(found.data) if _is_bfloat16(x) else found

    def cast_impl(self: Any, src: Any, dst_type: Any) -> Any:
        if _is_bfloat16(src):
            src = _wide(src)
        if dst_type.scalar == tl.bfloat16 and src.data.dtype.kind == "f":
            return _rounded(src.data)
        return src if src.dtype.scalar == dst_type.scalar else cast(self, src, dst_type)

    def create_inline_asm(self: Any, asm: str, constraints: Any, args: Any, types: Any, is_pure: Any, pack: Any) -> Any:
        found = np.asarray(_approximation(asm.split(".")[0], args[0].data), dtype=np.float32)
        return _Answer(TensorHandle(found, tl.float32))

    builder.create_dot = lambda self, a, b, d, *rest: dot(self, _wide(a), _wide(b), d, *rest)
    builder.binary_op, builder.create_fma, builder.cast_impl = binary_op, create_fma, cast_impl
    builder.unary_op = lambda self, x, op: (
        _rounded(unary(self, _wide(x), op).data) if _is_bfloat16(x) else unary(self, x, op)
    )
    builder.create_inline_asm = create_inline_asm
    builder.get_bf16 = lambda self, value: _rounded(np.array([value]))
    torch.cuda.device = lambda *args, **options: contextlib.nullcontext()  # type: ignore[assignment]
    torch.cuda.get_device_capability = lambda *args: (9, 0)  # asked for when configurations are chosen


class _Library:
    """In the place of CUDA's library of functions."""

    def __getattr__(self, name: str) -> Any:
        plain = name.removeprefix("fast_").removesuffix("f")

        def function(x: Any) -> Any:
            values = x.handle.data
            found = _approximation(plain, values) if plain != name else getattr(np, name)(values.astype(np.float64))
            return tl.tensor(TensorHandle(np.asarray(found, dtype=np.float32), tl.float32), x.type)

        return function


def loops(*packages: str) -> None:
    """After they are imported: the loops of all modules of these packages that have kernels, and their checks."""
    for name, module in list(sys.modules.items()):
        if not name.startswith(packages):
            continue
        if hasattr(module, "tl"):
            module.__dict__["range"] = _loop
        for library in {"libdevice", "tldevice"} & set(vars(module)):
            module.__dict__[library] = _Library()
        if hasattr(module, "_device_supports_pdl"):  # a kernel that starts before the one before it has ended
            module.__dict__["_device_supports_pdl"] = lambda index: False
        if (check := getattr(module, "validate_cyfa_inputs", None)) is not None:
            module.__dict__["validate_cyfa_inputs"] = _anywhere(check)


def _anywhere(check: Any) -> Any:
    """The same check, but not whether the tensors lie on a GPU."""
    return lambda *tensors, require_cuda=False: check(*tensors)
