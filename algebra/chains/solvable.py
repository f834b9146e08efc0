"""Derived series of solvable permutation groups, all terms at once, with no Schreier generators and no random choices.

The tower T_0 ≥ T_1 ≥ … ≥ T_k = 1 holds, for each depth d, the chain of T_d = <T_{d+1}, C_d>, where the
elements of C_d lie in the d-th derived subgroup and commute modulo T_{d+1}. To *insert* y at depth d, first
insert its commutators with C_d at depth d+1; then y normalises T_d and is added by `chain_kernels.extend`;
then its conjugates are inserted at depth d. Once all is quiet, every T_d is normal, T_d/T_{d+1} is abelian,
so T_{d+1} contains the derived subgroup of T_d; and it is contained in it, having been made of commutators.
So T_d is the d-th derived subgroup: nothing is left to verify.

The idea of adding elements to a solvable normal subgroup, and of going down to a commutator where a conjugate
does not commute, is Sims' (J. Symb. Comput. 9, 1990). That all depths are kept at once, which gives the
derived series for the price of the order, is ours. A group that is not solvable shows itself when an element
other than the identity reaches a depth greater than the solvable length of any solvable group of that degree,
5/2·log₃(degree) (Dixon, Math. Z. 107, 1968).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from subnormal.algebra.chains.kernels import Code, Element, Encoding, Levels, commutator, conjugate, extend, is_member


def longest_derived_length(degree: int) -> int:
    """Dixon's bound on the derived length of a solvable permutation group: the greatest d with 9^d ≤ degree^5."""
    length = 0
    while 9 ** (length + 1) <= degree**5:
        length += 1
    return length


class NotSolvableError(Exception):
    """Something other than the identity lies deeper in the derived series than a solvable group reaches."""


class _Stage:
    """T_d: its chain, C_d, and for which version of T_{d+1} the chain was made."""

    __slots__ = ("levels", "made_for", "members", "version")

    def __init__(self) -> None:
        self.levels: Levels = []
        self.members: list[Element] = []
        self.version = 0
        self.made_for = 0


class SolvableTower:
    """The derived series of the normal closure of some permutations in a group.

    Args:
        normal_generators: codes; the normal closure of these is T_0.
        conjugators: generators of the group. The normal generators must lie in that group.
        encoding: the codes' encoding.

    Raises:
        NotSolvableError: the normal closure is not solvable.
    """

    def __init__(self, normal_generators: Iterable[Code], conjugators: Sequence[Element], encoding: Encoding) -> None:
        self._encoding = encoding
        self._conjugators = conjugators
        self._bound = longest_derived_length(encoding.degree)
        self._stages: list[_Stage] = []
        for code in normal_generators:
            self._insert(code, 0)

    def series(self) -> list[tuple[Levels, list[Element]]]:
        """Chain and generators of each term of the derived series, the trivial group last."""
        terms: list[tuple[Levels, list[Element]]] = [([], [])]
        for depth in reversed(range(len(self._stages))):
            levels = self._levels(depth)
            if levels:
                terms.append((levels, self._stages[depth].members + terms[-1][1]))
        return terms[::-1]

    def _levels(self, depth: int) -> Levels:
        """The chain of T_d, made again if T_{d+1} has grown since."""
        if depth >= len(self._stages):
            return []
        stage = self._stages[depth]
        below = self._levels(depth + 1)
        version = self._stages[depth + 1].version if depth + 1 < len(self._stages) else 0
        if stage.made_for != version:
            stage.levels, members = below, stage.members
            stage.members = []
            for member in members:
                stage.levels, index = extend(stage.levels, member.code, self._encoding)
                if index > 1:
                    stage.members.append(member)
            stage.made_for = version
            stage.version += 1
        return stage.levels

    def _insert(self, code: Code, depth: int) -> None:
        identity = self._encoding.identity
        if depth == len(self._stages):
            if code == identity:
                return
            if depth >= self._bound:
                raise NotSolvableError
            self._stages.append(_Stage())
        stage = self._stages[depth]
        waiting = [code]
        while waiting:
            code = waiting.pop()
            if is_member(self._levels(depth), code, identity):
                continue
            element = Element(code, self._encoding)
            for member in list(stage.members):
                self._insert(commutator(element, member), depth + 1)
            levels, index = extend(self._levels(depth), code, self._encoding)
            if index == 1:  # its commutators have brought it in
                continue
            stage.levels = levels
            stage.members.append(element)
            stage.version += 1
            waiting.extend(conjugate(element, conjugator) for conjugator in self._conjugators)
