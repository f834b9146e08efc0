"""What the recipe of learning layer by layer asks of `train`: a loss at every layer, and gradients that stay in one."""

import pytest
import torch

from subnormal.common.errors import InputError
from subnormal.models.batch import NetworkBatch
from subnormal.models.network import DCDNetwork
from subnormal.models.training.configuration import RunConfiguration
from subnormal.models.training.loop import train_batch
from subnormal.models.training.runs import RunStore

LAYER = {"family": "aussm", "channels": 3, "hidden": 8, "readout": 4, "activation": "softmax"}


def batch():
    return NetworkBatch([DCDNetwork(5, 6, [LAYER, LAYER], dtype="float64", seed=seed) for seed in (0, 1)])


TOKENS = torch.randint(5, (2, 3, 7), generator=torch.Generator().manual_seed(0))


def test_the_head_answers_after_every_layer_without_the_layers_above():
    runs = batch()
    every, _ = runs.for_training(TOKENS, every_layer=True)
    last, _ = runs(TOKENS)
    assert every.shape == (2, 2, 3, 7, 6)
    torch.testing.assert_close(every[1], last)
    upper = [name.startswith("layers.1.") for name, shape in runs.shapes.items() for _ in range(shape.numel())]
    with torch.no_grad():
        runs.flat[:, torch.tensor(upper)] += 0.5
    again, _ = runs.for_training(TOKENS, every_layer=True)
    torch.testing.assert_close(again[0], every[0])
    assert (again[1] - every[1]).abs().max() > 1e-3


@pytest.mark.parametrize("local", [False, True])
def test_a_local_gradient_does_not_pass_through_what_a_layer_reads(local):
    runs = batch()
    runs.template.local_gradient = local
    with torch.no_grad():
        runs.parameters(runs.flat)["head.weight"][..., :4] = 0  # the head does not listen to layer 1 itself
    logits, _ = runs(TOKENS)
    (gradient,) = torch.autograd.grad(logits.square().sum(), runs.flat)
    by_name = {name: bool(part.any()) for name, part in runs.parameters(gradient).items()}
    assert by_name["layers.1.phi.out.weight"]
    assert by_name["layers.0.phi.out.weight"] is not local
    assert by_name["layers.0.psi.weight"] is not local


def test_training_with_losses_at_every_layer_and_local_gradients_goes_down(tmp_path):
    base = RunConfiguration(
        "C2xC2", layers=2, steps=150, batch=16, length="1", check_every=15, check_length=20, test_length=20,
        test_words=20, channels=8, activation="softmax", readout=8, losses="every", gradient="local",
        learning_rate=0.01,
    )  # fmt: skip
    assert base.key != base.with_changes(losses="last", gradient="through").key
    row = train_batch([base], RunStore(tmp_path))[0]
    losses = [loss for _, loss, _, _ in row["curve"] if loss is not None]
    assert losses[-1] < 0.8 * losses[0]
    assert row["configuration"]["losses"] == "every"


def test_choices_that_do_not_exist_are_refused():
    with pytest.raises(InputError, match="losses: wanted last or every, got 'all'"):
        RunConfiguration("S3", losses="all")
    with pytest.raises(InputError, match="gradient: wanted through or local"):
        RunConfiguration("S3", gradient="none")
