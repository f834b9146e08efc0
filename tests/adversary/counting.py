"""What an attack comes to: tried, accepted and true, accepted and false, refused, crashed, mixed."""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from subnormal.common.errors import InputError, RefutedError
from subnormal.proofs_check.certificates.checker import FaultError

SECONDS = 60
"""Whatever takes longer hangs: nothing here is larger than a few kilobytes."""


class HangError(BaseException):
    """Something took too long; no handler of ordinary errors takes it for one."""


@contextlib.contextmanager
def stopped_after(seconds: float) -> Iterator[None]:
    """`HangError` in the block when it has run for so long."""

    def stop(*_: object) -> None:
        raise HangError(f"more than {seconds:g} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@dataclass
class Counts:
    """Counts of one class of attacks; `faults` says what went wrong."""

    name: str
    tried: int = 0
    true: int = 0
    refused: int = 0
    faults: list[str] = field(default_factory=list)
    false: int = 0
    crashes: int = 0
    mixed: int = 0

    def attack(self, what: str, run: Callable[[], object], is_true: Callable[[], bool]) -> None:
        """Run a command on something spoiled. It may refuse in one line; what it accepts must be true."""
        self.tried += 1
        try:
            with stopped_after(SECONDS):
                run()
        except (InputError, RefutedError, FaultError) as error:
            self.refused += 1
            if "\n" in str(error.args[0]).strip():
                self.fault("crashes", f"{what}: more than one line: {error}")
            return
        except (Exception, HangError) as error:  # whatever it is, it is a crash
            self.fault("crashes", f"{what}: {type(error).__name__}: {error}")
            return
        if is_true():
            self.true += 1
        else:
            self.fault("false", f"{what}: accepted")

    def fault(self, kind: str, what: str) -> None:
        setattr(self, kind, getattr(self, kind) + 1)
        self.faults.append(what)

    def __str__(self) -> str:
        return (
            f"{self.name}: {self.tried:,} tried, {self.refused:,} refused, {self.true:,} accepted and true, "
            f"{self.false} accepted and false, {self.crashes} crashes, {self.mixed} mixed folders"
        )

    def check(self) -> None:
        print(self)
        assert not self.faults, "\n".join([str(self), *self.faults[:10]])
