"""What people have in Python: SymPy's groups, lists and arrays of images, matrices, networkx graphs, automata of
automata-lib and AALpy, dictionaries. Nothing is imported for it: an object is known by its attributes.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...common.errors import InputError
from ...common.wording import counted, short
from ..automata.automaton import MAX_STATES, Automaton
from ..groups.coset_enumeration import presented_group
from ..groups.group import Group
from ..groups.permutation_group import PermutationGroup
from .automata import completed, from_json
from .files import images_group
from .lists import WANTED, from_lists, from_permutations, from_table, plain
from .parser import parse_group, parse_machine

LABELS = ("label", "letter", "symbol", "input", "char")
"""Attributes of a graph's edge that may hold its letter."""


def read_object(tracked: Any, name: str | None = None, over: str | int | None = None) -> PermutationGroup | Automaton:
    """The group or automaton that a Python object stands for.

    Arguments:
        tracked: a text or a path; a group or an automaton of ours; or one of what `WANTED` lists.
        name: of a group that has none.
        over: the field of matrices, e.g. `GF(3)`; default: Q(i).

    Raises:
        InputError: the object is none of these, or what it holds is not a group or an automaton.
    """
    if isinstance(tracked, (str, Path)):
        found = parse_machine(str(tracked))
    elif isinstance(tracked, Group):
        found = PermutationGroup.from_listed(tracked)
    elif isinstance(tracked, (PermutationGroup, Automaton)):
        found = tracked
    elif isinstance(tracked, Mapping):
        found = _from_dictionary(tracked, name)
    elif hasattr(tracked, "relators") and hasattr(tracked, "generators"):
        found = _from_presentation(tracked, name)
    elif hasattr(tracked, "generators") and all(hasattr(g, "array_form") for g in tracked.generators):
        found = from_permutations(tracked.generators, name)
    elif hasattr(tracked, "array_form"):
        found = from_permutations([tracked], name)
    elif hasattr(tracked, "is_directed") and hasattr(tracked, "edges"):
        found = from_graph(tracked, name)
    elif hasattr(tracked, "input_symbols") and hasattr(tracked, "transitions"):
        found = _from_automata_lib(tracked, name)
    elif hasattr(tracked, "initial_state") and hasattr(tracked, "states"):
        found = _from_aalpy(tracked, name)
    else:
        found = from_lists(tracked, name, over)
    return found


def _from_dictionary(given: Mapping[str, Any], name: str | None) -> PermutationGroup | Automaton:
    content = {str(key): value for key, value in given.items()}
    if "transitions" in content:
        found = {key: plain(value) for key, value in content.items()}
        return from_json(found, name or "automaton", name or "automaton")
    if set(content) == {"permutations"}:
        return images_group([_images(one) for one in content["permutations"]], name, name or "permutations")
    if "matrices" in content and set(content) <= {"matrices", "over"}:
        return from_lists(content["matrices"], name, content.get("over"), matrices=True)
    if set(content) == {"table"}:
        return from_table(np.asarray(content["table"]), name)
    raise InputError(
        f"a dictionary with the keys {short(', '.join(map(repr, content)), 60)}; wanted 'permutations', 'matrices' "
        "(and 'over'), 'table', or 'states', 'alphabet', 'transitions', 'start', 'accepting'"
    )


def _images(one: Any) -> list[int] | str:
    if isinstance(one, str):
        return one
    if hasattr(one, "array_form"):
        return [int(point) for point in one.array_form]
    found = plain(one)
    if isinstance(found, list) and all(isinstance(point, int) for point in found):
        return found
    raise InputError(
        f"a permutation {short(repr(one), 40)}; wanted images of points, e.g. [1, 2, 0], or cycles as a text"
    )


# ------------------------------------------------------------------ SymPy


def _from_presentation(given: Any, name: str | None) -> PermutationGroup:
    """An `FpGroup` of SymPy: relators are lists of (symbol, exponent)."""
    symbols = [str(g) for g in given.generators]
    number = {symbol: i for i, symbol in enumerate(symbols, 1)}
    relators = []
    for relator in given.relators:
        word: list[int] = []
        for symbol, exponent in relator.array_form:
            x = number[str(symbol)]
            word += [x if exponent > 0 else -x] * abs(int(exponent))
        relators.append(tuple(word))
    shown = f"<{', '.join(symbols)} | {', '.join(str(r).replace('**', '^') for r in given.relators)}>"
    return presented_group(name or short(shown, 200), len(symbols), relators)


# ------------------------------------------------------------------ automata


def _ordered(things: Iterable[Hashable]) -> list[Any]:
    found = list(dict.fromkeys(things))
    try:
        return sorted(found)
    except TypeError:
        return sorted(found, key=lambda thing: (type(thing).__name__, str(thing)))


