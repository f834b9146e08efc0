"""Compiled networks made by hand, without the compiler: the oracle for tests of `models` alone.

S3 > C3 > 1 and S4 > A4 > V4 > 1 as permutations, decomposed by brute force over right cosets.
"""

from __future__ import annotations

import itertools
import math

import numpy as np
import torch

from subnormal.models.network import DCDNetwork

Permutation = tuple[int, ...]


def compose(p: Permutation, q: Permutation) -> Permutation:
    """First p, then q."""
    return tuple(q[i] for i in p)


def inverse(p: Permutation) -> Permutation:
    return tuple(int(i) for i in np.argsort(p))


def power(p: Permutation, exponent: int) -> Permutation:
    result = tuple(range(len(p)))
    for _ in range(exponent):
        result = compose(result, p)
    return result


# For each factor A_i: the moduli of its channels and elements of G_{i-1} that generate it modulo G_i.
SERIES: dict[str, list[tuple[tuple[int, ...], tuple[Permutation, ...]]]] = {
    "S3": [((2,), ((1, 0, 2),)), ((3,), ((1, 2, 0),))],
    "S4": [
        ((2,), ((1, 0, 2, 3),)),
        ((3,), ((1, 2, 0, 3),)),
        ((2, 2), ((1, 0, 3, 2), (2, 3, 0, 1))),
    ],
}


class Compiled:
    """A group, its multiplication table and a network that tracks it.

    `table[g, h]` is the index of g h; `network` takes element indices as tokens.
    """

    def __init__(self, name: str, family: str = "aussm", dtype: str = "float32") -> None:
        series = SERIES[name]
        degree = len(series[0][1][0])
        self.elements = sorted(itertools.permutations(range(degree)))
        index = {p: i for i, p in enumerate(self.elements)}
        self.table = np.array([[index[compose(p, q)] for q in self.elements] for p in self.elements])

        # y = r_k ... r_1 with r_i a product of powers of the factor's generators: residues <-> elements.
        choices = [list(itertools.product(*(range(n) for n in moduli))) for moduli, _ in series]

        def representative(level: int, residues: tuple[int, ...]) -> Permutation:
            result = tuple(range(degree))
            for generator, exponent in zip(series[level][1], residues, strict=True):
                result = compose(result, power(generator, exponent))
            return result

        self.residues: dict[Permutation, tuple[tuple[int, ...], ...]] = {}
        for residues in itertools.product(*choices):
            y = tuple(range(degree))
            for level, part in enumerate(residues):
                y = compose(representative(level, part), y)
            self.residues[y] = residues
        assert len(self.residues) == len(self.elements)

        m = len(self.elements)
        layers = []
        for level, (moduli, _) in enumerate(series):
            above = math.prod(len(c) for c in choices[:level])
            layers.append(
                {
                    "family": family,
                    "channels": len(moduli),
                    "hidden": above * m,
                    "readout": sum(moduli),
                    "activation": "hard",
                    "groups": list(moduli),
                }
            )
        self.network = DCDNetwork(m, m, layers, dtype=dtype, seed=0)
        with torch.no_grad():
            self._fill([moduli for moduli, _ in series], choices)

    def _fill(self, moduli: list[tuple[int, ...]], choices: list[list[tuple[int, ...]]]) -> None:
        network, m = self.network, len(self.elements)
        for parameter in network.parameters():
            parameter.zero_()
        network.embedding.weight.copy_(torch.eye(m))
        groups = [n for level in moduli for n in level]
        offsets = np.concatenate([[0], np.cumsum(groups)])
        for level, layer in enumerate(network.layers):
            upper = list(itertools.product(*choices[:level]))
            d, width = len(moduli[level]), layer.width
            first = layer.transition.parts.index("turns") * d
            above = sum(len(n) for n in moduli[:level])
            for i, state in enumerate(upper):
                for x, token in enumerate(self.elements):
                    unit = i * m + x
                    for group, residue in enumerate(r for part in state for r in part):
                        layer.phi.hidden.weight[unit, int(offsets[group]) + residue] = 1.0
                    layer.phi.hidden.weight[unit, width + x] = 1.0
                    layer.phi.hidden.bias[unit] = -float(above)
                    # The lower layers have read the token already: go back to their state before it.
                    before = self.residues[compose(self._element(state), inverse(token))][:level]
                    increment = self.residues[compose(self._element(before), token)][level]
                    for j, n in enumerate(moduli[level]):
                        turns = ((increment[j] + n // 2) % n - n // 2) / n
                        layer.phi.out.weight[first + j, unit] = turns
            layer.initial_state[:, 0] = 1.0
            row = 0
            for j, n in enumerate(moduli[level]):
                for residue in range(n):
                    layer.psi.weight[row, width + j] = math.cos(2 * math.pi * residue / n)
                    layer.psi.weight[row, width + d + j] = math.sin(2 * math.pi * residue / n)
                    row += 1
        for g, element in enumerate(self.elements):
            for group, residue in enumerate(r for part in self.residues[element] for r in part):
                network.head.weight[g, int(offsets[group]) + residue] = 1.0

    def _element(self, state: tuple[tuple[int, ...], ...]) -> Permutation:
        """The element whose upper residues are `state` and whose lower ones are 0."""
        return next(
            p
            for p, r in self.residues.items()
            if r[: len(state)] == state and not any(any(part) for part in r[len(state) :])
        )

    def products(self, tokens: torch.Tensor) -> torch.Tensor:
        """x_1 ... x_t at every t, by the multiplication table."""
        words = tokens.numpy()
        out = np.empty_like(words)
        current = np.full(len(words), self.elements.index(tuple(sorted(self.elements[0]))))
        for t in range(words.shape[1]):
            current = self.table[current, words[:, t]]
            out[:, t] = current
        return torch.from_numpy(out)

    def words(self, length: int, seed: int = 0) -> torch.Tensor:
        """One random word, one constant word for an element of each order, one commutator word."""
        generator = np.random.default_rng(seed)
        m = len(self.elements)
        rows = [generator.integers(m, size=length)]
        orders: dict[int, int] = {}
        for i, p in enumerate(self.elements):
            order = next(n for n in range(1, 13) if power(p, n) == self.elements[0])
            orders[order] = i
        rows += [np.full(length, i) for order, i in sorted(orders.items()) if order > 1]
        pieces = []
        for _ in range(-(-length // 4)):
            a, b = (self.elements[int(i)] for i in generator.integers(m, size=2))
            pieces += [self.elements.index(p) for p in (a, b, inverse(a), inverse(b))]
        rows.append(np.array(pieces[:length]))
        return torch.from_numpy(np.stack(rows))
