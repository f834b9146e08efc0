"""The one error a user's input can cause."""

from collections.abc import Iterable


class InputError(ValueError):
    """Input that cannot be used: one line that says what came, what was wanted, and an example.

    Command lines print it without a traceback and exit with status 2.
    """


class RefutedError(Exception):
    """A claim that was checked and found false: one line that says where. Command lines print it and exit with status
    1."""


_OTHER_NAMES = {
    "lr": "learning_rate phase_rate",
    "epochs": "steps", "iterations": "steps", "max_steps": "steps", "num_steps": "steps",
    "batch_size": "batch positions",
    "bs": "batch positions", "num_layers": "layers", "n_layers": "layers", "depth": "layers",
    "width": "channels", "d_state": "channels", "hidden_size": "hidden", "hidden_dim": "hidden", "d_model": "hidden",
    "seq_len": "length", "sequence_length": "length", "max_length": "length", "wd": "weight_decay",
    "random_seed": "seed", "model": "family", "architecture": "family", "output_dir": "out", "save_dir": "out",
}  # fmt: skip
"""What other libraries call the settings that have another name here, or one of several."""


def unknown_setting(name: object, known: Iterable[str]) -> InputError:
    """The refusal of a setting that does not exist, with the one that was probably meant; to be raised.

    Example:
        >>> str(unknown_setting("lr", ["learning_rate", "steps"]))
        "unknown setting 'lr'; did you mean learning_rate? known: learning_rate, steps"
    """
    from difflib import get_close_matches

    names = sorted(known)
    meant = _OTHER_NAMES.get(str(name).lower().replace("-", "_"), "").split()
    near = [one for one in meant if one in names] or get_close_matches(str(name)[:40], names, 1)
    hint = f"did you mean {near[0]}? " if near else ""
    return InputError(f"unknown setting {str(name)[:40]!r}; {hint}known: {', '.join(names)}")
