"""Groups as a user gives them, and how many layers they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol, Union

from numpy.typing import NDArray

from ..algebra.arithmetic.permutations import MAX_DEGREE
from ..algebra.depth.families import BLOCKS, CIRCLE, FAMILIES, Family, default_family, parse_stack
from ..algebra.groups.group import Group
from ..algebra.groups.permutation_group import PermutationGroup
from ..algebra.input.parser import parse_group, parse_machine
from ..algebra.input.typed import typed
from ..common.errors import InputError

if TYPE_CHECKING:
    from ..algebra.automata.automaton import Automaton
    from ..algebra.depth.inspection import Inspection
    from ..algebra.depth.optimise import Choices, ShortestSeries
    from ..algebra.groups.abelian_group import AbelianGroup
    from ..constructions.automata.inspection import AutomatonInspection


class _Generated(Protocol):
    """A group of SymPy."""

    @property
    def generators(self) -> Any: ...


class _Graph(Protocol):
    """A digraph of networkx."""

    @property
    def edges(self) -> Any: ...
    def is_directed(self) -> bool: ...


class _Transitions(Protocol):
    """A DFA or NFA of automata-lib."""

    @property
    def input_symbols(self) -> Any: ...
    @property
    def transitions(self) -> Any: ...


class _States(Protocol):
    """A machine of AALpy, which writes its states itself."""

    initial_state: Any
    states: Any


GroupLike = str | PermutationGroup | Group | _Generated | Sequence[Any] | NDArray[Any]
"""What `sn.group` reads, as far as types say it."""

MachineLike = Union[GroupLike, "Automaton", _Graph, _Transitions, _States, Mapping[str, Any]]
"""What `sn.machine` and the commands read."""


def group(tracked: GroupLike | Any, name: str | None = None, over: str | int | None = None) -> PermutationGroup:
    """A group, from whatever stands for one.

    Arguments:
        tracked: a name or expression (`S4`, `C2xC4`, `SmallGroup(24,12)`, `(1,2,3),(1,2)`, `table.csv`,
            `<a, b | a^2, b^3, (a*b)^2>`: everything that the commands take); a group; SymPy's `PermutationGroup`,
            `FpGroup` or permutations; lists of images of points, from 0 or all from 1; a Cayley table: a square array
            of element numbers, i·j in row i, column j; or square matrices. docs/how-to/what-goes-in.md has all forms.
        name: of a group that has none.
        over: the field of matrices, e.g. `GF(3)`; default: Q(i), exactly.

    Raises:
        InputError: the text is not understood, the object is no group (the message names the elements), or it is
            infinite or too large.

    Examples:
        >>> import subnormal as sn
        >>> sn.group("S4")
        S4: order 24, on 4 points
        >>> sn.group([[0, 1], [1, 0]], name="signs").order
        2
        >>> sn.group([[[0, -1], [1, 0]]]).order
        4
    """
    if isinstance(tracked, str) and over is None:
        return parse_group(tracked)
    from ..algebra.input.objects import read_group

    return read_group(tracked, name, over)


def unbeaten(asked: PermutationGroup, family: str = "aussm") -> Choices:
    """`pareto` of a group that was read."""
    from ..algebra.depth.optimise import Choices, pareto_front

    if family not in FAMILIES:
        raise InputError(f"unknown family {family[:40]!r}; wanted one of {', '.join(FAMILIES)}")
    return Choices(tuple(pareto_front(asked.listed(), FAMILIES[family])), FAMILIES[family].title)


def stack_of(families: str | Sequence[str]) -> tuple[Family, ...]:
    """Model families by name: `aussm`, `negative-mamba,aussm`, or a list of names. Raises `InputError`."""
    return parse_stack(families if isinstance(families, str) else ",".join(families))


def stack_for(asked: PermutationGroup | Automaton, family: str | Sequence[str] | None) -> tuple[Family, ...]:
    """The families that were named; by default AUSSM, and for an automaton whose letters merge states Gated AUSSM.
    Layers of blocks are one family alone, for a group. Raises `InputError`."""
    if family is not None:
        names = (family if isinstance(family, str) else ",".join(family)).split(",")
        blocks = [BLOCKS[key] for name in names if (key := name.strip().lower().replace("_", "-")) in BLOCKS]
        if not blocks:
            return stack_of(family)
        if len(names) > 1:
            raise InputError(f"layers of blocks are compiled of one family alone, e.g. --family {blocks[0].name}")
        if not isinstance(asked, PermutationGroup):
            raise InputError(f"layers of {blocks[0].name} are compiled for groups; leave --family out for {asked.name}")
        return (blocks[0],)
    return (default_family(not isinstance(asked, PermutationGroup) and not asked.minimal().is_permutation),)


def machine(tracked: MachineLike | Any) -> PermutationGroup | Automaton:
    """A group, or an automaton: `flip-flop(2)`, `tomita(5)`, `grid(5,5)`, `automaton(table.csv)`, a file `dfa.json`.

    Arguments:
        tracked: such a text; what `sn.group` takes; a networkx digraph with labelled edges; a DFA or NFA of
            automata-lib; a machine of AALpy; a dictionary as in a DFA file; or an automaton, which comes back.
            Missing transitions lead to a sink, and several are made deterministic; the notes say so.

    Raises:
        InputError: the text or the object is not understood.

    Examples:
        >>> import subnormal as sn
        >>> sn.machine("S3").order, sn.machine("tomita(5)").count
        (6, 4)
    """
    if isinstance(tracked, str):
        return parse_machine(tracked)
    from ..algebra.automata.automaton import Automaton

    if isinstance(tracked, Automaton | PermutationGroup):
        return tracked
    from ..algebra.input.objects import read_object

    return read_object(tracked)


def regex(text: str, letters: str | None = None) -> Automaton:
    """The minimal automaton of a regular expression.

    Arguments:
        text: the expression, e.g. `(ab|b)*a`.
        letters: the alphabet, where it has more letters than the expression.

    Raises:
        InputError: the expression is broken, or its language is empty or holds every word.

    Examples:
        >>> import subnormal as sn
        >>> sn.regex("(ab|b)*a").count
        3
    """
    from ..algebra.automata.regular_expression import regular_expression

    return regular_expression(text, letters)


def inspect(
    tracked: MachineLike,
    stack: str | Sequence[str] | None = None,
    channels: str | Sequence[int] | None = None,
    alphabet: str | Sequence[int] | None = None,
    pareto: bool = False,
    all_series: bool = False,
) -> Inspection | AutomatonInspection:
    """How many layers of each model family a group or an automaton needs, and why not fewer.

    Arguments:
        tracked: as for `machine`.
        stack: also ask about these layers, first layer first, e.g. `negative-mamba,aussm`.
        channels: ask about layers with so many channels, e.g. `1,1,2`: of AUSSM, or of the stack.
        alphabet: of a group, the tokens, for architectures where they matter: `all`, `generators`, element numbers, or
            elements such as `(1,2);(1,2,3)`.
        pareto: of a group, also the unbeaten subnormal series, as `sn.pareto` finds them.
        all_series: of a group, also composition factors, chief and Fitting length, and all subnormal series with
            abelian factors of least length: how many, and one of each kind.

    Returns:
        What prints as `subnormal inspect` does; its fields hold the series, factors, depths and witness.

    Raises:
        InputError: the group or the stack is not understood, the group is too large for every route, or an option does
            not fit.

    Examples:
        >>> import subnormal as sn
        >>> sn.inspect("S4").depth
        3
        >>> sn.inspect("A5").depth is None
        True
    """
    layers = stack_of(stack) if stack is not None else None
    plain = alphabet is None and channels is None and not pareto and not all_series
    large = _too_many_points(tracked) if plain and isinstance(tracked, str) else None
    if large is not None:
        from ..algebra.depth.inspection import inspect_group

        return inspect_group(large, layers)
    asked = machine(tracked)
    widths = None
    if channels is not None:
        from ..algebra.depth.width import read_widths

        widths = read_widths(channels)
    if not isinstance(asked, PermutationGroup):
        if alphabet is not None or pareto or all_series:
            option = "pareto" if pareto else "all-series" if all_series else "alphabet"
            raise InputError(f"--{option} goes with a group, not with the automaton {asked.name}")
        from ..constructions.automata.inspection import inspect_automaton

        return inspect_automaton(asked, layers, widths)
    from ..algebra.depth.inspection import INSPECTION_LIMIT, inspect_group

    # Tokens are elements of a list.
    listed = alphabet is not None and asked.order <= INSPECTION_LIMIT and asked.is_listable
    found = replace(inspect_group(asked.listed() if listed else asked, layers, widths), argument=typed(asked))
    if alphabet is not None:
        found = replace(found, alphabet=_tokens(found.group, alphabet))
    if all_series:
        found = replace(found, shortest=_shortest(asked))
    return replace(found, choices=unbeaten(asked)) if pareto else found


def _too_many_points(text: str) -> AbelianGroup | None:
    """A product of cyclic groups on more points than a permutation group may have, which can be inspected all the
    same."""
    if not text.strip().startswith("C"):
        return None
    from ..algebra.groups.abelian_group import read_abelian

    found = read_abelian(text)
    return found if found is not None and found.degree > MAX_DEGREE else None


def _shortest(asked: PermutationGroup) -> ShortestSeries | None:
    from ..algebra.depth.optimise import shortest_subnormal_series

    return shortest_subnormal_series(asked.listed(), CIRCLE)


def _tokens(group: Group | PermutationGroup | AbelianGroup, alphabet: str | Sequence[int]) -> tuple[int, ...]:
    """Element numbers of the tokens, which must generate the group."""
    from ..constructions.compiler import read_alphabet

    if not isinstance(group, Group):
        raise InputError("--alphabet goes with a group whose elements are listed, e.g. S4")
    tokens = tuple(int(x) for x in read_alphabet(group, alphabet))
    generated = group.subgroup(tokens).order
    if generated < group.order:
        raise InputError(f"the alphabet generates a subgroup of order {generated:,} of {group.name}, wanted all of it")
    return tokens


def pareto(tracked: GroupLike, family: str = "aussm") -> Choices:
    """The subnormal series that none beats in layers, channels, margin and table size at once.

    Arguments:
        tracked: a group, as for `sn.group`.
        family: the family whose layers are counted.

    Raises:
        InputError: the group is too large to list.

    Examples:
        >>> import subnormal as sn
        >>> [choice.cost.layers for choice in sn.pareto("S3")]
        [2]
    """
    return unbeaten(group(tracked), family)
