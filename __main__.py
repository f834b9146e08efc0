"""`python -m subnormal`: all commands."""

from subnormal.command_line.__main__ import main

if __name__ == "__main__":
    main()
