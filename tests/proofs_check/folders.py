"""Certified folders for the tests, and changes to their files."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save_file

from subnormal.algebra.depth.families import FAMILIES
from subnormal.algebra.depth.presentation import _from_elements
from subnormal.algebra.depth.witness import evaluate
from subnormal.common.folders import digest
from subnormal.constructions.compiler import compile_group
from subnormal.proofs_check.certificates.certificate import certify_folder, certify_refusal
from tests.cases import REFUSED, group
from tests.folders import bind

LABELS = ("small_group_id", "notes", "alphabet", "decomposition")


def certified(name: str, folder: Path, family: str = "aussm", **options: Any) -> str:
    """Compile and certify a group, or certify that it can never be tracked; returns the claim."""
    if name in REFUSED:
        return certify_refusal(group(name), FAMILIES[family], folder).claim
    compile_group(group(name), [FAMILIES[family]], **options).save(folder)
    return certify_folder(folder).claim


def read(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text(encoding="utf-8"))


def refresh(folder: Path) -> None:
    """Put the digests of a folder's files, as they now are, into its certificate."""
    path = folder / "certificate.json"
    certificate = read(path)
    certificate["files"] = {name: digest((folder / name).read_bytes()) for name in certificate["files"]}
    path.write_text(json.dumps(certificate), encoding="utf-8")
    bind(folder)


class Mutant:
    """A copy of a certified folder to spoil; digests are made good again, so that it is the checker's reasoning that
    must object."""

    def __init__(self, original: Path, folder: Path) -> None:
        self.original, self.folder = original, folder
        self.json = {p.name: p.read_text(encoding="utf-8") for p in original.glob("c*.json") if p.name != "config.json"}
        self.arrays = {p.name: load_file(p) for p in original.glob("*.safetensors") if p.name != "model.safetensors"}
        self.reset()

    def reset(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        for path in self.original.iterdir():
            if path.name not in ("model.safetensors", "config.json"):
                shutil.copy(path, self.folder / path.name)
        bind(self.folder)

    def write_json(self, name: str, text: str | dict) -> None:
        content = text if isinstance(text, str) else json.dumps(text)
        (self.folder / name).write_text(content, encoding="utf-8")

    def write_arrays(self, name: str, arrays: dict[str, np.ndarray]) -> None:
        save_file(arrays, self.folder / name)

    def change_entry(self, generator: np.random.Generator) -> str:
        """One entry of one array, to anything else."""
        name = str(generator.choice(sorted(self.arrays)))
        arrays = {key: value.copy() for key, value in self.arrays[name].items()}
        key = str(generator.choice(sorted(arrays)))
        flat = arrays[key].reshape(-1)
        place = int(generator.integers(flat.size))
        before = int(flat[place])
        choices = [before + 1, before - 1, int(generator.integers(-3, flat.max() + 3)), 2**31 - 1, -(2**31)]
        flat[place] = next(c for c in generator.permutation(choices).tolist() if c != before)
        self.write_arrays(name, arrays)
        refresh(self.folder)
        return f"{name} {key}[{place}]: {before} -> {flat[place]}"

    def change_byte(self, generator: np.random.Generator) -> str:
        """One character of a JSON file, to another printable one."""
        name = str(generator.choice(sorted(self.json)))
        text = self.json[name]
        place = int(generator.choice([i for i, c in enumerate(text) if not c.isspace()]))
        new = chr(int(generator.integers(33, 127)))
        if text[place].isdigit() and generator.random() < 0.7:
            new = str(generator.integers(10))
        if new == text[place]:
            new = "0" if new != "0" else "1"
        self.write_json(name, text[:place] + new + text[place + 1 :])
        if name != "certificate.json":
            refresh(self.folder)
        return f"{name}[{place}]: {text[place]!r} -> {new!r}"

    def drop_layer(self, layer: int) -> str:
        """A layer's arrays and its description; the layers below move up."""
        arrays = dict(self.arrays["cascade.safetensors"])
        metadata = json.loads(self.json["cascade.json"])
        count = len(metadata["layers"])
        for i in range(layer, count + 1):
            for kind in ("moduli", "increments"):
                following = arrays.pop(f"layer{i}.{kind}")
                if i > layer:
                    arrays[f"layer{i - 1}.{kind}"] = following
        del metadata["layers"][layer - 1], metadata["factors"][layer - 1], metadata["series"][layer]
        certificate = json.loads(self.json["certificate.json"])
        certificate["layers"] = count - 1
        self.write_arrays("cascade.safetensors", arrays)
        self.write_json("cascade.json", metadata)
        self.write_json("certificate.json", certificate)
        refresh(self.folder)
        return f"layer {layer} of {count} dropped"

    def keeps_the_claim(self, name: str) -> bool:
        """Whether the folder still holds a proof of the original claim, judged with the project's own algebra.

        The arrays must be the original ones, `cascade.json` may differ in labels, and the certificate in the choice of
        generators and expressions, if these still do what they should.
        """
        for file, arrays in self.arrays.items():
            found = load_file(self.folder / file)
            if found.keys() != arrays.keys() or any((found[k] != arrays[k]).any() for k in arrays):
                return False
        was, now = json.loads(self.json["certificate.json"]), read(self.folder / "certificate.json")
        if "cascade.json" in self.json:
            before, after = json.loads(self.json["cascade.json"]), read(self.folder / "cascade.json")
            if any(before[key] != after.get(key) for key in before if key not in LABELS):
                return False
        if group(name).subgroup(now["generators"]).order != group(name).order:
            return False
        neutral = copy.deepcopy(now) | {"generators": was["generators"], "files": was["files"]}
        neutral["name"] = was["name"]
        if now["presentation"] != was["presentation"]:
            stated = now["presentation"]
            steps = list(zip(stated["generators"], stated["relative_orders"], strict=True))
            if json.loads(json.dumps(_from_elements(group(name), steps).as_json())) != stated:
                return False
            neutral["presentation"] = was["presentation"]
        if now["kind"] == "tracks":
            bound = neutral["lower_bound"]
            if evaluate(group(name), bound["expression"]) != bound["value"] or bound["value"] == 0:
                return False
            bound |= {key: was["lower_bound"][key] for key in ("expression", "value")}
            return neutral == was
        residual = neutral["residual"]
        members = group(name).subgroup(residual["generators"])
        for g, words in zip(residual["generators"], residual["products"], strict=True):
            if group(name).product(evaluate(group(name), word) for word in words) != g:
                return False
            if any(leaf not in members for word in words for leaf in word):
                return False
        return members.order == was["residual"]["order"] and neutral | {"residual": 0} == was | {"residual": 0}
