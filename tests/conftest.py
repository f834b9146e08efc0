"""Settings for all tests."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # a second thread beside a busy neighbour stalls small torch operations
os.environ.setdefault("HF_HUB_OFFLINE", "1")
