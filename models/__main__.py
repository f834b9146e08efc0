"""`python -m models`: the part of the command line that belongs to this room."""

from subnormal.__main__ import main

if __name__ == "__main__":
    main("models")
