"""Channels that are turned and set, taken apart: a counter that is only turned, and a register that is only set.

A channel c that some tokens add to and some set is c = k + r: the counter k adds what c adds, and 0 where c is set; the
register r is set to v - k where c is set to v, and kept where c is turned. k reads what c read, r reads k as well. So
what one Gated AUSSM layer holds, an AUSSM layer and a Mamba layer above it hold together.
"""

from __future__ import annotations

import numpy as np

from ...algebra.depth.families import GATED_CIRCLE
from ...common.errors import InputError
from .holonomy_machine import digits, register
from .machine import ChannelMachine, distinct, explore, layers_of, least_reads


def split(machine: ChannelMachine, real: bool, limit: int) -> ChannelMachine | None:
    """The machine with every channel that is turned and set taken apart, and, where registers are binary digits, every
    channel that is set and has more than two values; None where there is none, or where the machine would have more
    than `limit` transitions.

    Arguments:
        real: whether the registers are binary digits.
    """
    wide = GATED_CIRCLE
    layers = layers_of(machine, (wide,))
    if layers is None:
        return None
    added: dict[int, list[list[int]]] = {}  # for each channel that is taken apart, state and letter: what k adds
    lower: list[int] = []
    for own in layers:
        for channel in own:
            found = least_reads(machine, channel, sorted(lower), wide)
            turns = np.where(found.sets, 0, found.values)
            if found.sets.any() and (turns.any() or (real and machine.moduli[channel] > 2)):
                case = distinct(machine.residues[:, found.reads], [machine.moduli[c] for c in found.reads])[1]
                added[channel] = turns[case].tolist()
        lower += own
    if not added:
        return None
    residues, following, decode = machine.residues.tolist(), machine.following.tolist(), machine.decode.tolist()
    whole = [c for c in range(len(machine.moduli)) if c not in added]
    moduli = [machine.moduli[c] for c in whole]
    for channel in added:
        moduli += [machine.moduli[channel], *register(machine.moduli[channel], real)]

    def step(state: tuple[int, ...], letter: int) -> tuple[int, ...]:
        s, *counters = state
        moved = (
            (k + turns[s][letter]) % machine.moduli[c] for k, (c, turns) in zip(counters, added.items(), strict=True)
        )
        return (following[s][letter], *moved)

    def held(state: tuple[int, ...]) -> list[int]:
        s, *counters = state
        values = [residues[s][c] for c in whole]
        for k, channel in zip(counters, added, strict=True):
            n = machine.moduli[channel]
            rest = (residues[s][channel] - k) % n
            values += [k, *(digits(rest, len(register(n, real))) if real else (rest,))]
        return values

    start = (0,) + (0,) * len(added)
    try:
        return explore(
            moduli, start, step, machine.following.shape[1], lambda state: decode[state[0]], held, "the machine", limit
        )
    except InputError:
        return None
