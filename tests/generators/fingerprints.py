"""Writes algebra/data/fingerprints.txt: the fingerprints of all groups in the catalogue. Takes about half a minute.

python tests/generators/fingerprints.py
"""

from collections import Counter
from pathlib import Path

from subnormal.algebra.groups.catalogue import LARGEST_ORDER, number_of_groups, small_group
from subnormal.algebra.groups.isomorphism import fine_fingerprint, fingerprint

TARGET = Path(__file__).parents[2] / "algebra" / "groups" / "data" / "fingerprints.txt"


def line(order: int) -> str:
    """The fingerprints of one order, in the groups' order; where two groups share one, the fine one follows."""
    groups = [small_group(order, number) for number in range(1, number_of_groups(order) + 1)]
    coarse = [fingerprint(group) for group in groups]
    shared = {value for value, count in Counter(coarse).items() if count > 1}
    words = [
        f"{c:08x}" + (f"/{fine_fingerprint(g):08x}" if c in shared else "") for g, c in zip(groups, coarse, strict=True)
    ]
    repeated = [word for word, count in Counter(words).items() if count > 1]
    if repeated:
        print(f"order {order}: not told apart: {repeated}")
    return f"{order} " + " ".join(words) + "\n"


if __name__ == "__main__":
    TARGET.write_text("".join(line(order) for order in range(1, LARGEST_ORDER + 1)), encoding="ascii")
