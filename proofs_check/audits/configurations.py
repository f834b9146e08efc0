"""A configuration as a whole: which record it falls under, and the parts of a composite one.

`classes.json` lists the classes of transformers that have no record, each with the parts that its configuration has and
what they are where the file does not say; `tests/generators/classes_of_transformers.py` writes it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, TypedDict

from ...algebra.depth.families import ALL_FAMILIES
from ...common.errors import InputError
from ...common.reading import conform
from . import of_fla, of_mamba_ssm, of_transformers
from .fields import Config, part, wrong
from .layers import own
from .records import NO_STATE, SHORT, UNBOUNDED, UNREAD, Facts, Record

RECORDS: dict[str, Record] = of_transformers.RECORDS | of_fla.RECORDS | of_mamba_ssm.RECORDS
KNOWN = [name for name in RECORDS if name.islower() and " " not in name]
"""The values of `model_type` that have a record."""
DEEPEST = 8
"""Parts of parts of … that are entered."""


class _Layer(TypedDict):
    family: str


class _Configuration(TypedDict, total=False):
    """The fields that are read here, of whatever architecture; a configuration has many more."""

    model_type: str
    layers: list[_Layer]
    layer_types: list[str] | None
    n_layer: int
    num_householder: int
    linear_allow_neg_eigval: bool
    allow_neg_eigval: bool
    use_forget_gate: bool


@cache
def classes() -> dict[str, dict[str, str | dict[str, Any]]]:
    """The classes of transformers without a record: name → parts, each with its type where a file names none, or with
    all fields that count where it is missing."""
    content: dict[str, Any] = json.loads((Path(__file__).parent / "classes.json").read_text(encoding="utf-8"))
    found: dict[str, dict[str, str | dict[str, Any]]] = content["classes"]
    return found


def is_own(config: Config) -> bool:
    """Whether a configuration is that of one of our own networks."""
    return "model_type" not in config and "layers" in config


def _is_mamba_ssm(config: Config) -> bool:
    return "model_type" not in config and any(key in config for key in ("ssm_cfg", "d_model", "n_layer"))


def kind_of(config: Config) -> str:
    """The `model_type`; for mamba_ssm's own files, which have none, that of their layers."""
    if _is_mamba_ssm(config):
        return str(part(config, "ssm_cfg").get("layer", "Mamba1")).lower().removesuffix("1")
    return str(config.get("model_type"))


def _own(config: Config) -> Facts:
    layers, notes = [], []
    if not config["layers"]:
        raise InputError("layers: none in the configuration; wanted one of our own networks, e.g. of compile S3")
    for i, layer in enumerate(config["layers"]):
        family = layer["family"]
        if family not in ALL_FAMILIES:
            raise InputError(f"layers: unknown family {family[:40]!r}; wanted one of {', '.join(ALL_FAMILIES)}")
        found = own(i, ALL_FAMILIES[family])
        if found is not None:
            layers.append(found)
        elif ALL_FAMILIES[family].has_blocks:
            record = ALL_FAMILIES[family]
            notes.append(f"layer {i}, {family}: {UNBOUNDED}; one layer carries {record.carries}")
        else:
            notes.append(f"layer {i}, {family}, {UNREAD}")
    return Facts(tuple(layers), tuple(notes), tuple(dict.fromkeys(layer.can for layer in layers)))


def facts_of(config: Config) -> Facts:
    """What a configuration says. Raises `InputError` for an architecture that is not known, or a field that it reads
    with a value of another type."""
    conform({name: config[name] for name in _Configuration.__annotations__ if name in config}, _Configuration, "config")
    if is_own(config):
        return _own(config)
    if _is_mamba_ssm(config):
        layer = str(part(config, "ssm_cfg").get("layer", "Mamba1"))
        if layer not in of_mamba_ssm.RECORDS:
            raise wrong("ssm_cfg.layer", layer, ", ".join(of_mamba_ssm.RECORDS))
        return RECORDS[layer].facts(config)
    return _facts(config, DEEPEST)


def _facts(config: Config, depth: int) -> Facts:
    kind = kind_of(config)
    if kind in KNOWN:
        other = f"{kind} (fla)"
        found = RECORDS[other if other in RECORDS and of_fla.is_fla_mamba(config) else kind].facts(config)
        some = found.layers or any(SHORT in note for note in found.notes)
        return found if some else replace(found, notes=(f"{kind} {NO_STATE}", *found.notes))
    parts = _parts(config, kind)
    if kind not in classes() and not parts:
        raise InputError(
            f"model_type {kind[:40]!r} is not known: not a class of fla, mamba_ssm or transformers as they were read; "
            "wanted one of them, or our own network; e.g. subnormal audit FOLDER/config.json"
        )
    if not depth:
        raise InputError(f"{DEEPEST} parts within parts in the configuration; wanted fewer")
    return _composite(kind, parts, depth)


def _parts(config: Config, kind: str) -> dict[str, Config]:
    """The parts of a configuration, with their types. A flat file is one that has the fields of its only text part."""
    usual = classes().get(kind, {})
    parts: dict[str, Config] = {}
    for key, default in usual.items():
        given = part(config, key)
        if not given and key == "text_config" and kind in FLAT:
            given = {name: value for name, value in config.items() if name != "model_type"}
        filled = {"model_type": default} if isinstance(default, str) else default
        kept = {"model_type": filled["model_type"]} if given else filled
        parts[key] = {**kept, **given}
    for key, value in config.items():
        if key not in parts and isinstance(value, Mapping) and isinstance(value.get("model_type"), str):
            parts[key] = value
    return {key: value for key, value in parts.items() if value.get("model_type")}


FLAT = ("glm5_next",)
"""Composite classes that read the fields of their text from the file itself where it has no `text_config`
(`configuration_glm5_next.py` 305-309)."""


def _composite(kind: str, parts: Mapping[str, Config], depth: int) -> Facts:
    """What the parts say; those that are not known are named, and refused if nothing else is recurrent."""
    found: dict[str, Facts] = {}
    unknown = []
    usual = classes().get(kind, {})
    for key, value in parts.items():
        if kind_of(value) == usual.get(key) and kind_of(value) not in (*KNOWN, *classes()):
            continue  # a part that its library knows by this composite alone, and that was read with it
        try:
            found[key] = _facts(value, depth - 1)
        except InputError as error:
            if "is not known" not in str(error):
                raise InputError(f"{key}: {error}") from error
            unknown.append(f"{key}, model_type {kind_of(value)[:40]!r}, is not known and not audited")
    some = {key: facts for key, facts in found.items() if facts.layers or facts.use}
    if not some:
        if unknown:
            raise InputError(f"{unknown[0]}; wanted a class of transformers in it, or its own config.json")
        return Facts((), (f"{kind} {NO_STATE}",), source="transformers: classes.json")
    notes = []
    for key, facts in some.items():
        notes += [f"layers are those of its {key}, {kind_of(parts[key])}", *facts.notes]
    several = len(some) > 1
    return Facts(
        tuple(
            replace(layer, part=f"{key}.{layer.part}".rstrip(".") if several or layer.part else "")
            for key, facts in some.items()
            for layer in facts.layers
        ),
        (*notes, *unknown),
        tuple(dict.fromkeys(line for facts in some.values() for line in facts.can)),
        tuple(dict.fromkeys(line for facts in some.values() for line in facts.switch)),
        next((facts.use for facts in some.values() if facts.use), None),
        "; ".join(facts.source for facts in some.values()),
    )
