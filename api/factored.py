"""Groups too large to list: how their options are read."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..algebra.arithmetic.permutations import Permutations, parse_permutation, split_permutations
from ..algebra.chains.stabiliser_chain import StabiliserChain
from ..algebra.depth.families import Family
from ..algebra.groups.permutation_group import PermutationGroup, describe_order
from ..common.errors import InputError
from ..common.wording import short
from ..constructions.factored.compiler import FactoredCompilation, compile_factored


def factored_compilation(
    group: PermutationGroup, stack: Sequence[Family], alphabet: str | Sequence[int] | None = None
) -> FactoredCompilation:
    """Compile a group without listing it.

    Arguments:
        group: any group of permutations.
        stack: one family, of which any number of layers may be used.
        alphabet: None or `generators`, or permutations such as `(1,2);(1,2,3)`.

    Raises:
        InputError: the group cannot be tracked or compiled, or an option does not fit.
    """
    if len(stack) > 1:
        names = ",".join(layer.name for layer in stack)
        raise InputError(f"{short(group.name)} is too large to list; wanted one family for it, not {names}, e.g. aussm")
    if alphabet is not None and not isinstance(alphabet, str):
        raise InputError(
            f"{short(group.name)} is not listed, so its elements have no numbers; wanted e.g. '(1,2);(1,2,3)'"
        )
    return compile_factored(group.name, read_tokens(group, alphabet), stack[0])


def read_tokens(group: PermutationGroup, alphabet: str | None) -> Permutations:
    """The permutations that may appear as tokens, shape (m, degree): the group's generators, or those of the text.

    Raises:
        InputError: a text that is not understood, or permutations outside the group, twice, or too few to generate it.
    """
    if alphabet is None or alphabet == "generators":
        moving = group.permutations[(group.permutations != np.arange(group.degree)).any(axis=1)]
        return moving[np.sort(np.unique(moving, axis=0, return_index=True)[1])]
    if alphabet == "all":
        raise InputError(f"{group.name} has order {describe_order(group.order)}: too many tokens; wanted generators")
    rows = []
    for part in filter(None, split_permutations(alphabet)):
        image = parse_permutation(part)
        row = np.arange(max(group.degree, len(image)))
        row[: len(image)] = image
        if len(row) > group.degree or not StabiliserChain(group.permutations).contains(row[None])[0]:
            raise InputError(f"{part[:60]} is not an element of {group.name}")
        rows.append(row.astype(group.permutations.dtype))
    if not rows:
        raise InputError("an empty alphabet; wanted generators, or elements such as '(1,2);(1,2,3)'")
    tokens = np.stack(rows)
    if len(np.unique(tokens, axis=0)) < len(tokens):
        raise InputError(f"an element appears twice in the alphabet {alphabet[:60]!r}")
    generated = StabiliserChain(tokens).order
    if generated < group.order:
        raise InputError(
            f"the alphabet generates a subgroup of order {describe_order(generated)} of {group.name}, of order "
            f"{describe_order(group.order)}; wanted generators of it, or give the subgroup itself"
        )
    return tokens
