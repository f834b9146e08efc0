"""What one token does to a state, by the plain references that stand beside fla's kernels.

    python -m tests.generators.eigenvalues_of_fla FLA

FLA is a checkout of flash-linear-attention (bc3b101); einops has to be installed. The references are run as they are,
on basis states; gates are drawn as the layers make them from projections, whose lines the records name. Writes
`tests/data/eigenvalues_of_fla.json`: a configuration, the least and the largest real part of an eigenvalue, and the
largest imaginary part, over 2,000 tokens.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, normalize, softplus

DATA = Path(__file__).parent.parent / "data" / "eigenvalues_of_fla.json"
SIZE, TOKENS = 3, 2000
Run = Callable[[Any, Tensor], Tensor]


def loaded(root: Path, name: str) -> Any:
    """`ops/NAME/naive.py`, without the package around it."""
    spec = importlib.util.spec_from_file_location(f"naive_{name}", root / "fla" / "ops" / name / "naive.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def wide(*shape: int) -> Tensor:
    """What a projection gives: some near 0, some far from it."""
    return torch.randn(*shape) * torch.tensor([0.3, 3.0, 30.0])[torch.randint(3, shape)]


def rows(value: Tensor) -> Tensor:
    """The same token for each state of a batch."""
    return value.expand(SIZE + 1, *value.shape[1:])


def keys() -> Tensor:
    return rows(normalize(torch.randn(1, 1, 1, SIZE), dim=-1))


def decay(*shape: int) -> Tensor:
    return rows(-torch.exp(torch.randn(())) * softplus(wide(1, 1, 1, *shape)))


def gate(*shape: int) -> Tensor:
    return rows(wide(1, 1, 1, *shape).sigmoid())


def zeros() -> Tensor:
    return torch.zeros(SIZE + 1, 1, 1, SIZE)


def delta_net(most: float) -> Run:
    def run(naive: Any, state: Tensor) -> Tensor:
        k, beta = keys(), most * gate()
        found: Tensor = naive.delta_rule_recurrence(k, k, zeros(), beta, state)[1]
        return found

    return run


def comba(naive: Any, state: Tensor) -> Tensor:
    k = keys()  # what is erased has the direction of what is written, and is divided by its norm
    found: Tensor = naive.naive_recurrent_comba(
        k, k, zeros(), k, gate(), decay(), initial_state=state, output_final_state=True
    )[1]
    return found


def kda(most: float) -> Run:
    def run(naive: Any, state: Tensor) -> Tensor:
        k = keys()
        found: Tensor = naive.naive_recurrent_kda(
            k, k, zeros(), decay(SIZE), most * gate(), initial_state=state, output_final_state=True
        )[1]
        return found

    return run


def preconditioned(most: float) -> Run:
    def run(naive: Any, state: Tensor) -> Tensor:
        k, past = keys(), rows(10 * torch.rand(1, 1, SIZE) ** 4)
        options = {"initial_state": state, "initial_A_state": past, "output_final_state": True}
        found: Tensor = naive.naive_recurrent_precond_gated_delta_rule(
            k, k, zeros(), decay(), decay(), gate(), most * gate(), **options
        )[1]
        return found

    return run


def gla(naive: Any, state: Tensor) -> Tensor:
    gates = rows(logsigmoid(wide(1, 1, 1, SIZE)) / 16)
    found: Tensor = naive.naive_recurrent_gla(keys(), keys(), zeros(), gates, state, True)[1]
    return found


def mesa_net(naive: Any, state: Tensor) -> Tensor:
    gates, k = logsigmoid(rows(wide(1, 1))), rows(normalize(torch.randn(1, 1, SIZE), dim=-1))
    nothing = torch.zeros(SIZE + 1, 1, SIZE)
    found: Tensor = naive.naive_mesa_net_decoding_one_step(
        k, k, nothing, gates, torch.ones(1, SIZE), gate()[:, 0], torch.zeros_like(state), state, 1
    )[2]
    return found


def hgrn(naive: Any, state: Tensor) -> Tensor:
    gates = logsigmoid(rows(wide(1, 1, SIZE)))
    found: Tensor = naive.naive_recurrent_hgrn(torch.zeros(SIZE + 1, 1, SIZE), gates, state[:, 0, :, 0], True)[1]
    return torch.cat([found[:, None, :, None], torch.zeros(SIZE + 1, 1, SIZE, SIZE - 1)], -1)


CASES: list[tuple[dict[str, Any], str, Run]] = [
    ({"model_type": "delta_net"}, "delta_rule", delta_net(1)),
    ({"model_type": "delta_net", "allow_neg_eigval": True}, "delta_rule", delta_net(2)),
    ({"model_type": "comba"}, "comba", comba),
    ({"model_type": "kda"}, "kda", kda(1)),
    ({"model_type": "kda", "allow_neg_eigval": True}, "kda", kda(2)),
    ({"model_type": "precond_gated_deltanet"}, "precond_gated_delta_rule", preconditioned(1)),
    ({"model_type": "precond_gated_deltanet", "allow_neg_eigval": True}, "precond_gated_delta_rule", preconditioned(2)),
    ({"model_type": "gla"}, "gla", gla),
    ({"model_type": "mesa_net"}, "mesa_net", mesa_net),
    ({"model_type": "hgrn"}, "hgrn", hgrn),
]


def measured(naive: Any, run: Run) -> list[float]:
    """Over many tokens: least and largest real part, largest imaginary part."""
    values = []
    for _ in range(TOKENS):
        state = torch.zeros(SIZE + 1, 1, SIZE, SIZE)
        for i in range(SIZE):
            state[1 + i, 0, i, 0] = 1
        after = run(naive, state)[:, 0, :, 0].double()
        values.append(torch.linalg.eigvals((after[1:] - after[:1]).T))
    found = torch.cat(values)
    return [round(float(x), 4) for x in (found.real.min(), found.real.max(), found.imag.abs().max())]


def main() -> None:
    torch.manual_seed(0)
    root = Path(sys.argv[1])
    found = [(config, *measured(loaded(root, name), run)) for config, name, run in CASES]
    DATA.write_text("[\n" + ",\n".join(json.dumps(row) for row in found) + "\n]\n")


if __name__ == "__main__":
    main()
