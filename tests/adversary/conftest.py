"""A command line, run in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest

from subnormal.command_line.__main__ import main


@pytest.fixture
def run(monkeypatch, capsys) -> Callable[..., tuple[int, str]]:
    """Runs the command line with some arguments: exit code and standard error."""

    def ran(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["subnormal", *map(str, arguments)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        return int(ended.value.code or 0), capsys.readouterr().err

    return ran
