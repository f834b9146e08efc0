"""Groups too large to list: how their options are read."""

from __future__ import annotations

from collections.abc import Sequence

from ..algebra.depth.families import Family
from ..algebra.groups.permutation_group import PermutationGroup
from ..algebra.input.elements import read_tokens
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
