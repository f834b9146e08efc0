"""The climb up a stack of layers, in search of words that it cannot tell apart.

At layer i it has *letters*, words over tokens that bring all lower layers back to (nearly) where they were; so on
layer i each acts as one fixed affine map (`layer_at_work`). There

* where some letter contracts every channel, a common reset suffix rᴺ makes the layer forget: the words x rᴺ are the
  letters for the next layer, with the products they had;
* where channels of modulus 1 are left, words u, v with nearly one map and different products are made (`equalised`),
  and returns z: the words u z and v z are the letters for the next layer (`next_letters`). Their products are
  commutators and, where multipliers are roots of unity, powers: they lie in the next member V_i of the series of
  docs/mathematics.md;
* where neither can be had, the layer's state leaves every bound (`diverge`).

At the last layer two words over letters with different products, one length and nearly one map are the pair. Everything
found is then confirmed (`findings`) by running the network in float64 from its initial state or, for words too long to
run, by exact composition at high precision (where the lower layers are proved to repeat, see `layer_at_work.Lower`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray

from .divergence import diverge
from .equalising import equalise, starting_pairs
from .findings import Findings
from .layer_at_work import LayerAtWork, Level, layer_at_work
from .letters import contraction, repetitions
from .long_words import PowerWord
from .next_letters import reset_letters, returning_letters, returning_words
from .question import Question

RETURNS = (1e-2, 1e-3, 1e-4, 5e-2)
"""How near to its state before a letter a channel of modulus 1 must return, tried in this order: near enough for the
decisions of the upper layers to repeat (which the run at the end confirms), far enough for short words."""


@torch.no_grad()
def climb(question: Question) -> Findings:
    """Search the stack from its first layer to its last."""
    findings = Findings(question)
    _from(question, findings, Level.of_tokens(question.alphabet), 0)
    return findings


def _from(question: Question, findings: Findings, level: Level, i: int) -> bool:
    """Go on with layer i (from 0); whether a pair was confirmed."""
    if i and level.tokens > 4 * question.budget.run_tokens:
        findings.problem(i + 1, f"its letters together have {level.tokens:,} tokens, more than are run")
        return False
    work = layer_at_work(question, level, i)
    if i == len(question.network.layers) - 1:
        _search_pair(question, findings, work)
        return findings.pair is not None
    return any(_from(question, findings, following, i + 1) for following in _next(question, findings, work))


def _next(question: Question, findings: Findings, work: LayerAtWork) -> Iterator[Level]:
    """Letters that leave this layer alone as well, in several ways while they are asked for."""
    _, rate = contraction(work.letters)
    if not (rate == 0).any():
        yield reset_letters(work, question.budget.letters, question.epsilon / 1000)
        return
    tried: set[tuple[str, ...]] = set()
    for within in RETURNS:
        found = returning_words(work, question.budget, question.epsilon / 200, within)
        key = tuple(map(str, found))
        if found and key not in tried:
            tried.add(key)
            yield returning_letters(work, found)
    if not tried:
        findings.problem(work.place, "no words were found that return it to one state")
    if findings.divergence is None:
        _search_growth(question, findings, work)


def _search_growth(question: Question, findings: Findings, work: LayerAtWork) -> None:
    """Look for a word whose powers carry the layer's live channels beyond the bound."""
    live = contraction(work.letters)[1] == 0
    found = diverge(work.letters, live, work.start, question.budget.growth)
    if found is not None:
        findings.confirm_growth(work, found)


def _search_pair(question: Question, findings: Findings, work: LayerAtWork) -> None:
    """Look for the pair at the last layer, and for growth where there is no short one."""
    budget = question.budget
    reset, rate = contraction(work.letters)
    live = rate == 0
    limit = budget.longest if work.lower.exact else budget.run_tokens
    # Where a pair must be long and the state diverges, growth comes first: it can be run.
    rounds: list[tuple[int, int]] = [(min(limit, budget.run_tokens), 4), (limit, 1)]
    for longest, starts in rounds:
        for u, v in _candidates(work, live, question.epsilon, longest, starts):
            pair = _closed(work, u, v, reset, rate, question.epsilon)
            if work.length(pair[0]) <= longest and findings.confirm_pair(work, pair):
                return
        if live.any() and findings.divergence is None:
            _search_growth(question, findings, work)
    if findings.divergence is None and not findings.problems:
        told = f"no pair of words of at most {limit:.0e} tokens, and no growth beyond {budget.growth:g}"
        findings.problem(work.place, told)


def _candidates(
    work: LayerAtWork, live: NDArray[np.bool_], epsilon: float, longest: int, starts: int
) -> list[tuple[PowerWord, PowerWord]]:
    """Pairs of words over letters, of one length and different products, alike on the live channels."""
    if live.any():
        found = equalise(work.letters, live, epsilon / 20, longest, starts)
        return [] if found is None else [found]
    return [(pair.u, pair.v) for pair in starting_pairs(work.letters, live)[:4]]


def _closed(
    work: LayerAtWork, u: PowerWord, v: PowerWord, reset: PowerWord, rate: NDArray[np.float64], epsilon: float
) -> tuple[PowerWord, PowerWord]:
    """u rᴺ and v rᴺ over letters, N so large that the contracting channels forget the difference."""
    contracting = rate < 0
    if not contracting.any():
        return u, v
    apart = np.abs(work.letters.map_of(u)(work.start) - work.letters.map_of(v)(work.start))[contracting].max()
    suffix = reset.power(repetitions(rate, float(apart), epsilon / 20))
    return PowerWord.of(u, suffix), PowerWord.of(v, suffix)
