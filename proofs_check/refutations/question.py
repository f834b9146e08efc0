"""What a refutation is asked: of which network, and how far to go."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...algebra.groups.group import Group
from ...models.network import DCDNetwork
from .equalising import LONGEST


@dataclass(frozen=True)
class Budget:
    """How far to go.

    Arguments:
        run_tokens: words up to this length are run; longer ones are confirmed in closed form (one layer) or not at all.
        growth: a divergence witness must carry |h| beyond this.
        letters: letters kept for each layer after the first.
        longest: of the words of a pair in closed form.
    """

    run_tokens: int = 2_000_000
    growth: float = 1000.0
    letters: int = 8
    longest: int = LONGEST


@dataclass(frozen=True, eq=False)
class Question:
    """The model that is to be refuted, and with what.

    Arguments:
        network: in float64.
        own: the same network with the precision it came with.
        group: the group it is said to track.
        alphabet: the element of each token, shape (m,).
        epsilon: two words count as one if all states after them differ by at most this.
        budget: how far to go.
    """

    network: DCDNetwork
    own: DCDNetwork
    group: Group
    alphabet: NDArray[np.integer]
    epsilon: float
    budget: Budget
