"""What a learnt machine is: an automaton with names, the group that its letters generate, and its relation to a task.

All of it is exact: the machine and the task are finite, so they are compared over all pairs of states that one word
leads to, and a word on which they differ is a shortest one.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...algebra.automata.automaton import MAX_LETTERS, MAX_STATES, Automaton
from ...algebra.automata.image_groups import image_groups
from ...algebra.depth.group_names import group_name
from ...algebra.groups.group import Group
from ...algebra.groups.identify import small_group_id
from ...algebra.tracked import Tracked, TrackedAutomaton, TrackedGroup
from ...common.brief import Brief
from ...common.errors import InputError
from ...common.wording import counted
from .moore import START, MooreMachine, Word


@dataclass(frozen=True, eq=False, repr=False)
class Identity(Brief):
    """What a machine is.

    Arguments:
        name: `S3`, `C2`, or what it is in words.
        small_group_id: of the group that its letters generate, in GAP's library; None where they are no group, or one
            of order above 255.
        relation: what it holds of the task, e.g. `the parity of S3`; empty without a task, or where it is the task.
        is_task: whether it answers every word as the task does.
        differs: a shortest word that it answers otherwise than the task; None where there is none, or no task.
        group: that its letters generate; None where they do not permute the states.
    """

    name: str
    small_group_id: tuple[int, int] | None
    relation: str
    is_task: bool
    differs: Word | None
    group: Group | None

    def text(self) -> str:
        """`C2: the parity of S3`."""
        return f"{self.name}: {self.relation}" if self.relation else self.name


def automaton_of(machine: MooreMachine, letters: Sequence[str], classes: Sequence[str], name: str) -> Automaton:
    """The machine as an automaton that every command takes: states are called after the classes that they answer.

    A machine of two classes and more states is given as the automaton of a language: it accepts the second class.

    Raises:
        InputError: it has more states or letters than automata here have.
    """
    if machine.states > MAX_STATES or len(letters) > MAX_LETTERS:
        raise InputError(
            f"a machine of {machine.states:,} states and {len(letters):,} letters; an automaton has at most "
            f"{MAX_STATES:,} and {MAX_LETTERS}: wanted a smaller one"
        )
    plain = [class_text(y, classes) for y in machine.outputs.tolist()]
    total, seen, names = Counter(plain), Counter[str](), []
    for text in plain:
        seen[text] += 1
        names.append(text if total[text] == 1 else f"{text}.{seen[text]}")
    language = len(classes) == 2 and machine.states > 2 and set(machine.outputs.tolist()) == {0, 1}
    accepting = np.flatnonzero(machine.outputs == 1).tolist() if language else None
    return Automaton.make(name, machine.table, letters, names, 0, accepting)


def class_text(answer: int, classes: Sequence[str]) -> str:
    """What an answer is called; `none` for one that is no class."""
    if answer == START:
        return "start"
    return classes[answer] if 0 <= answer < len(classes) else "none"


def identify(machine: MooreMachine, automaton: Automaton, tracked: Tracked | None) -> Identity:
    """Name a machine, and say what it has of a task.

    Arguments:
        machine: learnt.
        automaton: the same with names.
        tracked: the task, with the machine's letters and classes; None for none.
    """
    own = _group(automaton)
    group_id = small_group_id(own) if own is not None else None
    name = _name(machine, automaton, own)
    if tracked is None:
        return Identity(name, group_id, "", False, None, own)
    pairs, differs = _pairs(machine, tracked)
    if differs is None:
        return Identity(tracked.name, group_id, "", True, None, own)
    return Identity(name, group_id, _relation(machine, tracked, pairs), False, differs, own)


def _group(automaton: Automaton) -> Group | None:
    """The group that the letters generate, listed; None where they do not permute the states, or it is too large."""
    if not automaton.is_permutation:
        return None
    try:
        found = image_groups(automaton)
        return found[0].listed if found else Group.from_table(np.zeros((1, 1), dtype=np.int64), "1", ())
    except InputError:
        return None


def _name(machine: MooreMachine, automaton: Automaton, own: Group | None) -> str:
    count = machine.states
    if count == 1:
        return f"one answer to every word, {automaton.states[0]}"
    if own is not None:
        if own.order == count:
            return group_name(own)
        return f"{group_name(own)} on {count} states"
    if automaton.is_permutation:
        return f"a large group on {count} states"
    memory = definite(machine)
    if memory is not None:
        return f"the last {counted(memory, 'letter')} alone" if memory > 1 else "the last letter alone"
    try:
        groups = [group_name(part.listed) for part in image_groups(automaton)]
    except InputError:
        return f"an automaton of {counted(count, 'state')}"
    held = f"its words hold {', '.join(dict.fromkeys(groups))}" if groups else "aperiodic"
    return f"an automaton of {counted(count, 'state')}, {held}"


def definite(machine: MooreMachine) -> int | None:
    """The number of last letters that decide the state; None where no number does."""
    apart = ~np.eye(machine.states, dtype=bool)
    for length in range(machine.states):
        if not apart.any():
            return length
        p, q = np.nonzero(apart)
        following = np.zeros_like(apart)
        for x in range(machine.table.shape[1]):
            following[machine.table[p, x], machine.table[q, x]] = True
        np.fill_diagonal(following, False)
        apart = following
    return None


def _pairs(machine: MooreMachine, tracked: Tracked) -> tuple[set[tuple[int, int]], Word | None]:
    """All pairs (class of the task, state) that one word leads to, and a shortest word that is answered otherwise."""
    moves = tracked.moves.tolist()
    table, outputs = machine.table.tolist(), machine.outputs.tolist()
    begin = (int(tracked.start), 0)
    came: dict[tuple[int, int], tuple[tuple[int, int], int] | None] = {begin: None}
    queue, differs = deque([begin]), None
    while queue:
        pair = queue.popleft()
        for x in range(len(table[0])):
            following = (moves[pair[0]][x], table[pair[1]][x])
            if following not in came:
                came[following] = (pair, x)
                queue.append(following)
            if differs is None and outputs[following[1]] != following[0]:
                letters, at = [x], came[pair]
                while at is not None:
                    letters.append(at[1])
                    at = came[at[0]]
                differs = tuple(letters[::-1])
    return set(came), differs


def _relation(machine: MooreMachine, tracked: Tracked, pairs: set[tuple[int, int]]) -> str:
    """What the machine's states say of the task's: classes that one state stands for are not told apart."""
    parent = list(range(tracked.classes))

    def find(y: int) -> int:
        while parent[y] != y:
            parent[y] = parent[parent[y]]
            y = parent[y]
        return y

    first: dict[int, int] = {}
    for y, q in sorted(pairs):
        parent[find(y)] = find(first.setdefault(q, y))
    reached = sorted({y for y, _ in pairs})
    blocks = sorted({find(y) for y in reached})
    task = "the group" if isinstance(tracked, TrackedGroup) else "the automaton"
    if len(blocks) == 1:
        return f"nothing of {tracked.name}"
    if len(blocks) == len(reached):
        return f"it knows {task} {tracked.name}, and answers otherwise"
    more = " and more" if machine.states > len(blocks) else ""
    if isinstance(tracked, TrackedAutomaton):
        return f"a quotient of {tracked.name} with {len(blocks)} of {len(reached)} states{more}"
    assert isinstance(tracked, TrackedGroup)
    place = {y: i for i, y in enumerate(blocks)}
    table = np.array([[place[find(int(tracked.moves[y, x]))] for x in range(tracked.count)] for y in blocks])
    quotient = _group(Automaton.make("quotient", table))
    if quotient is None or quotient.order != len(blocks):
        inside = len(reached) // len(blocks)
        return f"what {tracked.name} does to {len(blocks)} cosets of a subgroup of order {inside}{more}"
    if len(blocks) == 2 and tracked.name[:1] == "S" and tracked.name[1:].isdigit():
        return f"the parity of {tracked.name}{more}"
    kernel = len(reached) // len(blocks)
    quotient_name = "" if machine.states == len(blocks) else f" {group_name(quotient)}"
    return f"the quotient{quotient_name} of {tracked.name} by a normal subgroup of order {kernel}{more}"
