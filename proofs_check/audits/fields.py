"""Fields of configurations, read as the libraries read them: a value of another kind is refused in one line."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from ...common.errors import InputError

Config = Mapping[str, Any]
MOST_LAYERS = 10_000


def wrong(key: str, value: object, wanted: str) -> InputError:
    """The error of a field with a value that its class refuses."""
    return InputError(f"{key}: {str(value)[:40]!r} in the configuration; wanted {wanted}")


def part(config: Config, key: str) -> Config:
    """A part of a configuration; empty where there is none. Raises `InputError` where it is no object."""
    value = config.get(key)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise wrong(key, value, "an object")
    return value


def number(key: str, value: object, least: float = 0.0) -> float:
    """A number, infinity too, which transformers writes as {"__float__": "Infinity"}. Raises `InputError`."""
    if isinstance(value, Mapping) and set(value) == {"__float__"}:
        value = value["__float__"]
    try:
        found = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if isinstance(value, bool) or not found >= least:
        raise wrong(key, value, "a number, e.g. 0.0001")
    return found


def limits(config: Config, key: str) -> tuple[float, float]:
    """The least and the largest Δ of Mamba-2. Raises `InputError`."""
    given = config.get(key, (0.0, math.inf))
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise wrong(key, given, "two numbers")
    return number(key, given[0]), number(key, given[1])


def positive(config: Config, key: str, default: int, wanted: str, prefix: str = "") -> int:
    """A whole number from 1 to `MOST_LAYERS`. Raises `InputError`."""
    value = config.get(key, default)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value <= MOST_LAYERS:
        raise wrong(f"{prefix}{key}", value, wanted)
    return value


def flag(config: Config, key: str, default: bool = False) -> bool:
    """Whether a switch is on; any value that is true counts, as in Python."""
    return bool(config.get(key, default))
