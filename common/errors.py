"""The one error a user's input can cause."""


class InputError(ValueError):
    """Input that cannot be used: one line that says what came, what was wanted, and an example.

    Command lines print it without a traceback and exit with status 2.
    """


class RefutedError(Exception):
    """A claim that was checked and found false: one line that says where. Command lines print it and exit with status
    1."""