def _titles(things: Sequence[Any]) -> list[str]:
    """A text for each thing; numbered where two have the same."""
    texts = [_title(thing) for thing in things]
    return texts if len(set(texts)) == len(texts) else [f"{text}#{i}" for i, text in enumerate(texts)]


def _title(thing: Any) -> str:
    if isinstance(thing, (set, frozenset)):
        return "{" + ",".join(map(str, _ordered(thing))) + "}"
    return str(thing)


def from_moves(
    name: str,
    states: Sequence[Any],
    letters: Sequence[Any],
    moves: Mapping[tuple[Any, Any], Collection[Any]],
    starts: Collection[Any],
    accepting: Collection[Any] | None,
    notes: tuple[str, ...] = (),
) -> Automaton:
    """An automaton from its moves, made deterministic where several lead on, and completed by a sink.

    Arguments:
        moves: for a state and a letter where they lead; the letter None costs nothing.
        starts: where words begin.
        accepting: None where the state itself is the output.

    Raises:
        InputError: there is nothing to begin with, or too many sets of states.
    """
    several = len(starts) > 1 or any(len(targets) > 1 or x is None for (_, x), targets in moves.items())
    if not starts:
        raise InputError(f"{name}: no start; say where words begin, e.g. graph.graph['start'] = {_example(states)}")
    if not letters:
        raise InputError(f"{name}: no letters; wanted transitions with labels")
    if several and accepting is None:
        two = next(((q, x, t) for (q, x), t in moves.items() if len(t) > 1), None)
        where = f": {_title(two[0])} goes to {len(two[2])} states on {two[1]!r}" if two else ""
        raise InputError(
            f"{name} is not deterministic{where}, and has no accepting states; then there is nothing to track"
        )
    if not several:
        number = {state: i for i, state in enumerate(states)}
        table = np.full((len(states), len(letters)), -1)
        place = {letter: i for i, letter in enumerate(letters)}
        for (state, letter), targets in moves.items():
            for target in targets:
                table[number[state], place[letter]] = number[target]
        final = None if accepting is None else [number[state] for state in accepting]
        (start,) = starts
        return completed(name, table, list(map(str, letters)), _titles(states), number[start], final, notes)

    def closed(subset: Iterable[Any]) -> frozenset[Any]:
        found = list(dict.fromkeys(subset))
        for state in found:  # grows while it is walked
            found += [t for t in moves.get((state, None), ()) if t not in found]
        return frozenset(found)

    subsets = [closed(starts)]
    known = {subsets[0]: 0}
    rows_: list[list[int]] = []
    for subset in subsets:  # grows while it is walked
        row = []
        for letter in letters:
            following = closed(t for state in subset for t in moves.get((state, letter), ()))
            if following not in known:
                known[following] = len(subsets)
                subsets.append(following)
                if len(subsets) > MAX_STATES:
                    raise InputError(
                        f"{name}: more than {MAX_STATES:,} sets of states when it is made deterministic; wanted "
                        "fewer, e.g. a DFA"
                    )
            row.append(known[following])
        rows_.append(row)
    final = [i for i, subset in enumerate(subsets) if subset & frozenset(accepting or ())]
    told = (f"made deterministic: {counted(len(states), 'state')} become {counted(len(subsets), 'set')} of states",)
    titles = ["∅" if not subset else _title(frozenset(map(str, subset))) for subset in subsets]
    return Automaton.make(name, rows_, list(map(str, letters)), titles, 0, final, (*notes, *told))


def _example(states: Sequence[Any]) -> str:
    return repr(states[0]) if states else "0"


