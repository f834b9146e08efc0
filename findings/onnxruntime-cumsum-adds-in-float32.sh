#!/usr/bin/env bash
# onnxruntime's CumSum of float32 adds in float32, torch's in double: angles drift after export (onnxruntime 1.32.0).
#
# A running sum of phases is exported from torch to the operator of the same name, and both have float32 inputs and
# outputs. On the CPU torch accumulates it in double precision and rounds each result once; onnxruntime rounds after
# every addition, so that its error grows with the length. Nothing warns.
# Seen on 2026-11-29, a million times 0.1, output:   exactly 100000.00149: torch 100000, onnxruntime 100958.34
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install -q torch==2.13.0 onnx==1.23.0 onnxruntime==1.32.0
"$scratch/venv/bin/python" -W ignore - <<'PYTHON'
import numpy as np
import onnxruntime
import torch
from onnx import TensorProto, helper

tensor = helper.make_tensor_value_info
graph = helper.make_graph(
    [helper.make_node("CumSum", ["x", "axis"], ["y"])],
    "sum",
    [tensor("x", TensorProto.FLOAT, [None])],
    [tensor("y", TensorProto.FLOAT, [None])],
    [helper.make_tensor("axis", TensorProto.INT64, [], [0])],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
model.ir_version = 10
session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
x = np.full(1_000_000, 0.1, np.float32)
exact = x.astype(np.float64).sum()
there = float(session.run(None, {"x": x})[0][-1])
here = torch.from_numpy(x).cumsum(0)[-1].item()
print(f"exactly {exact:.5f}: torch {here:.8g}, onnxruntime {there:.8g}")
assert abs(here - exact) < 0.01, "changed: torch adds in float32"
assert abs(there - exact) > 100, "changed: onnxruntime adds in double"
PYTHON
