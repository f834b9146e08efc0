"""What a row of `use.py` says, in the words of the records."""

from __future__ import annotations

from typing import Any


def is_live(row: dict[str, Any]) -> bool:
    """Whether a lost state is seen in later answers: by a hundred times what counts as equal, or, where whole texts are
    rounded, by as much as two orders of sums may be apart."""
    seen = row["forgotten"]
    return not isinstance(seen, float) or seen > (0.05 if "rounds to" in row else 1e-3)


def use_of(row: dict[str, Any]) -> list[str]:
    """What was measured, as the records say it: pieces, left padding, token by token, dtypes of the state.

    In bfloat16, or where whole texts are rounded whatever the dtype, two orders of sums are apart by that rounding.
    """
    coarse = 0.05 if "rounds to" in row else 1e-5

    def said(*found: object) -> str:
        return "yes" if all(isinstance(size, float) and size < coarse for size in found) else "no"

    given = row.get("long")
    long = given if isinstance(given, dict) else {}  # else what the class said
    exact = long.get("dtype") == "float32"
    cuts = [size if exact or size > 0.05 else 0.0 for key, size in long.items() if key.startswith(("cut", "then"))]
    padded = [size for key, size in row.items() if "padd" in key]
    steps = (row["token by token"], row["prompt, then tokens"])
    kinds = row.get("state", [])
    dtypes = [{"bfloat16": "that of the weights"}.get(kind, kind) for kind in kinds if isinstance(kinds, list)]
    return [said(row["pieces"], *cuts), said(*padded), said(*steps), " and ".join(sorted(dtypes))]
