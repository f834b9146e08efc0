"""Proofs and refutations: certify, check, horizon, refute."""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from ..algebra.automata.automaton import Automaton
from ..algebra.groups.permutation_group import PermutationGroup
from ..artifacts.artifact import Artifact, load
from ..common.errors import InputError, RefutedError
from ..common.folders import Folder
from ..common.kinds import AUTOMATON, BLOCK, COMPILED, DELTA, FACTORED, REFUSAL, TITLES, is_function
from ..common.packages import LeftOutWarning, MissingPackageError, named_packages
from ..common.terminal import Shown
from ..common.wording import default_folder, short
from ..constructions.cascade import Cascade
from ..constructions.targets.compiler import Checkpoint
from .compiling import Compiled, compile
from .faults import refutations
from .groups import MachineLike, machine, stack_for
from .verifying import NOT_ITS, proved_blocks, proved_table, right_machine

if TYPE_CHECKING:
    from ..algebra.depth.families import Family
    from ..proofs_check.certificates.checker import Verdict

NETWORK_CERTIFICATE = "network_certificate.json"


@dataclass(frozen=True, repr=False)
class Proved(Shown):
    """What was proved about a folder: prints one line for each sentence.

    Arguments:
        folder: where the certificates are.
        sentences: each says what was checked, and nothing else.
        notes: facts that were proved beside; labels, which were not; what was not checked, and why.
    """

    folder: Path
    sentences: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def view(self) -> Text:
        """What the command prints."""
        return Text("\n".join([*self.sentences, *self.notes]))


def certify(
    tracked: MachineLike | Path | Compiled | Checkpoint | Artifact,
    out: str | Path | None = None,
    family: str | None = None,
    *,
    force: bool = False,
) -> Proved:
    """Write the certificate of a compiled folder; or compile a group and certify it, or prove that no number of layers
    tracks it.

    Arguments:
        tracked: a folder written by `compile`; or a group or an automaton, as for `sn.machine`; or what `sn.compile`
            returned.
        out: for a group: the folder to write; its name by default.
        family: the family, e.g. `negative-mamba`, or a stack. Default: `aussm`, and for an automaton whose
            letters merge states `gated-aussm`.
        force: whether `out` may replace a folder of another kind.

    Raises:
        RefutedError: the cascade does not track its group.
        InputError: the folder cannot be read or written.

    Examples:
        >>> import subnormal as sn
        >>> sn.certify("A5").sentences[0].split(": ")[0]
        'A5/certificate.json'
    """
    if isinstance(tracked, Compiled | Checkpoint):
        if tracked.kind == FACTORED:
            raise InputError(f"{tracked.name}: what .save writes is its own certificate, which sn.check proves")
        if tracked.kind not in COMPILED:
            raise InputError(f"{tracked.name} is for another library; wanted one that runs here, e.g. target='delta'")
        if family is not None:
            raise InputError(f"family: {tracked.name} is compiled already; sn.compile(…, family={family!r}) chooses it")
        return _certified(load(tracked.written(Path(out or default_folder(tracked.name)), force)))
    artifact = _folder_meant(tracked)
    if artifact is not None:
        for option, value in (("out", out), ("family", family), ("force", force or None)):
            if value is not None:
                raise InputError(f"{tracked} is a folder, certified as it is: --{option} is for a group, e.g. S4")
        return _certified(artifact.require("certify"))
    assert not isinstance(tracked, Artifact)
    asked = machine(str(tracked) if isinstance(tracked, Path) else tracked)
    stack = stack_for(asked, family)
    folder = Path(out) if out else Path(default_folder(asked.name))
    if len(stack) > 1 or _can(asked, stack[0]):
        return _certified(load(compile(asked, [layer.name for layer in stack]).written(folder, force)))
    if isinstance(asked, PermutationGroup) and not asked.is_listable:
        return _never_for_a_large_group(asked, stack[0], folder, force)
    with refutations():
        return Proved(folder, (_sentence(folder, _refused(asked, stack[0], folder, force)),))


def _folder_meant(tracked: MachineLike | Path | Artifact) -> Artifact | None:
    """The folder, where one is meant rather than a group: an earlier `certify A5` may have left a folder of that name.

    Raises:
        InputError: a folder of no known kind is meant.
    """
    if isinstance(tracked, Artifact):
        return tracked
    if is_function(tracked):
        return load(str(tracked))
    if not isinstance(tracked, str | Path) or not os.path.isdir(tracked):
        return None
    folder = Folder(tracked)
    if folder.kind in (None, REFUSAL):
        with contextlib.suppress(InputError):
            machine(str(tracked))
            return None
    return load(folder)


