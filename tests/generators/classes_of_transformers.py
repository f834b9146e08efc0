"""The classes of transformers that have no record in `audits`, and the parts that their configurations have.

    python -m tests.generators.classes_of_transformers

Asks the installed transformers: `CONFIG_MAPPING` for the classes, `sub_configs` for the parts of composite ones. Names
that the file has from another version stay in it. Writes `proofs_check/audits/classes.json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from subnormal.proofs_check.audits.of_transformers import RECORDS

DATA = Path(__file__).parent.parent.parent / "proofs_check" / "audits" / "classes.json"


LAYERS = ("hybrid_override_pattern", "layer_types", "layers_block_type", "num_hidden_layers")
"""What decides where recurrent layers stand, where a composite class fills its part with values of its own."""


def parts(cls: Any) -> dict[str, Any]:
    """The parts of a configuration: field → model_type where the file names none, or nothing where it has to. Of a part
    that is missing altogether: its fields."""
    found: dict[str, Any] = {}
    defaults = getattr(cls, "sub_configs_defaults", None) or {}
    for key, value in {**(getattr(cls, "sub_configs", None) or {}), **defaults}.items():
        kind = value if isinstance(value, str) else getattr(value, "model_type", None)
        filled = {name: value for name, value in getattr(value, "init_kwargs", {}).items() if name in LAYERS}
        found[key] = {"model_type": kind, **filled} if kind in RECORDS and filled else kind or ""
    return found


def main() -> None:
    import transformers
    from transformers.models.auto.configuration_auto import CONFIG_MAPPING, CONFIG_MAPPING_NAMES

    known = json.loads(DATA.read_text()) if DATA.exists() else {"read": [], "classes": {}}
    versions = sorted({*known["read"], transformers.__version__})
    classes = known["classes"] | {
        name: parts(CONFIG_MAPPING[name]) for name in CONFIG_MAPPING_NAMES if name not in RECORDS
    }
    rows = ",\n".join(f"{json.dumps(name)}: {json.dumps(classes[name])}" for name in sorted(classes))
    DATA.write_text(f'{{"read": {json.dumps(versions)}, "classes": {{\n{rows}\n}}}}\n')


if __name__ == "__main__":
    main()
