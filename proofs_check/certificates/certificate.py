"""Writing `certificate.json`: the claim about a compiled folder, or about a group that no number of layers can track.

Nothing here needs to be trusted: `checker.py` recomputes every fact from the arrays.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...algebra.depth.blocks.residuals import law, perfect_residual
from ...algebra.depth.families import CIRCLE, Family, family
from ...algebra.depth.presentation import presentation
from ...algebra.depth.series import Series, shortest_series
from ...algebra.depth.witness import Residual, as_product, depth_witness, residual
from ...algebra.groups.group import Group
from ...common.errors import InputError
from ...common.folders import Folder, digest, opened, save_folder
from ...common.wording import counted
from ...common.writing import write_file
from ...constructions.artifact import json_text, load_cascade, tensor_bytes
from .checker import Verdict, check

FORMAT = 2
"""Version of the certificate's format."""


def certify_folder(given: str | Path | Folder) -> Verdict:
    """Write the certificate of a compiled folder and return what the checker verified.

    Raises:
        InputError: the folder cannot be read or written, its alphabet does not generate the group, or it was replaced
            meanwhile.
        FaultError: the checker does not confirm the claim (the cascade is wrong).
    """
    folder = opened(given)
    cascade, group, metadata = load_cascade(folder)
    digests = folder.digests("cascade.json", "cascade.safetensors")
    generated = group.subgroup(cascade.alphabet.tolist())
    if generated.order != group.order:
        raise InputError(
            f"{folder}: its alphabet generates {generated.order} of the {group.order} elements; compile that subgroup, "
            f"or {group.name} with --alphabet generators"
        )
    stack = [family(layer.family) for layer in cascade.layers]
    series = shortest_series(group, claimed_family(stack))
    witness = depth_witness(series)
    if not series.is_complete or witness is None:
        raise InputError(f"{folder}: no stack of {claimed_family(stack).title} layers can track {group.name}")
    least = witness.height + 1
    content = {
        "format": FORMAT,
        "kind": "tracks",
        "name": metadata["name"],
        "claim": tracks_claim(group.order, len(cascade.alphabet), stack, least),
        "files": digests,
        "generators": list(generated.generators),
        "layers": len(cascade.layers),
        "lower_bound": {
            "exponent": claimed_family(stack).exponent,
            "layers": least,
            "value": witness.value,
            "expression": witness.nested(),
        },
        "presentation": _presentation(group),
    }
    return _written(folder.path, content)


def certify_refusal(group: Group, layer: Family, folder: Path, force: bool = False) -> Verdict:
    """Write `group.safetensors` and the certificate that no number of layers of a family can track a group.

    Raises:
        InputError: the family can track the group, or no witness of the other is known; or the folder cannot be
            written.
    """
    if layer.has_blocks:
        found, powers = _stays(group, layer)
    else:
        series = shortest_series(group, layer)
        if series.is_complete:
            raise InputError(
                f"{series.length} layers of {layer.title} can track {group.name}: certify its compiled folder"
            )
        found, powers = residual(series, layer), None
    arrays = tensor_bytes({"elements": group.elements.astype(np.int32)})
    content = _refusal(group, layer, found, digest(arrays))
    if powers is not None:
        content["residual"]["powers"] = powers
    save_folder(folder, {"group.safetensors": arrays}, force)
    return _written(folder, content)


def _stays(group: Group, layer: Family) -> tuple[Residual, list[list[int]]]:
    """A perfect subgroup that no layer of blocks of a family brings down; and for each of its generators elements whose
    e-th powers have it as their product, e as in `law`."""
    exponent, member = law(layer), perfect_residual(group.whole)
    while member.order > 1:
        powers = np.unique(group.powers(member.members, exponent))
        generated = group.subgroup(powers.tolist())
        if generated.order == member.order:
            break
        member = perfect_residual(generated)
    if member.order == 1:
        raise InputError(
            f"{group.name}: that no number of layers of {layer.title} tracks it rests on the list of finite linear "
            "groups, which no certificate holds; `inspect` says so, and --family block-2 has a certificate"
        )
    found = residual(Series((group.whole, member), (CIRCLE,)), CIRCLE)
    base = dict(zip(group.powers(member.members, exponent).tolist(), member.members.tolist(), strict=True))
    products = [as_product(group, g, powers) for g in found.subgroup.generators]
    return found, [[base[value] for value in product] for product in products]


def _refusal(group: Group, layer: Family, found: Residual, digest: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "kind": "never",
        "name": group.name,
        "claim": never_claim(group.order, layer),
        "files": {"group.safetensors": digest},
        "generators": list(group.generators),
        "family": layer.name,
        "residual": {
            "order": found.subgroup.order,
            "generators": list(found.subgroup.generators),
            "products": [[word.nested() for word in words] for words in found.expressions],
        },
        "presentation": _presentation(group),
    }


def _presentation(group: Group) -> dict[str, Any] | None:
    found = presentation(group)
    return None if found is None else found.as_json()


def claimed_family(stack: Sequence[Family]) -> Family:
    """The family that the lower bound is about: the stack's own, or AUSSM, the strongest, where it is mixed."""
    return stack[0] if len(set(stack)) == 1 else CIRCLE


def tracks_claim(order: int, tokens: int, stack: Sequence[Family], least: int) -> str:
    """The sentence that `checker.py` prints about a compiled folder. No name stands in it: names are not proved."""
    layers = len(stack)
    title = stack[0].title if len(set(stack)) == 1 else "stack of diagonal layers"
    fewer = f"and no {title} with fewer can" if least == layers else f"and any {title} needs at least {least}"
    group = f"a group of order {order:,} with {counted(tokens, 'token')}"
    return f"tracks {group} on words of every length, with {counted(layers, 'layer')}, {fewer}"


def never_claim(order: int, layer: Family) -> str:
    """The sentence that `checker.py` prints about a group that a family can never track."""
    layers = f"layers of {layer.title}" if layer.has_blocks else f"{layer.title} layers"
    return f"no number of {layers} can track this group of order {order:,}, over any alphabet that generates it"


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON object, readable. Raises `InputError` where the folder cannot be written."""
    write_file(path, json_text(content))


def _written(folder: Path, content: dict[str, Any]) -> Verdict:
    """Have the checker verify a certificate, and write it only if it does."""
    content = json.loads(json.dumps(content))
    verdict = check(folder, content)
    write_json(folder / "certificate.json", content)
    return verdict