def from_graph(graph: Any, name: str | None = None) -> Automaton:
    """The automaton of a networkx digraph with labelled edges.

    Letters are the edges' attribute `label` (or `letter`, `symbol`, `input`, `char`), a list for several. Words begin
    at `graph.graph["start"]`, or at the node with the attribute `start` or `initial`, else at the first node, which is
    said; the letters' order is that of `graph.graph["letters"]`, or theirs. Nodes with the attribute `accepting` or
    `final` accept; without any, the state is tracked.

    Raises:
        InputError: the graph is not directed, or an edge has no letter.
    """
    title = name or str(graph.graph.get("name") or "graph")
    if not graph.is_directed():
        raise InputError(f"{title}: edges without direction; wanted a networkx.DiGraph or MultiDiGraph with labels")
    nodes = list(graph.nodes)
    moves: dict[tuple[Any, Any], set[Any]] = {}
    for edge in graph.edges(data=True, keys=True) if graph.is_multigraph() else graph.edges(data=True):
        u, v, data = edge[0], edge[1], edge[-1]
        label = next((data[key] for key in LABELS if key in data), None)
        if label is None and graph.is_multigraph() and isinstance(edge[2], str):
            label = edge[2]
        if label is None:
            raise InputError(
                f"{title}: the edge {short(f'{u!r} → {v!r}', 40)} has no label; wanted label='a' on every edge"
            )
        for letter in label if isinstance(label, (list, tuple, set, frozenset)) else [label]:
            moves.setdefault((u, letter), set()).add(v)
    flags = dict(graph.nodes(data=True))
    starts = [q for q in nodes if flags[q].get("start") or flags[q].get("initial")]
    notes: tuple[str, ...] = ()
    if "start" in graph.graph:
        starts = [graph.graph["start"]]
        if starts[0] not in flags:
            raise InputError(
                f"{title}: starts at {short(repr(starts[0]), 30)}, which is no node; wanted one of the nodes"
            )
    elif not starts and nodes:
        starts = nodes[:1]
        notes = (f"no start is given: words begin at the first node, {_title(nodes[0])}",)
    final = [q for q in nodes if flags[q].get("accepting") or flags[q].get("final")]
    letters = _ordered(letter for _, letter in moves)
    given = graph.graph.get("letters")
    if isinstance(given, (list, tuple)) and set(given) >= set(letters):
        letters = list(dict.fromkeys(given))
    return from_moves(title, nodes, letters, moves, starts, final or None, notes)


def _from_automata_lib(machine: Any, name: str | None) -> Automaton:
    """A DFA or an NFA of automata-lib; ε is its empty text."""
    title = name or "automaton"
    if not hasattr(machine, "final_states") or not hasattr(machine, "initial_state"):
        raise InputError(f"an object of type {type(machine).__name__}; wanted a DFA or an NFA of automata-lib")
    moves: dict[tuple[Any, Any], Collection[Any]] = {}
    for state, row in machine.transitions.items():
        for letter, target in row.items():
            if isinstance(letter, tuple) or (isinstance(target, tuple) and target not in machine.states):
                raise InputError(f"an object of type {type(machine).__name__}; wanted a DFA or an NFA of automata-lib")
            many = isinstance(target, (set, frozenset)) and target not in machine.states
            moves[state, letter or None] = target if many else [target]
    states, letters = _ordered(machine.states), _ordered(machine.input_symbols)
    return from_moves(title, states, letters, moves, [machine.initial_state], list(machine.final_states))


def _from_aalpy(machine: Any, name: str | None) -> Automaton:
    """A Dfa, MooreMachine or MealyMachine of AALpy. Outputs other than accepting and not are a function of the state
    (and of the letter); then the state is tracked."""
    title = name or "automaton"
    states = list(machine.states)
    if not all(isinstance(getattr(state, "transitions", None), Mapping) for state in states):
        raise InputError(f"an object of type {type(machine).__name__}; {WANTED}")
    names = {id(state): str(getattr(state, "state_id", i)) for i, state in enumerate(states)}
    moves: dict[tuple[Any, Any], Collection[Any]] = {}
    for state in states:
        for letter, target in state.transitions.items():
            if isinstance(target, (list, tuple)) and not all(id(one) in names for one in target):
                raise InputError(
                    f"{title}: a transition with probabilities or outputs; wanted a Dfa, Moore or Mealy machine"
                )
            reached = target if isinstance(target, (list, tuple)) else [target]
            moves[names[id(state)], letter] = [names[id(one)] for one in reached]
    letters = _ordered(letter for _, letter in moves)
    notes: tuple[str, ...] = ()
    accepting: list[str] | None = None
    if all(hasattr(state, "is_accepting") for state in states):
        accepting = [names[id(state)] for state in states if state.is_accepting]
    elif all(hasattr(state, "output") for state in states):
        outputs = {state.output for state in states}
        if outputs <= {True, False}:
            accepting = [names[id(state)] for state in states if state.output]
        else:
            notes = (f"{counted(len(outputs), 'output')}: each is a function of the state, which is tracked",)
    else:
        notes = ("outputs of transitions are functions of state and letter: the state is tracked",)
    order = [names[id(state)] for state in states]
    return from_moves(title, order, letters, moves, [names[id(machine.initial_state)]], accepting or None, notes)


def read_group(tracked: Any, name: str | None = None, over: str | int | None = None) -> PermutationGroup:
    """`read_object` for a group alone. Raises `InputError` also for an automaton."""
    found = parse_group(str(tracked)) if isinstance(tracked, (str, Path)) else read_object(tracked, name, over)
    if isinstance(found, Automaton):
        raise InputError(f"{found.name} is an automaton; wanted a group (or `sn.machine`, which takes both), e.g. 'S4'")
    return found.noted(name=name) if name and found.name != name and not isinstance(tracked, (str, Path)) else found
