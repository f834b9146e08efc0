"""Elements of a group from a text: the one reader of `1;3`, `(1,2);(1,2,3)` and `(1 2), (1 2 3)`."""

from __future__ import annotations

import numpy as np

from ...common.errors import InputError
from ...common.wording import describe_order, short
from ..arithmetic.permutations import Permutations, cycles, parse_permutation, split_permutations
from ..chains.stabiliser_chain import StabiliserChain
from ..groups.group import Group
from ..groups.permutation_group import PermutationGroup


def parse_elements(group: Group | PermutationGroup, text: str) -> Permutations:
    """The elements that a text lists, as permutations: shape (count, degree).

    They are separated by `;`, or by commas between numbers and between parentheses.

    Arguments:
        group: whose they are; one whose elements are listed may have them named by their numbers, too.

    Raises:
        InputError: a part is not understood, or not an element.

    Examples:
        >>> from subnormal.algebra.input.parser import list_group
        >>> parse_elements(list_group("S3"), "(1,2); 3").tolist()
        [[1, 0, 2], [1, 2, 0]]
    """
    own = split_permutations(text) if "(" in text or ";" in text else text.split(",")
    parts = [part.strip() for part in own if part.strip()]
    dtype = group.elements.dtype if isinstance(group, Group) else group.permutations.dtype
    chain = StabiliserChain(group.permutations) if parts and isinstance(group, PermutationGroup) else None
    found = np.zeros((len(parts), group.degree), dtype=dtype)
    for row, part in zip(found, parts, strict=True):
        if part.isascii() and part.isdigit():
            row[:] = _numbered(group, part)
            continue
        if not part.startswith("("):
            raise InputError(
                f"cannot read the element {part[:40]!r}; wanted an index, e.g. 3, or a permutation, e.g. (1,2,3)"
            )
        image = parse_permutation(part)
        row[:] = np.arange(group.degree)
        row[: len(image)] = image[: group.degree]
        inside = len(image) <= group.degree
        if inside:
            inside = group.contains(row) if isinstance(group, Group) else bool(chain and chain.contains(row[None])[0])
        if not inside:
            raise InputError(f"{short(cycles(np.array(image)), 60)} is not an element of {short(group.name)}")
    return found


def _numbered(group: Group | PermutationGroup, part: str) -> Permutations:
    if not isinstance(group, Group):
        raise InputError(
            f"{short(group.name)} is not listed, so its elements have no numbers such as {part[:9]}; wanted e.g. "
            "'(1,2);(1,2,3)'"
        )
    if len(part) > 9 or int(part) >= group.order:
        raise InputError(f"element {part[:20]}; {group.name} has elements 0 … {group.order - 1}")
    return group.elements[int(part)]


def read_elements(group: Group, text: str) -> list[int]:
    """The numbers of the elements that a text lists. Raises `InputError` like `parse_elements`."""
    return [int(number) for number in group.index_of(parse_elements(group, text))]


def read_tokens(group: PermutationGroup, alphabet: str | None) -> Permutations:
    """The permutations that may appear as tokens, shape (m, degree): the group's generators, or those of the text.

    Raises:
        InputError: a text that is not understood, or permutations outside the group, twice, or too few to generate it.
    """
    if alphabet is None or alphabet == "generators":
        moving = group.permutations[(group.permutations != np.arange(group.degree)).any(axis=1)]
        return moving[np.sort(np.unique(moving, axis=0, return_index=True)[1])]
    if alphabet == "all":
        raise InputError(
            f"{group.name} has order {describe_order(group.order)}: too many tokens; wanted --alphabet generators"
        )
    tokens = parse_elements(group, alphabet)
    if not len(tokens):
        raise InputError("an empty alphabet; wanted generators, or elements such as '(1,2);(1,2,3)'")
    if len(np.unique(tokens, axis=0)) < len(tokens):
        raise InputError(f"an element appears twice in the alphabet {alphabet[:60]!r}")
    generated = StabiliserChain(tokens).order
    if generated < group.order:
        raise InputError(
            f"the alphabet generates a subgroup of order {describe_order(generated)} of {group.name}, of order "
            f"{describe_order(group.order)}; wanted generators of it, or give the subgroup itself"
        )
    return tokens
