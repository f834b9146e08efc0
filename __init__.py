"""The group theory of state tracking as running code.

    import subnormal as sn

    g = sn.group("S4")                        a group, from whatever the commands take
    print(sn.inspect(g))                      how many layers it needs, for each model family, and why
    c = sn.compile(g, family="aussm")         a cascade that tracks it, checked, and the weights of a network
    net = c.network(dtype="float32")          a torch module
    c.save("s4")                              the folder that `subnormal compile` writes
    sn.certify("s4"); sn.check("s4")          a proof for words of every length, and its independent check
    sn.show(g, html="s4.html")                a page of it, where words can be played
    sn.refute(net, g)                         words on which a model fails that cannot track the group
    sn.train(g, init=c, noise=0.03)           training, from random or from compiled weights
    sn.probe("mamba2", "parity,S3")           fresh copies of an architecture on tasks of known depth
    sn.learn("S3")                            from words and labels alone to a proved machine
    sn.inspect(sn.regex("(ab|b)*a"))          the same questions about an automaton

Every command of `subnormal --help` is a view of the function of the same name, with the same options. Nothing heavy is
imported until it is used: torch with the first network, SymPy with the lemmas.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .algebra.depth.inspection import Inspection
    from .algebra.depth.optimise import Choices
    from .api.compiling import Compiled, compile
    from .api.groups import group, inspect, machine, pareto, regex
    from .api.learning import Diagnosis, Learnt, Read, decompile, diagnose, learn
    from .api.pages import Written, show
    from .api.probing import Probe, probe
    from .api.proving import Proved, certify, check
    from .api.refuting import Parity, parity, refute
    from .api.running import Horizons, horizon, verify
    from .api.tables import Lemmas, Table, atlas, catalogue, lemmas
    from .api.training import Training, evaluate, train
    from .api.verifying import Verified, run_word
    from .api.writing import Experiment, Sweep, WordFile, reproduce, sweep, words
    from .artifacts.artifact import Artifact, load
    from .common.errors import InputError, RefutedError
    from .constructions.automata.inspection import AutomatonInspection
    from .constructions.targets.compiler import Checkpoint
    from .models.network import DCDNetwork
    from .models.training.evaluation import Accuracy
    from .proofs_check.audits.audit import Audit, audit
    from .proofs_check.refutations.refutation import Refutation

__version__ = "0.1.0"

__all__ = [
    "Accuracy",
    "Artifact",
    "Audit",
    "AutomatonInspection",
    "Checkpoint",
    "Choices",
    "Compiled",
    "DCDNetwork",
    "Diagnosis",
    "Experiment",
    "Horizons",
    "InputError",
    "Inspection",
    "Learnt",
    "Lemmas",
    "Parity",
    "Probe",
    "Proved",
    "Read",
    "Refutation",
    "RefutedError",
    "Sweep",
    "Table",
    "Training",
    "Verified",
    "WordFile",
    "Written",
    "atlas",
    "audit",
    "catalogue",
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
    "lemmas",
    "load",
    "machine",
    "pareto",
    "parity",
    "probe",
    "refute",
    "regex",
    "reproduce",
    "run_word",
    "show",
    "sweep",
    "train",
    "verify",
    "words",
]

_HOME = {
    ".algebra.depth.inspection": ("Inspection",),
    ".algebra.depth.optimise": ("Choices",),
    ".api.compiling": (
        "Compiled",
        "compile",
    ),
    ".api.groups": (
        "group",
        "inspect",
        "machine",
        "pareto",
        "regex",
    ),
    ".api.learning": (
        "Diagnosis",
        "Learnt",
        "Read",
        "decompile",
        "diagnose",
        "learn",
    ),
    ".api.pages": (
        "Written",
        "show",
    ),
    ".api.probing": (
        "Probe",
        "probe",
    ),
    ".api.proving": (
        "Proved",
        "certify",
        "check",
    ),
    ".api.refuting": (
        "Parity",
        "parity",
        "refute",
    ),
    ".api.running": (
        "Horizons",
        "horizon",
        "verify",
    ),
    ".api.tables": (
        "Lemmas",
        "Table",
        "atlas",
        "catalogue",
        "lemmas",
    ),
    ".api.training": (
        "Training",
        "evaluate",
        "train",
    ),
    ".api.verifying": (
        "Verified",
        "run_word",
    ),
    ".api.writing": (
        "Experiment",
        "Sweep",
        "WordFile",
        "reproduce",
        "sweep",
        "words",
    ),
    ".artifacts.artifact": (
        "Artifact",
        "load",
    ),
    ".common.errors": (
        "InputError",
        "RefutedError",
    ),
    ".constructions.automata.inspection": ("AutomatonInspection",),
    ".constructions.targets.compiler": ("Checkpoint",),
    ".models.network": ("DCDNetwork",),
    ".models.training.evaluation": ("Accuracy",),
    ".proofs_check.audits.audit": (
        "Audit",
        "audit",
    ),
    ".proofs_check.refutations.refutation": ("Refutation",),
}
"""Where each public name lives; a test compares this with `__all__` and with the imports for type checkers."""


if not TYPE_CHECKING:  # a type checker that saw it would take any name for one of ours

    def __getattr__(name: str) -> Any:
        for home, names in _HOME.items():
            if name in names:
                return getattr(import_module(home, __name__), name)
        raise AttributeError(f"module 'subnormal' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
