"""Texts that nobody meant: every one is a group or is refused in one line, soon and in little memory."""

from __future__ import annotations

import multiprocessing
import resource
import time
from pathlib import Path

import numpy as np
import pytest

from subnormal.algebra.depth.inspection import inspect_group
from subnormal.algebra.input.parser import parse_group
from subnormal.common.errors import InputError

WORDS = """
    C2 C60 S4 D8 A5 Q8 Dic3 SD16 F21 V4 M11 Heis(3) AGL(1,8) SL(2,3) GL(2,3) PSL(2,7) SmallGroup(24,12)
    x : wr ^ ( ) , ^2 ^3 ^0 ^101 xx wrwr () (1,2) (1,2,3)(4,5) (1,1) (0,1) ,(1,3)
    C0 C10000 C10001 S99999 C99999999999999999999999 SL(2,6) PSL(2,9973) SmallGroup(256,1) Z é λ -1 0
"""
PIECES = WORDS.split()


def texts(count: int, seed: int):
    """Random pieces strung together, and whole texts with one character changed."""
    random = np.random.default_rng(seed)
    for _ in range(count):
        text = "".join(PIECES[i] for i in random.integers(len(PIECES), size=random.integers(1, 6)))
        if random.integers(2):
            place = int(random.integers(len(text) + 1))
            text = text[:place] + chr(int(random.choice([40, 41, 44, 94, 120, 48, 57, 0, 10, 955]))) + text[place + 1 :]
        yield text


def attack(count: int, seed: int) -> tuple[int, int, float, str]:
    """Groups, refusals, and the longest time with its text; anything else raises."""
    groups = refusals = 0
    longest, slowest = 0.0, ""
    for text in texts(count, seed):
        began = time.process_time()
        try:
            group = parse_group(text)
            if group.order <= 2000 or group.degree <= 12:
                assert inspect_group(group).as_json()["order"] == group.order
            groups += 1
        except InputError as error:
            assert "\n" not in str(error), text  # noqa: PT017
            assert len(str(error)) < 1000, text  # noqa: PT017
            refusals += 1
        longest, slowest = max((longest, slowest), (time.process_time() - began, text))
    return groups, refusals, longest, slowest


def test_texts_are_groups_or_refused_in_one_line():
    groups, refusals, longest, slowest = attack(400, 0)
    assert groups > 20
    assert refusals > 200
    assert longest < 10, slowest


@pytest.mark.slow
def test_many_texts_are_groups_or_refused_in_one_line():
    groups, refusals, longest, slowest = attack(20_000, 1)
    assert groups > 1000
    assert refusals > 5000
    assert longest < 60, slowest


def _limited(text: str, sender) -> None:
    pages = int(Path("/proc/self/statm").read_text().split()[0])  # what the parent has mapped already
    limit = pages * resource.getpagesize() + 2 * 2**30
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    began = time.process_time()
    try:
        parse_group(text)
        found = "a group"
    except InputError as error:
        found = str(error)
    sender.send((found, time.process_time() - began))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("C2x" * 4000 + "C2", "has 4,001 generators on 8,002 points"),
        ("C2x" * 900 + "C2", "has 901 generators on 1,802 points"),
        ("C2^100x" * 80 + "C2", "points"),
        ("S100wrS100wrS2", "acts on 20,000 points"),
        ("(" * 5000 + "C2" + ")" * 5000, "nested deeper than 50"),
        ("A" * 19_999, "cannot read a group"),
        ("C2" + "x" * 19_000, "cannot read a group"),
        ("C" + "9" * 19_000, "is too large"),
        ("(" + ",".join(map(str, range(1, 4000))) + ")", "a group"),
        ("(1," + "9" * 23 + ")", "points go from 1 to 10000"),
        ("C2" * 40_000, "at most 20000 are read"),
    ],
    ids=lambda text: text[:20],
)
def test_long_texts_take_a_second_and_little_memory(text, problem):
    receiver, sender = multiprocessing.get_context("fork").Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=_limited, args=(text, sender))
    process.start()
    sender.close()
    found, seconds = receiver.recv()
    process.join()
    assert problem in found
    assert len(found) < 600
    assert seconds < 3
