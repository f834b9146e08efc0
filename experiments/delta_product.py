"""How many Householder factors a group asks of a trained layer: one layer of our delta-rule families on S3, S4, A5, S5.

The DeltaProduct paper (Siems et al. 2025) shows pictures of accuracy against length, no lengths. A cell's figure of the
paper is therefore "can" where its one-layer model stays right beyond the length that it was trained on, and a cross
where not; so it is, for S3, S4 and A5 from two factors on, and for S5 with four. Ours have some thousand
parameters and see 80,000 words.
"""

from __future__ import annotations

from .cells import CROSS, Budget, Cell

FULL = Budget(
    3,
    (5e-3, 1e-2),
    {
        "batch": 32, "length": "2>>60", "steps": 2500, "check_every": 250, "check_words": 16, "check_length": 400,
        "test_words": 500, "test_length": 400, "channels": 8, "weight_decay": 0.3, "keep": "best",
    },
)  # fmt: skip

QUICK = Budget(
    1,
    (1e-2,),
    {
        "batch": 16, "length": "2>>12", "steps": 150, "check_every": 50, "check_words": 8, "check_length": 100,
        "test_words": 100, "test_length": 120, "channels": 8, "hidden": 32, "weight_decay": 0.3, "keep": "best",
    },
)  # fmt: skip

LEAST = {"S3": 2, "S4": 2, "A5": 2, "S5": 4}
"""The least number of factors with which the paper's one-layer model stays right beyond its training length."""

FACTORS = (1, 2, 3, 4)


def delta_product_cells(quick: bool) -> list[Cell]:
    """Four groups, all elements as tokens, and A5 and S5 with two generators as tokens, which the paper does not
    train."""
    budget = QUICK if quick else FULL
    cells = []
    for group, least in LEAST.items():
        for alphabet in ("all",) if group in ("S3", "S4") else ("all", "generators"):
            for factors in FACTORS if not quick else FACTORS[:2]:
                paper = ("can" if factors >= least else CROSS) if alphabet == "all" else ""
                row = group if alphabet == "all" else f"{group}, two generators"
                settings: dict[str, object] = {"group": group, "family": f"delta-{factors}", "alphabet": alphabet}
                cells.append(budget.cell(row, f"{factors} factor{'s' * (factors > 1)}", paper, **settings))
    return cells
