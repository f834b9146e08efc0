"""Write docs/field-groups.md: the 94 groups of the field's collection, and how many layers each architecture needs.

    python docs/generators/field_groups.py

The names are those of BeeGass/Group-Theory-Collection, as the task list of lm-evaluation-harness (pull request 3157)
and the collection's own upload script have them; the answers are `sn.inspect`'s.
"""

from __future__ import annotations

from pathlib import Path

import subnormal as sn

PAGE = Path(__file__).resolve().parent.parent / "field-groups.md"

NAMES: dict[str, str] = {
    **{f"c{n}": f"C{n}" for n in range(2, 31)},
    **{f"d{n}": f"D{n}" for n in range(3, 21)},
    "v4": "C2xC2",
    **{f"q{n}": f"Q{n}" for n in (8, 16, 32)},
    **{f"z{p}_{k}": "x".join([f"C{p}"] * k) for p, most in ((2, 5), (3, 4), (5, 4)) for k in range(1, most + 1)},
    **{f"f{n}": f"F{n}" for n in (20, 21)},
    **{f"s{n}": f"S{n}" for n in range(3, 10)},
    **{f"a{n}": f"A{n}" for n in range(3, 10)},
    **{f"psl2_{q}": f"PSL(2,{q})" for q in (2, 3, 4, 5, 7, 8, 9, 11)},
    **{f"psl3_{q}": f"PSL(3,{q})" for q in (2, 3, 4, 5)},
    **{f"m{n}": f"M{n}" for n in (11, 12)},
}
"""The collection's name of each group, and ours. Its D_n has order 2n, as here."""

FAMILIES = ("mamba", "negative_mamba", "aussm")
LARGEST = 400
"""The largest order for which factors a token are computed."""


def row(name: str, ours: str) -> tuple[list[str], bool]:
    """The cells of one group, and whether it is solvable."""
    found = sn.inspect(ours)
    depths = found.as_json()["depth_by_family"]
    factors = "1 layer"
    if found.group.order <= LARGEST and found.architectures is not None and found.architectures.factors is not None:
        count = found.architectures.factors
        factors = f"1 layer, {count} factor{'s' * (count != 1)}"
    layers = ["never" if depths[family] is None else str(depths[family]) for family in FAMILIES]
    return [name, ours, f"{found.group.order:,}", *layers, factors], found.solvable


def main() -> None:
    rows, solvable = [], 0
    for name, ours in NAMES.items():
        cells, is_solvable = row(name, ours)
        rows.append(f"| {' | '.join(cells)} |")
        solvable += is_solvable
        print(*cells, flush=True)
    assert len(rows) == 94
    PAGE.write_text(
        f"""# The field's 94 permutation groups

*Which architecture can solve which of the field's permutation tasks?*

The permutation task of lm-evaluation-harness (pull request 3157, with the collection BeeGass/Group-Theory-Collection)
has 94 groups. Which architecture can track each, and with how many layers, on words of every length, one token an
element: answers of `sn.inspect`, written by `docs/generators/field_groups.py`.

{solvable} of the 94 are solvable and {94 - solvable} are not. (The collection's text says 58 and 36; its own lists have
72 and 22.) A number is the least number of layers. Mamba stands for every layer whose tokens have real eigenvalues in
[0, 1] alone, such as Mamba-2, Gated DeltaNet with β ≤ 1 or Qwen3-Next; `DeltaProduct` is one delta-rule layer with
β ≤ 2 and the factors a token that suffice (computed up to order {LARGEST}). Gated DeltaNet with β ≤ 2, as in
Olmo-Hybrid, tracks each of them in one layer too, an element being several tokens
([architectures.md](architectures.md)).

| collection | here | order | Mamba | Negative Mamba | AUSSM | DeltaProduct |
|---|---|---|---|---|---|---|
"""
        + "\n".join(rows)
        + "\n",
        encoding="utf-8",
    )


if __name__ == "__main__":
    main()
