"""The owners' code, in an environment of its own: pinned public packages, by pip.

    python -m tests.owners.environment FOLDER

makes a virtual environment in FOLDER. mamba_ssm is its release's sources: of its build the CUDA part is left out by
the switches that it has for that. What no registry has is named by variables:

    OWNERS_MAMBA    a checkout of state-spaces/mamba at e9594ce, which is newer than the release
    OWNERS_PD_SSM   pdssm.py of IBM/expressive-sparse-state-space-model at 8682e78, state_tracking_PyTorch/models
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import venv
from pathlib import Path

PINNED = (
    "torch==2.13.0",
    "triton==3.7.1",
    "transformers==5.23.0",
    "flash-linear-attention==0.6.0",
    "fla-core==0.6.0",
    "einops==0.8.2",
    "safetensors==0.8.0",
    "setuptools==84.2.1",
    "wheel==0.48.0",
    "ninja==1.13.2",
)
MAMBA = "mamba-ssm==2.3.2.post1"
PD_SSM_SHA256 = "76d164120d1f3aeca7a10615a8bdb7e92b42f017ae45d6516e8f78a6178c7420"
"""Of the published file at 8682e78."""

READY = "ready.txt"
"""Written last, with what was installed."""


def make(folder: Path) -> Path:
    """The Python of an environment with all of it, made where it is not there yet.

    Raises:
        subprocess.CalledProcessError: a package cannot be had.
        subprocess.TimeoutExpired: or not in twenty minutes.
    """
    python = folder / "bin" / "python"
    if (folder / READY).exists() and (folder / READY).read_text().split() == [*PINNED, MAMBA]:
        return python
    venv.create(folder, with_pip=True, clear=True)
    _pip(python, *PINNED)
    without_cuda = {"MAMBA_FORCE_BUILD": "TRUE", "MAMBA_SKIP_CUDA_BUILD": "TRUE"}
    _pip(python, "--no-deps", "--no-build-isolation", "--no-binary", "mamba-ssm", MAMBA, **without_cuda)
    (folder / READY).write_text("\n".join((*PINNED, MAMBA)))
    return python


def pd_ssm_file() -> Path | None:
    """The published file, where `OWNERS_PD_SSM` names it and it is the one that was read."""
    path = Path(os.environ.get("OWNERS_PD_SSM", ""))
    if not path.is_file() or hashlib.sha256(path.read_bytes()).hexdigest() != PD_SSM_SHA256:
        return None
    return path


def _pip(python: Path, *arguments: str, **variables: str) -> None:
    command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *arguments]
    subprocess.run(command, check=True, env=os.environ | variables, capture_output=True, text=True, timeout=1200)


if __name__ == "__main__":
    print(make(Path(sys.argv[1])))
