"""What a climb has found: the pair, the growth, and what stood in the way. Only what is confirmed is recorded."""

from __future__ import annotations

from .divergence import Divergence
from .evidence import (
    DivergenceEvidence,
    PairEvidence,
    growth_by_running,
    pair_by_running,
    pair_in_closed_form,
)
from .layer_at_work import LayerAtWork
from .long_words import PowerWord
from .question import Question


class Findings:
    """The evidence of one refutation.

    Attributes:
        pair: two words with different products that end in one state, or None.
        divergence: a word whose powers carry the state beyond a bound, or None.
        problems: why something found was not confirmed, or nothing was found; one sentence each.
    """

    def __init__(self, question: Question) -> None:
        self.question = question
        self.pair: PairEvidence | None = None
        self.divergence: DivergenceEvidence | None = None
        self.problems: list[str] = []

    def problem(self, place: int, text: str) -> None:
        """Note what stood in the way at a layer, counted from 1."""
        self.problems.append(f"layer {place}: {text}")

    def confirm_pair(self, work: LayerAtWork, pair: tuple[PowerWord, PowerWord]) -> bool:
        """Confirm two words over the last layer's letters, by running them or in closed form, and record them; whether
        they stand."""
        asked = self.question
        words = (work.spelled(pair[0]), work.spelled(pair[1]))
        tokens = words[0].length
        if tokens <= asked.budget.run_tokens:
            evidence = pair_by_running(asked.network, asked.own, asked.group, asked.alphabet, words, asked.epsilon)
        elif work.lower.exact:
            evidence = pair_in_closed_form(
                asked.network,
                asked.group,
                asked.alphabet,
                words,
                pair,
                work.letters.maps,
                work.start,
                work.lower.states,
                work.lower.drift,
                asked.epsilon,
            )
        else:
            self.problem(work.place, f"a pair of words of {tokens:,} tokens is too long to run")
            return False
        if evidence.products[0] == evidence.products[1]:
            raise AssertionError("the words of a pair have one product")
        if not evidence.distance <= asked.epsilon or evidence.answers[0] != evidence.answers[1]:
            apart = f"{evidence.distance:.1e} apart"
            self.problem(work.place, f"a pair of words of {tokens:,} tokens ends with states {apart}")
            return False
        self.pair = evidence
        return True

    def confirm_growth(self, work: LayerAtWork, found: Divergence) -> None:
        """Confirm growth at a layer, by running it or, where the lower layers repeat exactly, in closed form; and
        record it."""
        asked, prefix = self.question, work.level.prefix
        word = work.letters.spelled(found.word)
        exponents = [n for n, _ in found.growth]
        growth, confirmed = found.growth, "closed form"
        if prefix.length + word.length * exponents[-1] <= asked.budget.run_tokens * 2:
            growth = growth_by_running(asked.network, prefix, word, work.place, found.channel, exponents)
            confirmed = "run"
            if not growth[-1][1] >= 0.9 * asked.budget.growth:
                told = f"growth predicted to {found.growth[-1][1]:.0f} was {growth[-1][1]:.0f} when run"
                self.problem(work.place, told)
                return
        elif not work.lower.exact:
            self.problem(work.place, f"a word of growth has {word.length * exponents[-1]:,} tokens, too long to run")
            return
        self.divergence = DivergenceEvidence(
            prefix, word, work.place, found.channel, growth, found.unbounded, confirmed
        )