def _can(asked: PermutationGroup | Automaton, layer: Family) -> bool:
    """Whether some number of layers of a family tracks a group or an automaton."""
    if isinstance(asked, Automaton):
        from ..algebra.automata.monoid import TransitionMonoid
        from ..algebra.depth.automaton_verdict import verdict

        return verdict(TransitionMonoid.of(asked.minimal()), layer).least is not None
    if layer.has_blocks:
        from ..algebra.depth.blocks.depths import block_answer, chain_block_answer

        answer = block_answer(asked.listed()) if asked.is_listable else chain_block_answer(asked.chain)
        return answer.by_key()[layer.key].least is not None
    from ..algebra.depth.series import shortest_series

    if not asked.is_listable and not asked.chain.is_solvable:
        return False
    return shortest_series(asked.listed(), layer).is_complete


def _refused(asked: PermutationGroup | Automaton, layer: Family, folder: Path, force: bool) -> Verdict:
    if isinstance(asked, Automaton):
        from ..proofs_check.certificates.automaton_certificate import certify_automaton_refusal

        return certify_automaton_refusal(asked, layer, folder, force)
    from ..proofs_check.certificates.certificate import certify_refusal

    return certify_refusal(asked.listed(), layer, folder, force)


def _never_for_a_large_group(asked: PermutationGroup, layer: Family, folder: Path, force: bool) -> Proved:
    """The proof that a subgroup is never tracked, of a group too large to list.

    What tracks a group tracks each of its subgroups, whose elements are words.

    Raises:
        InputError: no subgroup that shows it was found.
    """
    from ..algebra.arithmetic.permutations import cycles
    from ..algebra.chains.composition import insoluble_subgroup
    from ..algebra.groups.permutation_group import LISTING_LIMIT

    chain = insoluble_subgroup(asked.chain, LISTING_LIMIT)
    if chain is None:
        asked.listed()  # says that it is too large
        raise InputError(
            f"{asked.name}: no small subgroup shows that it is never tracked; `inspect` says what is known"
        )
    subgroup = PermutationGroup.generated(f"a subgroup of {asked.name}", chain.generators)
    inside = ",".join(cycles(row) for row in chain.generators)
    first = _sentence(folder, _refused(subgroup, layer, folder, force))
    note = (
        f"{asked.name} contains that group, <{short(inside, 200)}> (by its stabiliser chain, not in the certificate): "
        f"so no number of {'layers of ' * layer.has_blocks}{layer.title}{' layers' * (not layer.has_blocks)} tracks "
        f"{asked.name}"
    )
    return Proved(folder, (first,), (note,))


def _certified(artifact: Artifact) -> Proved:
    """Certify a compiled folder, and the network beside its cascade."""
    from ..proofs_check.certificates.automaton_certificate import certify_automaton
    from ..proofs_check.certificates.block_certificate import certify_blocks
    from ..proofs_check.certificates.certificate import certify_folder, write_json
    from ..proofs_check.certificates.delta_certificate import certify_delta
    from ..proofs_check.certificates.network_certificate import certificate_content

    with refutations():
        own = {AUTOMATON: certify_automaton, DELTA: certify_delta, BLOCK: certify_blocks}
        certified = own.get(artifact.kind, certify_folder)
        first = _sentence(artifact.path, certified(artifact.folder))
    (artifact.path / NETWORK_CERTIFICATE).unlink(missing_ok=True)  # of an earlier network
    if artifact.kind in (DELTA, BLOCK):  # the certificate is about the network itself
        return Proved(artifact.path, (first,))
    if not artifact.has_network:
        note = "network: none in the folder, so none is certified; compile it again"
        return Proved(artifact.path, (first,), (note,))
    try:
        with named_packages():
            proof, content = certificate_content(artifact.folder)
    except MissingPackageError as error:
        return Proved(artifact.path, (first,), (f"network: not certified: {error}",))
    write_json(artifact.path / NETWORK_CERTIFICATE, content)
    return Proved(artifact.path, (first, f"{artifact}/{NETWORK_CERTIFICATE}: {proof.sentence()}"))


def _sentence(folder: Path, verdict: Verdict) -> str:
    return f"{folder}/certificate.json: {verdict.claim}"


