"""A machine whose states are a group, as it is written: what `learn` and `decompile` share."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..algebra.depth.group_names import group_name
from ..common.errors import InputError

if TYPE_CHECKING:
    from ..algebra.groups.group import Group
    from ..constructions.compiler import GroupCompilation
    from ..models.learning.exact import ExactMachine


def both_names(own: Group) -> str:
    """`SmallGroup(24,12) = S4`, or one name where there are not two."""
    usual = group_name(own)
    return own.name if usual == own.name else f"{own.name} = {usual}"


def write_compiled(
    machine: ExactMachine, compilation: GroupCompilation, folder: Path, more: dict[str, Any], force: bool
) -> str:
    """Write what `compile` writes, with more metadata, and the certificate; returns the claim that was checked."""
    from ..proofs_check.certificates.certificate import certify_folder

    stated = {"small_group_id": machine.small_group_id and list(machine.small_group_id), **more}
    return certify_folder(replace(compilation, stated=stated).save(folder, force)).claim


def write_exact(machine: ExactMachine, folder: Path, more: dict[str, Any], force: bool = False) -> str | None:
    """Write a machine whose states are a group as `compile` does, or as our delta-rule network, or its table alone;
    the claim that was checked, None for a table. The folder was claimed."""
    if machine.compilation is not None:
        return write_compiled(machine, machine.compilation, folder, more, force)
    return write_unsolvable(machine, folder, more)[0]


def write_unsolvable(machine: ExactMachine, folder: Path, more: dict[str, Any]) -> tuple[str | None, str]:
    """Write our delta-rule network with its certificate if it holds the group, else nothing but the table.

    The folder was claimed, and holds the runs of this call.
    """
    from ..common.folders import save_folder
    from ..constructions.targets.compiler import compile_target
    from ..models.learning.store import table_files
    from ..proofs_check.certificates.delta_certificate import certify_delta

    group = machine.group
    files = table_files(machine, more)
    no_layers = f"{both_names(group)} is not solvable: no number of diagonal layers tracks it"
    try:
        tokens = machine.element[machine.machine.transitions[0]].tolist()
        network = compile_target(group, "delta", tokens).files
    except InputError as error:
        save_folder(folder, files, force=True)
        return None, f"{no_layers}, and our delta-rule network does not hold it ({error}): machine.json has its table"
    save_folder(folder, {**network, **files}, force=True)
    claim = certify_delta(folder).claim
    return claim, f"{no_layers}; the folder holds a delta-rule network, and machine.json the table"
