"""A command line, run in this process."""

from __future__ import annotations

from collections.abc import Callable

import pytest


@pytest.fixture
def run(command_line) -> Callable[..., tuple[int, str]]:
    """Runs the command line with some arguments: exit code and standard error."""

    def ran(*arguments: object) -> tuple[int, str]:
        code, _, err = command_line(*arguments)
        return code, err

    return ran