def check(folder: str | Path | Artifact, network: bool = True, coq: bool = False) -> Proved:
    """Verify a certificate with the independent checker, and the network's by proving it again.

    Arguments:
        folder: written by `compile` and `certify`.
        network: whether the network's certificate, if there is one, is proved again.
        coq: whether Coq proves the theorem of this folder as well, by the checker that is verified there.

    Raises:
        RefutedError: the claim is false.
        InputError: the files cannot be used, or Coq is wanted and not installed.

    Examples:
        >>> import subnormal as sn
        >>> print(sn.check(sn.certify("A5").folder).sentences[0][:30])
        verified: no number of AUSSM l
    """
    from ..proofs_check.certificates import automaton_checker, block_checker, checker, delta_checker, factored_checker

    artifact = load(folder).require("check")
    place, kind = artifact.path, artifact.kind
    if kind != FACTORED and not (place / "certificate.json").exists():
        raise InputError(f"{place} holds {TITLES[kind]} and no certificate.json: `certify {place}` writes it")
    automaton = kind == AUTOMATON or (kind == REFUSAL and artifact.folder.has("automaton.safetensors"))
    alone = {FACTORED: factored_checker, DELTA: delta_checker, BLOCK: block_checker}
    own = alone.get(kind, automaton_checker if automaton else checker)
    with refutations():
        verdict = own.check(place)
    first, *facts = verdict.lines()
    facts[-2:-2] = _catalogued(verdict)
    sentences = [f"verified: {first}"]
    if coq:
        from ..proofs_check.coq.proving import prove_folder

        if own is not checker:
            raise InputError(f"{place} holds {TITLES[kind]}, which the checker in Coq does not read; leave --coq out")
        sentences.append(prove_folder(place))
    if not (place / NETWORK_CERTIFICATE).exists():
        return Proved(place, tuple(sentences), tuple(facts))
    if not network:
        return Proved(place, tuple(sentences), (*facts, f"not checked: {NETWORK_CERTIFICATE}"))
    from ..proofs_check.certificates.network_certificate import recheck

    return Proved(place, (*sentences, f"verified: {recheck(artifact.folder)}"), tuple(facts))


def _catalogued(verdict: Verdict) -> list[str]:
    """The catalogue's number of a group whose proved presentation is the catalogue's own."""
    from ..algebra.depth.presentation import catalogue_number

    number = catalogue_number(verdict.presentation) if verdict.presentation else None
    if number is None:
        return []
    return [f"which is SmallGroup({number[0]},{number[1]}): the catalogue has this presentation"]


def horizon_rows(
    folder: str | Path | Artifact,
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
    from ..algebra.tracked import KINDS, check_kind
    from ..constructions.arithmetics import ARITHMETICS
    from ..constructions.arithmetics import arithmetic as known
    from ..proofs_check.horizons.horizon import proved_horizon
    from ..proofs_check.horizons.runs import first_failures

    tried = kinds is not None or length is not None
    kinds, length = list(KINDS if kinds is None else kinds), 1_000_000 if length is None else length
    for kind in kinds:
        check_kind(kind)
    artifact = load(folder).require("horizon")
    if artifact.kind in (DELTA, BLOCK):
        if tried:
            raise InputError(f"{artifact} is proved state by state and no words are run; leave kinds and length out")
        return _network_rows(artifact, arithmetics)
    names = list(ARITHMETICS) if arithmetics is None else [known(name) for name in arithmetics]
    cascade, tracked = right_machine(artifact), artifact.tracked
    assert isinstance(cascade, Cascade)
    rows: list[dict[str, Any]] = [{"arithmetic": name, "proved": proved_horizon(cascade, name)} for name in names]
    tokens = dict.fromkeys(kinds, 0)

    def count(word: str, done: int) -> None:
        tokens[word] = done
        report(sum(tokens.values()))

    found = first_failures(cascade, tracked, names, kinds, length, count)
    for row in rows:
        row["first_wrong"] = {o.word: o.first_wrong for o in found if o.arithmetic == row["arithmetic"]}
        wrong = [t for t in row["first_wrong"].values() if t is not None]
        if any(row["proved"] is None or t <= row["proved"] for t in wrong):
            raise RefutedError(f"{row['arithmetic']}: a word failed within the proved horizon: {row}")
    if artifact.has_network:
        from ..proofs_check.certificates.network_certificate import prove_network

        try:
            for dtype in ("float64", "float32"):
                with named_packages():
                    proof = prove_network(artifact.folder, dtype)
                rows.append({"arithmetic": f"network, {dtype}", "proved": proof.horizon, "first_wrong": {}})
        except MissingPackageError as error:
            warnings.warn(f"{artifact}: its network is left out: {error}", LeftOutWarning, stacklevel=2)
    return rows


def _network_rows(artifact: Artifact, arithmetics: Sequence[str] | None) -> list[dict[str, Any]]:
    """The rows of `horizon` for a network that is its own machine: of reflections one proof holds for both precisions,
    on words of every length; of blocks to a length for each, where they round."""
    if arithmetics is not None:
        raise InputError(f"{artifact} {NOT_ITS} in {', '.join(arithmetics)[:60]}; leave --arithmetic out")
    if artifact.kind == DELTA:
        proved_table(artifact)
        horizons: dict[str, int | None] = dict.fromkeys(("float64", "float32"))
    else:
        horizons = proved_blocks(artifact)[1]
    return [
        {"arithmetic": f"network, {dtype}", "proved": horizons[dtype], "first_wrong": {}}
        for dtype in ("float64", "float32")
    ]
