"""Derived series of solvable permutation groups, all terms at once, with no Schreier generators and no random choices.

The tower T_0 ≥ T_1 ≥ … ≥ T_k = 1 holds, for each depth d, the chain of T_d = <T_{d+1}, C_d>, where the
elements of C_d lie in the d-th derived subgroup and commute modulo T_{d+1}. To *insert* y at depth d, first
insert its commutators with C_d at depth d+1; then y normalises T_d and is added by `chain_kernels.extend`;
then its conjugates are inserted at depth d. Once all is quiet, every T_d is normal, T_d/T_{d+1} is abelian,
so T_{d+1} contains the derived subgroup of T_d; and it is contained in it, having been made of commutators.
So T_d is the d-th derived subgroup: nothing is left to verify. With an exponent m, the m-th power of an element of
C_d is inserted at depth d+1 like its commutators, and T_d is V_d, where V_0 = T_0 and V_{d+1} = [V_d, V_d]·V_d^m.

Every element of the tower has been made from the normal generators by commutators, powers and conjugation. The tower
keeps how: `program` gives the steps that lead to an element of the last term that is not trivial, which proves to
anybody who can multiply permutations that the series is no shorter.

The idea of adding elements to a solvable normal subgroup, and of going down to a commutator where a conjugate
does not commute, is Sims' (J. Symb. Comput. 9, 1990). That all depths are kept at once, which gives the
derived series for the price of the order, is ours. A group that is not solvable shows itself when an element
other than the identity reaches a depth greater than the solvable length of any solvable group of that degree,
5/2·log₃(degree) (Dixon, Math. Z. 107, 1968).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from .kernels import Code, Element, Encoding, Levels, commutator, conjugate, extend, is_member


def longest_derived_length(degree: int) -> int:
    """Dixon's bound on the derived length of a solvable permutation group: the greatest d with 9^d ≤ degree^5."""
    length = 0
    while 9 ** (length + 1) <= degree**5:
        length += 1
    return length


class NotSolvableError(Exception):
    """Something other than the identity lies deeper in the derived series than a solvable group reaches."""


class Step(NamedTuple):
    """How an element was made: `token` a is the normal generator number a, `commutator` a b is a⁻¹·b⁻¹·a·b, `conjugate`
    a b is b⁻¹·a·b, `power` a is a^m. Operands other than a token's are numbers of earlier steps, unused ones 0."""

    kind: str
    a: int
    b: int = 0


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

    Arguments:
        normal_generators: codes; the normal closure of these is T_0.
        conjugators: generators of the group. The normal generators must lie in that group.
        encoding: the codes' encoding.
        exponent: m; 0 for the derived series.

    Raises:
        NotSolvableError: the normal closure is not solvable, or with an exponent the series does not reach 1.
    """

    def __init__(
        self, normal_generators: Iterable[Code], conjugators: Sequence[Element], encoding: Encoding, exponent: int = 0
    ) -> None:
        self._encoding = encoding
        self._conjugators = conjugators
        self._exponent = exponent
        # A chain of subgroups of S_n has fewer than 3n/2 proper steps (Cameron, Solomon and Turull 1989).
        self._bound = 3 * encoding.degree // 2 if exponent else longest_derived_length(encoding.degree)
        self._stages: list[_Stage] = []
        self._steps: list[Step] = []
        self._made_by: dict[Element, int] = {}  # the step that made an element
        normal = list(normal_generators)
        for number, conjugator in enumerate(conjugators):
            self._made_by[conjugator] = self._record(Step("token", len(normal) + number))
        for number, code in enumerate(normal):
            self._insert(code, 0, Step("token", number))

    def _record(self, step: Step) -> int:
        self._steps.append(step)
        return len(self._steps) - 1

    def program(self) -> list[Step]:
        """Steps of which the last makes an element other than 1 of the last term that is not trivial.

        Tokens are numbered through the normal generators, then the conjugators. Every commutator or power raises the
        depth by one: both operands of a commutator lie at the same depth. Empty for the trivial group.
        """
        deepest = next((stage for stage in reversed(self._stages) if stage.members), None)
        if deepest is None:
            return []
        wanted: set[int] = set()
        waiting = [min(self._made_by[member] for member in deepest.members)]
        while waiting:
            here = waiting.pop()
            if here not in wanted:
                wanted.add(here)
                kind, a, b = self._steps[here]
                waiting += {"token": [], "power": [a]}.get(kind, [a, b])
        order = sorted(wanted)
        new = {old: number for number, old in enumerate(order)}
        steps = (self._steps[old] for old in order)
        return [Step(s.kind, *((s.a, 0) if s.kind == "token" else (new[s.a], new.get(s.b, 0)))) for s in steps]

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

    def _insert(self, code: Code, depth: int, made_by: Step) -> None:
        identity = self._encoding.identity
        if code == identity:
            return
        if depth == len(self._stages):
            if depth >= self._bound:
                raise NotSolvableError
            self._stages.append(_Stage())
        stage = self._stages[depth]
        waiting = [(code, made_by)]
        while waiting:
            code, made_by = waiting.pop()
            levels = self._levels(depth)
            self._encoding.spend(len(levels) // 2 + 1)
            if is_member(levels, code, identity):
                continue
            self._encoding.spend(4 * (len(stage.members) + len(self._conjugators)))
            element = Element(code, self._encoding)
            here = self._made_by[element] = self._record(made_by)
            if self._exponent:
                self._insert(self._encoding.power(code, self._exponent), depth + 1, Step("power", here))
            for member in list(stage.members):
                made = Step("commutator", here, self._made_by[member])
                self._insert(commutator(element, member), depth + 1, made)
            levels, index = extend(self._levels(depth), code, self._encoding)
            if index == 1:  # its commutators have brought it in
                continue
            stage.levels = levels
            stage.members.append(element)
            stage.version += 1
            for conjugator in self._conjugators:
                other = conjugate(element, conjugator)
                if other != code:
                    waiting.append((other, Step("conjugate", here, self._made_by[conjugator])))
