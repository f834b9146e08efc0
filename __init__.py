"""The group theory of state tracking as running code.

    import subnormal as sn

    g = sn.group("S4")                        a group, from whatever the commands take
    print(sn.inspect(g))                      how many layers it needs, for each model family, and why
    c = sn.compile(g, family="aussm")         a cascade that tracks it, checked, and the weights of a network
    net = c.network(dtype="float32")          a torch module
    c.save("s4")                              the folder that `subnormal compile` writes
    sn.certify("s4"); sn.check("s4")          a proof for words of every length, and its independent check
    sn.refute(net, g)                         words on which a model fails that cannot track the group
    sn.train(g, init=c, noise=0.03)           training, from random or from compiled weights
    sn.learn("S3")                            from words and labels alone to a proved machine
    sn.inspect(sn.regex("(ab|b)*a"))          the same questions about an automaton

Every command of `subnormal --help` is a view of one of these. Nothing heavy is imported until it is used: torch with
the first network, SymPy with the lemmas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .api.compiling import Compiled, compile
    from .api.groups import group, inspect, machine, pareto, regex
    from .api.learning import Diagnosis, Learnt, Read, decompile, diagnose, learn
    from .api.proving import Proved, certify, check, horizon, refute
    from .api.training import Training, evaluate, train
    from .api.verifying import Verified, run_word, verify
    from .artifacts.artifact import Artifact, load
    from .common.errors import InputError, RefutedError
    from .models.network import DCDNetwork
    from .proofs_check.audits.audit import audit

__version__ = "0.1.0"

__all__ = [
    "Artifact",
    "Compiled",
    "DCDNetwork",
    "Diagnosis",
    "InputError",
    "Learnt",
    "Proved",
    "Read",
    "RefutedError",
    "Training",
    "Verified",
    "audit",
    "certify",
    "check",
    "compile",
    "decompile",
    "diagnose",
    "evaluate",
    "group",
    "horizon",
    "inspect",
    "learn",
    "load",
    "machine",
    "pareto",
    "refute",
    "regex",
    "run_word",
    "train",
    "verify",
]

_HOME = {
    ".common.errors": ("InputError", "RefutedError"),
    ".api.compiling": ("Compiled", "compile"),
    ".api.groups": ("group", "inspect", "machine", "pareto", "regex"),
    ".api.learning": ("Diagnosis", "Learnt", "Read", "decompile", "diagnose", "learn"),
    ".api.proving": ("Proved", "certify", "check", "horizon", "refute"),
    ".api.training": ("Training", "evaluate", "train"),
    ".api.verifying": ("Verified", "run_word", "verify"),
    ".artifacts.artifact": ("Artifact", "load"),
    ".models.network": ("DCDNetwork",),
    ".proofs_check.audits.audit": ("audit",),
}
"""Where each public name lives; a test compares this with `__all__` and with the imports for type checkers."""


def __getattr__(name: str) -> Any:
    for home, names in _HOME.items():
        if name in names:
            return getattr(import_module(home, __name__), name)
    raise AttributeError(f"module 'subnormal' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
