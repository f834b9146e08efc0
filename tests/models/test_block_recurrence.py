"""The recurrence with blocks against its loop, against matrix products, and its gradients against finite ones."""

import itertools

import pytest
import torch

from subnormal.common.errors import InputError
from subnormal.models.block_recurrence import block_loop, block_scan, block_walk

SHAPES = [(1, 1, 1, 1), (3, 7, 2, 5), (2, 9, 3, 8), (2, 5, 4, 24), (1, 6, 5, 17)]
"""Words, length, block size, blocks."""


def drawn(words, length, size, blocks, dtype=torch.float64):
    generator = torch.Generator().manual_seed(size)
    a = torch.randn(words, length, size, size, blocks, generator=generator, dtype=dtype) / size**0.5
    b = torch.randn(words, length, size, blocks, generator=generator, dtype=dtype)
    return a, b, torch.randn(words, size, blocks, generator=generator, dtype=dtype)


@pytest.mark.parametrize(("shape", "driven"), [(s, d) for s in SHAPES for d in (False, True)])
def test_every_block_is_a_product_of_its_own_matrices(shape, driven):
    a, b, h = drawn(*shape)
    found = block_scan(a, b if driven else None, h)
    for w, k in itertools.product(range(shape[0]), range(shape[3])):
        state = h[w, :, k]
        for t in range(shape[1]):
            state = a[w, t, :, :, k] @ state + (b[w, t, :, k] if driven else 0)
            torch.testing.assert_close(found[w, t, :, k], state)


@pytest.mark.parametrize(("shape", "driven"), [(s, d) for s in SHAPES for d in (False, True)])
def test_the_compiled_loop_has_the_gradients_of_the_other_one(shape, driven):
    results = []
    for run in (block_loop, lambda a, b, h: block_scan(a, b, h, "numba")):
        leaves = [x.requires_grad_() for x in drawn(*shape)]
        states = run(leaves[0], leaves[1] if driven else None, leaves[2])
        (states.sin() * torch.arange(states.numel()).view(states.shape)).sum().backward()
        results.append([states, *(x.grad for x in leaves if x.grad is not None)])
    assert len(results[0]) == len(results[1])
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other)


def test_gradients_against_finite_differences():
    a, b, h = (x.requires_grad_() for x in drawn(2, 3, 2, 3))
    assert torch.autograd.gradcheck(block_scan, (a, b, h))


def test_a_row_of_a_table_that_is_used_twice_gets_both_gradients():
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(4, 3, 3, 8, generator=generator, dtype=torch.float64)
    index, h = torch.randint(4, (5, 6), generator=generator), torch.randn(3, 8, generator=generator).double()
    found = []
    for backend in ("numba", "loop"):
        leaves = table.clone().requires_grad_(), h.clone().requires_grad_()
        block_walk(leaves[0], index, leaves[1], backend).square().sum().backward()
        found.append([x.grad for x in leaves])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


def test_shapes_that_do_not_fit_are_refused():
    a, b, h = drawn(2, 3, 2, 3)
    for wrong in ((a[:, :2], b, h), (a, b[..., :1], h), (a, None, h[:, :1]), (a, None, h[0])):
        with pytest.raises(InputError, match="blocks: shapes"):
            block_scan(*wrong)
    with pytest.raises(InputError, match="unknown backend 'cuda'"):
        block_scan(a, b, h, "cuda")
