"""What `refute` prints: the words, and what the model makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...algebra.arithmetic.permutations import cycles

if TYPE_CHECKING:
    from .refutation import Refutation


def refutation_lines(found: Refutation) -> list[str]:
    """A refutation as lines for people."""

    def element(index: int) -> str:
        shown = cycles(found.listed.elements[index])
        return f"{index} = {shown}" if len(shown) <= 40 else str(index)

    head = {
        "failing": "refuted",
        "pair": "refuted",
        "divergence": "refuted",
        "growth": "growth observed, not proved",
        "failed": "not refuted within the budget",
        "allowed": "not refuted",
    }
    lines = [f"{head[found.kind]}: {found.theory}"]
    if found.reason and found.kind == "failed":
        lines.append(f"why not: {found.reason}")
    if found.pair:
        pair = found.pair
        lines += ["", f"two words of {pair.words[0].length:,} tokens that the model cannot tell apart:"]
        lines += [f"  u = {pair.words[0]}", f"  v = {pair.words[1]}"]
        lines.append(f"  products: u {element(pair.products[0])}, v {element(pair.products[1])}")
        distances = ", ".join(f"layer {i} {x:.1e}" for i, x in enumerate(pair.distances, 1))
        lines.append(f"  states apart, largest |Δh| over channels: {distances}")
        lines.append(f"  answers: u {pair.answers[0]}, v {pair.answers[1]}: at least one is wrong")
        best = sorted(range(len(pair.logits[0])), key=lambda k: -pair.logits[0][k])[:4]
        for name, row in zip("uv", pair.logits, strict=True):
            lines.append(f"  largest logits, {name}: " + "  ".join(f"{k}: {row[k]:.6f}" for k in best))
        away = max(abs(a - b) for a, b in zip(*pair.logits, strict=True))
        how = (
            "by running the network in float64"
            if pair.confirmed == "run"
            else "in closed form, by exact composition of the maps"
        )
        own = pair.answers_in_own_dtype
        lines.append(
            f"  all logits within {away:.1e}; confirmed {how}"
            + (f"; in its own precision it answers {own[0]} and {own[1]}" if own else "")
        )
    if found.divergence:
        growth = found.divergence
        leaves = "leaves every bound" if growth.unbounded else "grows, as far as it was followed"
        lines += ["", f"a state that {leaves}: layer {growth.layer}, channel {growth.channel}, along p wⁿ"]
        if growth.prefix.length:
            lines.append(f"  p = {growth.prefix}")
        lines.append(f"  w = {growth.word}   ({growth.word.length:,} tokens)")
        lines.append("  |h|: " + "  ".join(f"n={n}: {size:.4g}" for n, size in growth.growth[-8:]))
        forever = (
            "w only translates: it grows for ever"
            if growth.unbounded
            else "w nearly translates: that it grows for ever is not proved, with exact phases P Qⁿ would for some n"
        )
        how = "running the network" if growth.confirmed == "run" else "composing the maps in closed form"
        lines.append(f"  {forever}; measured by {how}")
    if found.failing:
        failing = found.failing
        length = failing.word.length
        lines += ["", f"a word with a wrong answer, {length} token{'s' * (length != 1)}: {failing.word}"]
        lines.append(f"  the product is {element(failing.product)}, the model answers {element(failing.answer)}")
    elif found.kind in ("allowed", "failed"):
        lines += ["", "no word with a wrong answer among all of 1 and 2 tokens and 64 random ones of 256"]
    return lines
