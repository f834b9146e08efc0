"""Python programs in processes of their own that find torch and all rooms loaded already.

A command's exit code, its two outputs and what it leaves behind are those of a process, and only a process has them;
loading torch, which takes longer than most commands, is no part of what such a test asks. What depends on it is asked
in processes started from nothing: by the README's commands, `test_without_packages.py`, `test_wheel.py` and
`test_public_face.py`.
"""

from __future__ import annotations

import gc
import os
import runpy
import sys
import tempfile
import warnings
from collections.abc import Mapping
from functools import cache
from multiprocessing import get_context
from multiprocessing.context import ForkServerContext
from pathlib import Path
from subprocess import CompletedProcess, TimeoutExpired

from tests.test_architecture import ROOMS

ROOT = Path(__file__).parent.parent
LIBRARIES = ("torch", "torch._dynamo", "transformers", "numba", "sympy", "flint", "matplotlib.pyplot", "onnx")


@cache
def _server() -> ForkServerContext:
    """A process with everything loaded, which is copied for each program."""
    rooms = [room for room in ROOMS if room != "experiments"]
    files = [path for room in rooms for path in sorted((ROOT / room).rglob("*.py")) if path.stem != "__main__"]
    modules = [".".join(("subnormal", *path.relative_to(ROOT).with_suffix("").parts)) for path in files]
    context = get_context("forkserver")
    context.set_forkserver_preload([*LIBRARIES, *(name.removesuffix(".__init__") for name in modules)])
    return context


def run_python(
    *arguments: object, cwd: Path, env: Mapping[str, str] = os.environ, given: str = "", timeout: float = 300
) -> CompletedProcess[str]:
    """As `subprocess.run(["python", …], capture_output=True, text=True)`.

    Arguments:
        arguments: `-m MODULE …`, or `FILE …`.
        given: on standard input.

    Raises:
        TimeoutExpired: it was ended after so many seconds.
    """
    words = [str(word) for word in arguments]
    with tempfile.TemporaryDirectory() as folder:
        streams = [Path(folder) / name for name in ("in", "out", "err")]
        streams[0].write_text(given, encoding="utf-8")
        process = _server().Process(target=_run, args=(words, str(cwd), dict(env), [str(path) for path in streams]))
        process.start()
        process.join(timeout)
        if process.exitcode is None:
            process.kill()
            raise TimeoutExpired(words, timeout)
        status = process.exitcode
        process.close()
        return CompletedProcess(words, status, *(path.read_text(encoding="utf-8") for path in streams[1:]))


def _run(words: list[str], cwd: str, env: dict[str, str], streams: list[str]) -> None:
    gc.freeze()  # a collection would write to all that was loaded, and so copy it
    os.setsid()
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    for number, (path, mode) in enumerate(zip(streams, "rww", strict=True)):
        os.dup2(os.open(path, os.O_RDONLY if mode == "r" else os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
    sys.stdin, sys.stdout, sys.stderr = (os.fdopen(n, mode, encoding="utf-8") for n, mode in enumerate("rww"))
    if env.get("PYTHONWARNINGS") == "error":
        warnings.simplefilter("error")
    sys.path[:0] = [cwd]
    if words[0] == "-m":
        sys.argv = words[1:]
        runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    else:
        sys.argv = words
        runpy.run_path(words[0], run_name="__main__")
