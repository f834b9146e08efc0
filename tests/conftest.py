"""Settings for all tests."""

from __future__ import annotations

import os
import signal
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a second thread beside a busy neighbour stalls small torch operations
os.environ.setdefault("HF_HUB_OFFLINE", "1")
if not any(Path("/dev").glob("nvidia[0-9]*")):  # no GPU: the kernels run in an interpreter, which Triton asks for when
    os.environ.setdefault("TRITON_INTERPRET", "1")  # it is first imported, by whomever
# A shell starts background commands with SIGINT ignored, and so would be the programs that the tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
