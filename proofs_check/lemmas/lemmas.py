"""Lemmas 1-3 of "The Expressive Limits of Diagonal SSMs for State-Tracking", derived by SymPy as they are printed.

A channel applies an affine map h ↦ λh + b for every token. Each step below is an identity or a limit that SymPy decides
when the lemma is asked for; a step that it cannot decide is "unproved", one that it finds wrong "refuted".
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ...common.packages import named_packages


@dataclass(frozen=True)
class Step:
    """One step of a derivation: what is claimed, what SymPy made of it, and whether it holds (None: not decided)."""

    text: str
    found: str
    holds: bool | None


@dataclass(frozen=True)
class Lemma:
    """A lemma with its derivation.

    Arguments:
        title, statement, assumptions: for people.
        steps: the derivation; all of them must hold.
    """

    title: str
    statement: str
    assumptions: str
    steps: tuple[Step, ...]

    @property
    def verdict(self) -> str:
        """`verified`, `unproved` (a step was not decided, or there is none) or `refuted`."""
        if any(step.holds is False for step in self.steps):
            return "refuted"
        return "verified" if self.steps and all(step.holds for step in self.steps) else "unproved"

    def text(self) -> str:
        """The lemma as a paragraph."""
        marks = {True: "✓", False: "✗", None: "?"}
        lines = [self.title, f"  statement    {self.statement}", f"  assumptions  {self.assumptions}"]
        for i, step in enumerate(self.steps):
            lines.append(f"  {'derivation   ' if i == 0 else ' ' * 13}{marks[step.holds]} {step.text}: {step.found}")
        return "\n".join([*lines, f"  {self.verdict}"])


def symbolic_lemmas() -> list[Lemma]:
    """All lemmas, derived now. Raises `MissingPackageError` where SymPy is not installed."""
    with named_packages():
        import sympy
    makers: tuple[Callable[[Any], Lemma], ...] = (
        _powers,
        _contraction,
        _expansion,
        _drift,
        _two_centres,
        _one_centre,
        _same_multiplier,
        _families,
    )
    return [make(sympy) for make in makers]


def _zero(sp: Any, text: str, expression: Any) -> Step:
    """The step "expression = 0"."""
    simplified = sp.simplify(sp.expand(expression))
    holds = True if simplified == 0 else (False if simplified.equals(0) is False else None)
    return Step(text, str(simplified), holds)


def _limit(sp: Any, text: str, expression: Any, n: Any, value: Any) -> Step:
    found = sp.limit(expression, n, sp.oo)
    decided = not isinstance(found, sp.Limit)
    return Step(text, f"lim {expression} = {found}", bool(found == value) if decided else None)


def _true(sp: Any, text: str, proposition: Any) -> Step:
    """A relation that SymPy must evaluate to true."""
    found = sp.simplify(proposition) if proposition not in (True, False) else proposition
    holds = True if found in (True, sp.true) else False if found in (False, sp.false) else None
    return Step(text, str(found), holds)


def _symbols(sp: Any) -> dict[str, Any]:
    complex_ = {name: sp.Symbol(name, complex=True) for name in ("h", "g", "b", "lambda", "mu", "c", "c1", "c2")}
    n = sp.Symbol("n", integer=True, nonnegative=True)
    return {**complex_, "n": n, "p": sp.Symbol("p", positive=True), "theta": sp.Symbol("theta", real=True)}


def _powers(sp: Any) -> Lemma:
    s = _symbols(sp)
    h, b, rate, n = s["h"], s["b"], s["lambda"], s["n"]
    power = rate**n * h + b * (1 - rate**n) / (1 - rate)
    shift = h + n * b
    return Lemma(
        "Powers of an affine map",
        "f(h) = λh + b has f^n(h) = λ^n·h + b(1 - λ^n)/(1 - λ) for λ ≠ 1, and h + n·b for λ = 1",
        "h, b, λ complex, n ≥ 0 an integer; by induction on n",
        (
            _zero(sp, "λ ≠ 1, n = 0: formula - h", power.subs(n, 0) - h),
            _zero(sp, "λ ≠ 1, n → n + 1: f(formula) - formula(n + 1)", rate * power + b - power.subs(n, n + 1)),
            _zero(sp, "λ = 1, n = 0: formula - h", shift.subs(n, 0) - h),
            _zero(sp, "λ = 1, n → n + 1: f(formula) - formula(n + 1)", shift + b - shift.subs(n, n + 1)),
        ),
    )


def _bernoulli(sp: Any, s: dict[str, Any]) -> tuple[Step, ...]:
    n, p = s["n"], s["p"]
    gain = sp.expand((1 + n * p) * (1 + p) - (1 + (n + 1) * p))
    return (
        _zero(sp, "(1 + p)^n ≥ 1 + np at n = 0: difference", ((1 + p) ** n - (1 + n * p)).subs(n, 0)),
        _true(sp, f"and n → n + 1, as (1 + np)(1 + p) - (1 + (n + 1)p) = {gain} ≥ 0", gain >= 0),
    )


def _contraction(sp: Any) -> Lemma:
    s = _symbols(sp)
    h, g, b, rate, n, p = (s[name] for name in ("h", "g", "b", "lambda", "n", "p"))
    f = sp.Lambda(h, rate * h + b)
    return Lemma(
        "Lemma 1, contraction",
        "if |λ| < 1, states forget: |f^n(h) - f^n(g)| = |λ|^n·|h - g| → 0, and it is ≤ ε from n = |h - g|/(εp) on",
        "h, g, b, λ complex, |λ| = 1/(1 + p) with p > 0",
        (
            _zero(sp, "f(h) - f(g) - λ(h - g)", f(h) - f(g) - rate * (h - g)),
            _zero(sp, "|λ·z| - |λ|·|z|, so distances are multiplied by |λ|", abs(rate * g) - abs(rate) * abs(g)),
            *_bernoulli(sp, s),
            _limit(sp, "|λ|^n → 0", (1 / (1 + p)) ** n, n, 0),
        ),
    )


def _expansion(sp: Any) -> Lemma:
    s = _symbols(sp)
    h, b, rate, n, p = (s[name] for name in ("h", "b", "lambda", "n", "p"))
    centre = b / (1 - rate)
    return Lemma(
        "Lemma 1, expansion",
        "if |λ| > 1, |f^n(h) - c| = |λ|^n·|h - c| → ∞ for every h except the fixed point c = b/(1 - λ)",
        "h, b, λ complex, |λ| = 1 + p with p > 0",
        (
            _zero(sp, "f(c) - c", rate * centre + b - centre),
            _zero(sp, "f(h) - c - λ(h - c)", rate * h + b - centre - rate * (h - centre)),
            *_bernoulli(sp, s),
            _limit(sp, "|λ|^n → ∞", (1 + p) ** n, n, sp.oo),
        ),
    )


def _drift(sp: Any) -> Lemma:
    s = _symbols(sp)
    h, b, n, theta = (s[name] for name in ("h", "b", "n", "theta"))
    rate = sp.exp(sp.I * theta)
    centre = b / (1 - rate)
    size = sp.Symbol("beta", positive=True)
    state = sp.Function("s")
    solution = sp.rsolve(state(n + 1) - state(n) - b, state(n), {state(0): h})
    angles = sp.solveset(sp.Eq(2 - 2 * sp.cos(theta), 0), theta, sp.S.Reals)
    multiples = sp.ImageSet(sp.Lambda(sp.Symbol("k"), 2 * sp.pi * sp.Symbol("k")), sp.S.Integers)
    return Lemma(
        "Lemma 1, drift",
        "if λ = 1 and b ≠ 0, the state drifts: |f^n(h) - h| = n|b| → ∞; if |λ| = 1 and λ ≠ 1, it turns about b/(1 - λ)",
        "h, b complex, λ = exp(iθ), θ real, β = |b| > 0 in the limit",
        (
            _zero(sp, "λ = 1: the solution of s(n + 1) = s(n) + b, s(0) = h, minus (h + nb)", solution - (h + n * b)),
            _zero(sp, "|nb| - n|b|", abs(n * b) - n * abs(b)),
            _limit(sp, "n|b| → ∞", n * size, n, sp.oo),
            _zero(sp, "|1 - λ|² - (2 - 2cos θ)", (1 - rate) * (1 - 1 / rate) - (2 - 2 * sp.cos(theta).rewrite(sp.exp))),
            Step("2 - 2cos θ = 0 only at whole turns: c exists", str(angles), _same_set(sp, angles, multiples)),
            _zero(sp, "f(h) - c - λ(h - c)", rate * h + b - centre - rate * (h - centre)),
            _zero(sp, "|λ| - 1, so |f(h) - c| = |h - c|", abs(rate) - 1),
        ),
    )


def _same_set(sp: Any, found: Any, wanted: Any) -> bool | None:
    """Whether two sets of the form {2πk} agree; None where SymPy found something of another form."""
    if not isinstance(found, sp.ImageSet) or found.base_sets != wanted.base_sets:
        return None
    k = sp.Symbol("k", integer=True)
    return bool(sp.simplify(found.lamda(k) - wanted.lamda(k)) == 0)


def _two_centres(sp: Any) -> Lemma:
    s = _symbols(sp)
    h, c1, c2, n, theta = (s[name] for name in ("h", "c1", "c2", "n", "theta"))
    rate = sp.exp(sp.I * theta)
    first = rate * (h - c1) + c1
    both = sp.conjugate(rate) * (first - c2) + c2
    move = (sp.conjugate(rate) - 1) * (c1 - c2)
    size = sp.Symbol("tau", positive=True)
    factor = sp.expand((sp.conjugate(rate) - 1) * (rate - 1))
    angles = sp.solveset(sp.Eq(2 - 2 * sp.cos(theta), 0), theta, sp.S.Reals)
    multiples = sp.ImageSet(sp.Lambda(sp.Symbol("k"), 2 * sp.pi * sp.Symbol("k")), sp.S.Integers)
    return Lemma(
        "Lemma 2, two centres",
        "a rotation about c₁ and then its inverse about c₂ is the translation by τ = (λ̄ - 1)(c₁ - c₂); for λ ≠ 1 it "
        "vanishes only if c₁ = c₂, and repeated it diverges",
        "h, c₁, c₂ complex, λ = exp(iθ), θ real, |τ| > 0 in the limit",
        (
            _zero(sp, "λ̄(λ(h - c₁) + c₁ - c₂) + c₂ - h - τ", both - h - move),
            _zero(sp, "the translation does not depend on h: its derivative", sp.diff(sp.expand(both - h), h)),
            _zero(sp, "|λ̄ - 1|² - (2 - 2cos θ)", factor - (2 - 2 * sp.cos(theta).rewrite(sp.exp))),
            Step("2 - 2cos θ = 0 only at whole turns, so λ̄ ≠ 1", str(angles), _same_set(sp, angles, multiples)),
            _zero(sp, "τ = 0 solved for c₁, minus c₂", _only_solution(sp, (1 / rate - 1) * (c1 - c2), c1) - c2),
            _limit(sp, "n repetitions move by n|τ| → ∞", n * size, n, sp.oo),
        ),
    )


def _only_solution(sp: Any, expression: Any, unknown: Any) -> Any:
    """The solution of expression = 0 for one unknown, nan where there is not exactly one."""
    found = sp.solve(expression, unknown)
    return found[0] if len(found) == 1 else sp.nan


def _one_centre(sp: Any) -> Lemma:
    s = _symbols(sp)
    h, c, c1, c2, rate, other = (s[name] for name in ("h", "c", "c1", "c2", "lambda", "mu"))

    def about(multiplier: Any, centre: Any, state: Any) -> Any:
        return multiplier * (state - centre) + centre

    gap = sp.expand(about(other, c2, about(rate, c1, h)) - about(rate, c1, about(other, c2, h)))
    factored = sp.factor(gap)
    return Lemma(
        "Lemma 3, one centre",
        "maps with a common centre commute; maps about c₁ and c₂ with λ, μ ≠ 1 commute only if c₁ = c₂",
        "h, c, c₁, c₂, λ, μ complex",
        (
            _zero(sp, "common centre: f(g(h)) - g(f(h))", gap.subs({c1: c, c2: c})),
            _zero(
                sp,
                f"in general g(f(h)) - f(g(h)) = {factored}, minus (λ - 1)(μ - 1)(c₂ - c₁)",
                gap - (rate - 1) * (other - 1) * (c2 - c1),
            ),
            _zero(
                sp,
                "which vanishes for λ, μ ≠ 1 only at c₁ = c₂: its zero in c₁, minus c₂",
                _only_solution(sp, factored, c1) - c2,
            ),
        ),
    )


def _same_multiplier(sp: Any) -> Lemma:
    h = sp.Symbol("h", complex=True)
    letters = ("a", "A", "b", "B")  # A and B are the tokens of the inverses, with affine maps of their own
    rates = {x: sp.Symbol(f"lambda_{x}", complex=True) for x in letters}
    drives = {x: sp.Symbol(f"beta_{x}", complex=True) for x in letters}

    def run(word: str) -> Any:
        state = h
        for x in word:
            state = rates[x] * state + drives[x]
        return sp.expand(state)

    first, second = run("abAB"), run("aAbB")
    product = sp.prod(rates.values())
    return Lemma(
        "Theorem 1, the two words",
        "P = a·b·a⁻¹·b⁻¹ and Q = a·a⁻¹·b·b⁻¹ have the same multiplier μ, so P·Q^N and Q·Q^N end |μ|^N·|P(h) - Q(h)| "
        "apart, P(h) - Q(h) being the same for all h",
        "every letter (inverses too) has any complex multiplier and drive; a·b ≠ b·a makes the words' products differ",
        (
            _zero(sp, "coefficient of h in P, minus the product of multipliers", first.coeff(h, 1) - product),
            _zero(sp, "coefficient of h in Q, minus the product of multipliers", second.coeff(h, 1) - product),
            _zero(sp, "derivative of P(h) - Q(h)", sp.diff(first - second, h)),
        ),
    )


def _families(sp: Any) -> Lemma:
    x = sp.Symbol("x", nonnegative=True)
    y, r, step = (sp.Symbol(name, positive=True) for name in ("y", "r", "Delta"))
    omega = sp.Symbol("omega", real=True)
    theta = sp.Symbol("theta", real=True)
    minus_one = sp.solveset(2 * sp.exp(-x) - 1 + 1, x, sp.S.Reals)
    one = sp.solveset(sp.Eq(2 * sp.exp(-x) - 1, 1), x, sp.S.Reals)
    return Lemma(
        "The families' multipliers",
        "S4D |a| < 1 · Mamba 0 < a ≤ 1 · Negative Mamba -1 < a ≤ 1, -1 only in the limit · AUSSM |a| = 1",
        "x = Δ(x)·|Λ| ≥ 0, or y > 0; Δ, r = -Re Λ > 0; ω, θ real; exact arithmetic (floats round 2·exp(-x) - 1 to -1 "
        "once exp(-x) is tiny)",
        (
            _zero(sp, "S4D: |exp(Δ(-r + iω))| - exp(-Δr)", abs(sp.exp(step * (-r + sp.I * omega))) - sp.exp(-step * r)),
            _zero(sp, "1 - exp(-y) at y = 0", (1 - sp.exp(-y)).subs(y, 0)),
            _true(sp, "and it increases: its derivative > 0, so exp(-y) < 1 for y > 0", sp.diff(1 - sp.exp(-y), y) > 0),
            _true(sp, "Mamba: exp(-x) > 0", sp.exp(-x) > 0),
            _true(sp, "Negative Mamba: 2·exp(-x) - 1 > -1", 2 * sp.exp(-x) - 1 > -1),
            Step("Negative Mamba: solutions of 2·exp(-x) - 1 = -1", str(minus_one), bool(minus_one == sp.S.EmptySet)),
            Step("Negative Mamba: solutions of 2·exp(-x) - 1 = 1", str(one), bool(one == sp.FiniteSet(0))),
            _limit(sp, "Negative Mamba: its infimum", 2 * sp.exp(-x) - 1, x, -1),
            _zero(sp, "AUSSM: |exp(iθ)| - 1", abs(sp.exp(sp.I * theta)) - 1),
        ),
    )
