"""`python -m subnormal`, and the script `subnormal`: all commands."""

from __future__ import annotations

import os
import signal
from types import FrameType


def _quit(number: int, frame: FrameType | None) -> None:
    os.write(2, b"interrupted\n")
    os._exit(130)


def main(part: str | None = None) -> None:
    """Run the command line of one room, or of all. Until its modules are loaded Ctrl-C ends the program at once."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _quit)
    from subnormal.command_line.__main__ import main as command_line

    command_line(part)


if __name__ == "__main__":
    main()
