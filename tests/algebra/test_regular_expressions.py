"""Every expression up to a size, and every text up to a length, against matchers that share nothing with the reader.

The first is the definition: the language of an expression is a set of words, cut at length 7. The second is Python's
`re`, where it reads the text at all and in one way.
"""

from __future__ import annotations

import re
import warnings
from functools import cache
from itertools import product

import numpy as np
import pytest

from subnormal.algebra.automata.regular_expression import regular_expression
from subnormal.common.errors import InputError

LONGEST = 7
WORDS = ["".join(word) for length in range(LONGEST + 1) for word in product("ab", repeat=length)]
EVERY = frozenset(WORDS)

POSTFIX = ["*", "+", "?", "{0}", "{0,0}", "{2}", "{,2}", "{1,}", "{0,1}", "{1,3}"]
ATOMS = ["a", "b", ".", "()", "[^a]"]


def joined(one: frozenset[str], other: frozenset[str]) -> frozenset[str]:
    return frozenset(u + v for u in one for v in other if len(u) + len(v) <= LONGEST)


@cache
def powers(language: frozenset[str], fewest: int, most: int | None) -> frozenset[str]:
    """Words made of so many words of a language; more than `LONGEST` that are not empty are too long anyway."""
    found: frozenset[str] = frozenset()
    power = frozenset([""])
    for count in range((fewest + LONGEST if most is None else most) + 1):
        if count >= fewest:
            found |= power
        power = joined(power, language)
    return found


def repeated(language: frozenset[str], sign: str) -> frozenset[str]:
    bounds: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1), "{0}": (0, 0)}
    bounds |= {"{0,0}": (0, 0), "{2}": (2, 2), "{,2}": (0, 2), "{1,}": (1, None), "{0,1}": (0, 1), "{1,3}": (1, 3)}
    return powers(language, *bounds[sign])


LANGUAGES = {
    "a": frozenset("a"),
    "b": frozenset("b"),
    ".": frozenset("ab"),
    "()": frozenset([""]),
    "[^a]": frozenset("b"),
}


def expressions(size: int):
    """Texts and languages of every expression with so many signs: (text, how tightly it binds, language)."""
    if size == 1:
        for atom in ATOMS:
            yield atom, 4, LANGUAGES[atom]
        return
    for text, binds, language in expressions(size - 1):
        for sign in POSTFIX:
            ambiguous = sign in "+?" and text[-1] in "*+?}" and text[-1] + sign not in ("*?", "??")
            inside = text if binds >= 3 and not ambiguous else f"({text})"
            yield inside + sign, 3, repeated(language, sign)
    for left in range(1, size - 1):
        for one, two in product(expressions(left), expressions(size - 1 - left)):
            for sign, binds in (("", 2), ("&", 1), ("|", 0)):
                texts = [text if own >= binds else f"({text})" for text, own, _ in (one, two)]
                language = {"": joined, "&": frozenset.__and__, "|": frozenset.__or__}[sign](one[2], two[2])
                yield sign.join(texts), binds, language


def accepted(text: str) -> frozenset[str]:
    """The words up to `LONGEST` that the automaton of a text accepts, over the letters a and b."""
    try:
        automaton = regular_expression(text, "ab")
    except InputError as error:
        if "the language is empty" in str(error):
            return frozenset()
        if "every word is accepted" in str(error):
            return EVERY
        raise
    assert automaton.accepting is not None
    states = {"": automaton.start}
    for word in WORDS[1:]:
        states[word] = int(automaton.table[states[word[:-1]], "ab".index(word[-1])])
    return frozenset(word for word in WORDS if automaton.accepting[states[word]])


@pytest.mark.parametrize("size", [1, 2, 3, pytest.param(4, marks=pytest.mark.slow)])
def test_every_expression_of_a_size(size):
    count = 0
    for text, _, language in expressions(size):
        assert accepted(text) == language, text
        count += 1
    assert count == {1: 5, 2: 50, 3: 575, 4: 7250}[size]


