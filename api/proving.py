"""Proofs and refutations: certify, check, horizon, refute."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..algebra.automata.automaton import Automaton
from ..common.errors import InputError, RefutedError
from ..common.kinds import (
    AUTOMATON,
    DAMAGED,
    DELTA,
    FACTORED,
    LISTED,
    NETWORK,
    REFUSAL,
    TITLES,
    TRAINED,
    described,
    kind_of,
    wrong_kind,
)
from ..common.packages import LeftOutWarning, MissingPackageError, named_packages
from ..common.wording import default_folder
from .automata import CompiledAutomaton
from .compiling import Compiled, compile
from .faults import refutations
from .groups import GroupLike, MachineLike, group, machine, stack_of
from .verifying import verified_machine

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..algebra.groups.group import Group
    from ..models.network import DCDNetwork
    from ..proofs_check.certificates.checker import Verdict
    from ..proofs_check.refutations.automaton import AutomatonRefutation
    from ..proofs_check.refutations.refutation import Refutation

NETWORK_CERTIFICATE = "network_certificate.json"


@dataclass(frozen=True)
class Proved:
    """What was proved about a folder: prints one line for each sentence.

    Arguments:
        folder: where the certificates are.
        sentences: each says what was checked, and nothing else.
        notes: facts that were proved beside; labels, which were not; what was not checked, and why.
    """

    folder: Path
    sentences: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "\n".join([*self.sentences, *self.notes])


def certify(
    target: str | Path | Compiled | CompiledAutomaton | Automaton,
    out: str | Path | None = None,
    family: str | None = None,
    *,
    force: bool = False,
) -> Proved:
    """Write the certificate of a compiled folder; or compile a group and certify it, or prove that no number of layers
    tracks it.

    Arguments:
        target: a folder written by `compile`; or a group or an automaton, as for `sn.machine`; or what `sn.compile`
            returned.
        out: for a group: the folder to write; its name by default.
        family: the family, e.g. `negative-mamba`, or a stack. Default: `aussm`, and for an automaton whose
            letters merge states `gated-aussm`.
        force: whether `out` may replace a folder of another kind.

    Raises:
        RefutedError: the cascade does not track its group.
        InputError: the folder cannot be read or written.
    """
    if isinstance(target, Compiled | CompiledAutomaton):
        if family is not None:
            raise InputError(f"family: {target.name} is compiled already; sn.compile(…, family={family!r}) chooses it")
        folder = target.save(out or default_folder(target.name), force)
        return _with_network(folder, _certified(folder))
    if not isinstance(target, Automaton) and is_folder(str(target)):
        for option, value in (("out", out), ("family", family), ("force", force or None)):
            if value is not None:
                raise InputError(f"{target} is a folder, certified as it is: --{option} is for a group, e.g. S4")
        return _with_network(Path(target), _certified(Path(target)))
    asked = target if isinstance(target, Automaton) else str(target)
    return _with_network(*_compiled_and_certified(asked, Path(out) if out else None, family, force))


def is_folder(target: str) -> bool:
    """Whether a folder is meant rather than a group: an earlier `certify A5` may have left a folder of that name."""
    if not os.path.isdir(target) or kind_of(target) not in (None, REFUSAL):
        return os.path.isdir(target)
    try:
        machine(target)
    except InputError:
        return True
    return False


def _certified(folder: Path) -> Verdict:
    from ..proofs_check.certificates.certificate import certify_folder

    kind = kind_of(folder)
    if kind == AUTOMATON:
        from ..proofs_check.certificates.automaton_certificate import certify_automaton

        with refutations():
            return certify_automaton(folder)
    if kind == DELTA:
        from ..proofs_check.certificates.delta_certificate import certify_delta

        with refutations():
            return certify_delta(folder)
    if kind not in (*LISTED, FACTORED, DAMAGED):
        raise wrong_kind(folder, "a folder written by compile, e.g. `compile S4 --out s4`")
    if kind == FACTORED:
        raise InputError(f"{folder}: a factored cascade is its own certificate; `check {folder}` proves it")
    with refutations():
        return certify_folder(folder)


def _automaton_certified(asked: Automaton, out: Path | None, family: str | None, force: bool) -> tuple[Path, Verdict]:
    """Compile an automaton where the family can carry it, and certify that; else certify that it never can."""
    from ..algebra.automata.monoid import TransitionMonoid
    from ..algebra.depth.automaton_verdict import verdict
    from ..proofs_check.certificates.automaton_certificate import certify_automaton_refusal
    from .automata import compiled_automaton

    folder = out or Path(default_folder(asked.name))
    minimal = asked.minimal()
    if family is None:
        family = "aussm" if minimal.is_permutation else "gated-aussm"
    stack = stack_of(family)
    if len(stack) > 1 or verdict(TransitionMonoid.of(minimal), stack[0]).least is not None:
        compiled_automaton(asked, family).save(folder, force)
        return folder, _certified(folder)
    with refutations():
        return folder, certify_automaton_refusal(asked, stack[0], folder, force)


def _compiled_and_certified(
    text: str | Automaton, out: Path | None, family: str | None, force: bool
) -> tuple[Path, Verdict]:
    from ..algebra.depth.series import shortest_series
    from ..proofs_check.certificates.certificate import certify_refusal

    asked = machine(text)
    if isinstance(asked, Automaton):
        return _automaton_certified(asked, out, family, force)
    listed, stack = asked.listed(), stack_of("aussm" if family is None else family)
    folder = out or Path(default_folder(listed.name))
    if len(stack) > 1 or shortest_series(listed, stack[0]).is_complete:
        compile(listed, family).save(folder, force)
        return folder, _certified(folder)
    with refutations():
        return folder, certify_refusal(listed, stack[0], folder, force)


def _with_network(folder: Path, verdict: Verdict) -> Proved:
    """Certify the network beside a cascade that was certified."""
    first = f"{folder}/certificate.json: {verdict.claim}"
    (folder / NETWORK_CERTIFICATE).unlink(missing_ok=True)  # of an earlier network
    kind = kind_of(folder)
    if kind in (DELTA, REFUSAL):  # the certificate is about the network itself, or there is none to certify
        return Proved(folder, (first,))
    if not (folder / "model.safetensors").exists():
        note = "network: none in the folder (it would have been too large), so none is certified"
        return Proved(folder, (first,), (note,))
    from ..proofs_check.certificates.certificate import write_json
    from ..proofs_check.certificates.network_certificate import certificate_content

    try:
        with named_packages():
            proof, content = certificate_content(folder)
    except MissingPackageError as error:
        return Proved(folder, (first,), (f"network: not certified: {error}",))
    write_json(folder / NETWORK_CERTIFICATE, content)
    return Proved(folder, (first, f"{folder}/{NETWORK_CERTIFICATE}: {proof.sentence()}"))


def check(folder: str | Path, network: bool = True, coq: bool = False) -> Proved:
    """Verify a certificate with the independent checker, and the network's by proving it again.

    Arguments:
        folder: written by `compile` and `certify`.
        network: whether the network's certificate, if there is one, is proved again.
        coq: whether Coq proves the theorem of this folder as well, by the checker that is verified there.

    Raises:
        RefutedError: the claim is false.
        InputError: the files cannot be used, or Coq is wanted and not installed.
    """
    from ..proofs_check.certificates import automaton_checker, checker, delta_checker, factored_checker

    folder = Path(folder)
    kind = kind_of(folder)
    if kind not in (*LISTED, AUTOMATON, FACTORED, DELTA, REFUSAL, DAMAGED):
        raise wrong_kind(folder, "a folder that `certify` has been in, e.g. `certify S4`, `check S4`")
    if kind not in (FACTORED, DAMAGED) and not (folder / "certificate.json").exists():
        raise InputError(f"{folder} holds {TITLES[kind]} and no certificate.json: `certify {folder}` writes it")
    with refutations():
        automaton = automaton_checker.is_automaton_certificate(folder)
        delta = not automaton and delta_checker.is_delta_certificate(folder)
        if automaton or delta:
            verdict = (automaton_checker if automaton else delta_checker).check(folder)
        else:
            verdict = (factored_checker if kind == FACTORED else checker).check(folder)
    first, *facts = verdict.lines()
    facts[-2:-2] = _catalogued(verdict)
    sentences = [f"verified: {first}"]
    if coq:
        from ..proofs_check.coq.proving import prove_folder

        if delta or automaton or kind == FACTORED:
            raise InputError(f"{folder} holds {TITLES[kind]}, which the checker in Coq does not read; leave --coq out")
        sentences.append(prove_folder(folder))
    if not (folder / NETWORK_CERTIFICATE).exists():
        return Proved(folder, tuple(sentences), tuple(facts))
    if not network:
        return Proved(folder, tuple(sentences), (*facts, f"not checked: {NETWORK_CERTIFICATE}"))
    from ..proofs_check.certificates.network_certificate import recheck

    return Proved(folder, (*sentences, f"verified: {recheck(folder)}"), tuple(facts))


def _catalogued(verdict: Verdict) -> list[str]:
    """The catalogue's number of a group whose proved presentation is the catalogue's own."""
    from ..algebra.depth.presentation import catalogue_number

    number = catalogue_number(verdict.presentation) if verdict.presentation else None
    if number is None:
        return []
    return [f"which is SmallGroup({number[0]},{number[1]}): the catalogue has this presentation"]


def horizon(
    folder: str | Path,
    arithmetics: Sequence[str] | None = None,
    kinds: Sequence[str] | None = None,
    length: int | None = None,
    report: Callable[[int], None] = lambda done: None,
) -> list[dict[str, Any]]:
    """Up to which length each arithmetic is proved to decode every word, and where it first fails on some.

    Arguments:
        folder: written by `compile`.
        arithmetics: some of them; None for all.
        kinds: of words: random, constant, commutator; None for all.
        length: tokens in each word that is tried; 1,000,000 by default.
        report: is given the number of tokens run so far, over all kinds.

    Returns:
        One row an arithmetic: `arithmetic`, `proved` (None for every length) and `first_wrong` by kind of word. The
        network's rows are left out, with a `LeftOutWarning`, where torch or python-flint is not installed.

    Raises:
        RefutedError: a word failed within a proved horizon.
        InputError: the folder is damaged, or an arithmetic or a kind is unknown.
    """
    from ..constructions.arithmetics import ARITHMETICS
    from ..constructions.arithmetics import arithmetic as known
    from ..constructions.words import KINDS, check_kind
    from ..proofs_check.horizons.horizon import proved_horizon
    from ..proofs_check.horizons.runs import first_failures
    from .delta import delta_horizons

    tried = kinds is not None or length is not None
    kinds, length = list(KINDS if kinds is None else kinds), 1_000_000 if length is None else length
    for kind in kinds:
        check_kind(kind)
    if kind_of(folder) == DELTA:
        if tried:
            raise InputError(f"{folder} is proved in exact integers and no words are run; leave kinds and length out")
        return delta_horizons(Path(folder), arithmetics)
    names = list(ARITHMETICS) if arithmetics is None else [known(name) for name in arithmetics]
    cascade, letters = verified_machine(Path(folder))
    rows: list[dict[str, Any]] = [{"arithmetic": name, "proved": proved_horizon(cascade, name)} for name in names]
    tokens = dict.fromkeys(kinds, 0)

    def count(word: str, done: int) -> None:
        tokens[word] = done
        report(sum(tokens.values()))

    found = first_failures(cascade, letters, names, kinds, length, count)
    for row in rows:
        row["first_wrong"] = {o.word: o.first_wrong for o in found if o.arithmetic == row["arithmetic"]}
        wrong = [t for t in row["first_wrong"].values() if t is not None]
        if any(row["proved"] is None or t <= row["proved"] for t in wrong):
            raise RefutedError(f"{row['arithmetic']}: a word failed within the proved horizon: {row}")
    if (Path(folder) / "model.safetensors").exists():
        from ..proofs_check.certificates.network_certificate import prove_network

        try:
            for dtype in ("float64", "float32"):
                with named_packages():
                    proof = prove_network(Path(folder), dtype)
                rows.append({"arithmetic": f"network, {dtype}", "proved": proof.horizon, "first_wrong": {}})
        except MissingPackageError as error:
            warnings.warn(f"{folder}: its network is left out: {error}", LeftOutWarning, stacklevel=2)
    return rows


def refute(
    model: DCDNetwork | str | Path,
    tracked: MachineLike | None = None,
    alphabet: NDArray | None = None,
    epsilon: float | None = None,
) -> Refutation | AutomatonRefutation:
    """Find the words on which a model fails that cannot track a group or an automaton.

    Arguments:
        model: a network, or a folder with `config.json` and `model.safetensors`.
        tracked: the group or the automaton, as for `sn.machine`; None for that of a compiled folder.
        alphabet: the element of each token, shape (tokens,), for a network; None for all elements in order, or the
            compiled folder's own.
        epsilon: states this close in every channel count as one; 1e-6 by default. For groups, as `alphabet`.

    Raises:
        InputError: the model or the group cannot be read, or they do not fit together.
    """
    from ..models.network import DCDNetwork
    from ..proofs_check.refutations.refutation import refute as search

    automaton = claimed_automaton(model, tracked)
    if automaton is not None:
        from ..proofs_check.refutations.automaton import refute_automaton

        for option, value in (("alphabet", alphabet), ("epsilon", epsilon)):
            if value is not None:
                raise InputError(f"{option} goes with a group, and {automaton.name} is an automaton; leave it out")
        network = model if isinstance(model, DCDNetwork) else DCDNetwork.from_pretrained(model)
        return refute_automaton(network, automaton)
    assert not isinstance(tracked, Automaton)
    epsilon = 1e-6 if epsilon is None else epsilon
    if isinstance(model, DCDNetwork):
        if tracked is None:
            raise InputError("a network does not say which group; wanted e.g. sn.refute(network, 'S3')")
        return search(model, group(tracked).listed(), alphabet, epsilon)
    network, listed, own = saved_network(Path(model), tracked)
    return search(network, listed, own if alphabet is None else alphabet, epsilon)


def claimed_automaton(model: DCDNetwork | str | Path | None, tracked: MachineLike | None) -> Automaton | None:
    """The automaton that a model claims: the one that was named, or that of a compiled folder; None for a group."""
    from ..constructions.automata.artifact import load_automaton

    if tracked is not None:
        asked = machine(tracked)
        return asked if isinstance(asked, Automaton) else None
    if isinstance(model, str | Path):
        if kind_of(model) == AUTOMATON:
            return load_automaton(Path(model))[0].automaton
        if kind_of(model) == TRAINED:
            from ..models.training.initial import saved_task

            own = saved_task(Path(model)).group
            return own if isinstance(own, Automaton) else None
    return None


def saved_network(folder: Path, tracked: GroupLike | None) -> tuple[DCDNetwork, Group, NDArray | None]:
    """A saved network, its group, and the element of each token (None for all in order).

    A compiled or trained folder says which group it is for; another network's is `tracked`.

    Raises:
        InputError: the folder holds no network, or does not say which group; or it is for another group.
    """
    import numpy as np

    from ..models.network import DCDNetwork
    from ..models.training.initial import saved_task

    if kind_of(folder) is None:
        raise InputError(
            f"wanted a folder with a network first, and {described(folder)}; with random weights, of a group alone: "
            "`refute S3 --random aussm`"
        )
    network = DCDNetwork.from_pretrained(folder)
    if kind_of(folder) == NETWORK:
        if tracked is None:
            raise InputError(f"{folder} does not say which group; wanted it too, e.g. `refute {folder} S3`")
        return network, group(tracked).listed(), None
    task = saved_task(folder)
    own, alphabet = task.tracked_group, task.alphabet
    if tracked is None:
        return network, own, alphabet
    listed = group(tracked).listed()
    if listed.elements.shape != own.elements.shape or not np.array_equal(listed.elements, own.elements):
        made = "trained" if kind_of(folder) == TRAINED else "compiled"
        raise InputError(
            f"{folder} was {made} for {own.name}, whose elements are not those of {listed.name}; leave GROUP out"
        )
    return network, listed, alphabet
