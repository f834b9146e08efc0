"""Settings for all tests."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a second thread beside a busy neighbour stalls small torch operations
os.environ.setdefault("HF_HUB_OFFLINE", "1")
if not any(Path("/dev").glob("nvidia[0-9]*")):  # no GPU: the kernels run in an interpreter, which Triton asks for when
    os.environ.setdefault("TRITON_INTERPRET", "1")  # it is first imported, by whomever
# A shell starts background commands with SIGINT ignored, and so would be the programs that the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def command_line(monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """Runs a command line in this process: exit code, standard output and standard error. `part` is the room whose
    commands there are, e.g. "models"; None for all."""
    from subnormal.command_line.__main__ import main

    def ran(*arguments: object, part: str | None = None) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["subnormal", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(part)
        return int(ended.value.code or 0), *capsys.readouterr()

    return ran