def test_random_larger_expressions():
    random = np.random.default_rng(0)
    small = [*expressions(1), *expressions(2), *expressions(3)]

    def drawn(depth: int) -> tuple[str, frozenset[str]]:
        if depth == 0:
            text, _, language = small[random.integers(len(small))]
            return f"({text})", language
        one, two = drawn(depth - 1), drawn(int(random.integers(depth)))
        if random.random() < 0.3:
            sign = POSTFIX[random.integers(len(POSTFIX))]
            return f"({one[0]}){sign}", repeated(one[1], sign)
        kind = random.integers(3)
        language = [joined, frozenset.__and__, frozenset.__or__][kind](one[1], two[1])
        return f"({one[0]}{'' if kind == 0 else '&|'[kind - 1]}{two[0]})", language

    for _ in range(100):
        text, language = drawn(3)
        if len(text) <= 400:
            assert accepted(text) == language, text


SIGNS = ["a", "b", "|", "(", ")", "*", "+", "?", ".", "{0}", "{1,2}", "{,1}"]


def python_language(text: str) -> frozenset[str] | None:
    """The language by Python's `re`; None for a text that it refuses."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            pattern = re.compile(text)
        except (re.error, FutureWarning):
            return None
    return frozenset(word for word in WORDS if pattern.fullmatch(word))


@pytest.mark.parametrize("length", [1, 2, 3, pytest.param(4, marks=pytest.mark.slow)])
def test_every_text_against_python(length):
    """What both read is the same language; what Python reads and we refuse is lazy or possessive, or has groups."""
    read = 0
    for text in map("".join, product(SIGNS, repeat=length)):
        theirs = python_language(text)
        ours: frozenset[str] | str
        try:
            ours = accepted(text)
        except InputError as error:
            ours = str(error)
        if isinstance(ours, str):
            assert theirs is None or re.search(r"two readings|no letter|'\(\?'", ours), text
            continue
        read += 1
        # Python refuses a quantifier after a quantifier; here `a**` is (a*)*.
        assert theirs == ours if theirs is not None else re.search(r"[*+?}][*{]|[*?][?]", text), text
    assert read > 2 * 3**length // 3


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("a{0}b", "b"),
        ("a{0,0}b", "b"),
        ("a{0}{2}b", "b"),
        ("a{2}{2}", "aaaa"),
        ("a{,2}b", "(|a|aa)b"),
        ("a{2,}", "aaa*"),
        ("(a|)b", "a?b"),
        ("(|a)b", "a?b"),
        ("a||b", "a?|b"),
        ("()a", "a"),
        ("a**b", "a*b"),
        ("a*?b", "a*b"),
        ("(a?){3}b", "a{,3}b"),
        ("a|b&a", "a"),
        ("b&a|a", "a"),
        ("a&(a|b)", "a"),
        ("a&ab|b", "b"),
        ("[ab]a", "(a|b)a"),
        ("[a-b]a", "(a|b)a"),
        ("[^a]a", "ba"),
        ("((((a))))b", "ab"),
    ],
)
def test_readings(text, same):
    assert accepted(text) == accepted(same)


def test_escaped_signs_are_letters():
    automaton = regular_expression(r"(\(|\))\*[\]\-a]")
    assert automaton.letters == ("(", ")", "*", "-", "]", "a")
    assert automaton.accepts([0, 2, 3])
    assert not automaton.accepts([0, 2, 2])
    assert regular_expression("[0-9]1").letters == tuple("0123456789")
    assert regular_expression("[^a]", "abc").accepts([2])


def test_no_text_names_a_class_of_a_library():
    random = np.random.default_rng(1)
    signs = [*SIGNS, "&", "[", "]", "^", "\\", "-", "{", "}", ",", "$", "_", "é", " ", "\n", "1"]
    for _ in range(3000):
        text = "".join(signs[i] for i in random.integers(len(signs), size=random.integers(1, 9)))
        message = ""
        try:
            regular_expression(text)
        except InputError as error:
            message = str(error)
        assert "\n" not in message
        assert not re.search(r"Token|Exception|Error|<|NFA|DFA|RegEx", message.replace(text, "")), message


@pytest.mark.parametrize(("text", "letters"), [(r"\d", 10), (r"\w", 63), (r"[\dx]y*", 12), (r"[^\d]*a", 11)])
def test_classes_of_letters(text, letters):
    """The words of one and two letters are those that Python's `re` matches."""
    found = regular_expression(text)
    assert found.width == letters
    for word in product(range(letters), repeat=2):
        assert found.accepts(word[:1]) == bool(re.fullmatch(text, found.letters[word[0]]))
        assert found.accepts(word) == bool(re.fullmatch(text, found.letters[word[0]] + found.letters[word[1]]))
