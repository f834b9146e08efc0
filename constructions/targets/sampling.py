"""How far the right logit must stand above all others for answers that are sampled, not chosen.

At temperature 1, the default of servers and test harnesses, a token whose logit is d below the best is drawn with a
probability below exp(-d). With V tokens, all of them at least `GAP` + log V below, something wrong is drawn with a
probability below V·exp(-GAP - log V) = exp(-GAP) < `WRONG`. A head is therefore multiplied by a power of 2: that
rounds nothing and no comparison of logits changes, so what is proved of the plain head holds for the sharper one.
"""

from __future__ import annotations

import math

GAP = 30.0
"""exp(-30) < 10⁻¹³."""

WRONG = "1e-13"
"""The bound on the probability of a wrong answer, as it is printed."""

LEAST = 16
"""Heads are made at least so much sharper."""


def sharpness(gap: float, vocabulary: int) -> int:
    """The least power of 2, from 16 on, that makes a gap between logits `GAP` + log(vocabulary); 16 where nothing is
    proved (an infinite gap).

    Example:
        >>> sharpness(1.0, 100)
        64
    """
    factor = LEAST
    while gap * factor < GAP + math.log(vocabulary):
        factor *= 2
    return factor
