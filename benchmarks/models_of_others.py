"""`evaluate` of a checkpoint beside a bare loop over `model(ids)`: the same words, the same batch, one thread.

Both run the checkpoints that `compile --target` writes for transformers. The loop makes logits and throws them away;
`evaluate` draws the words, finds the labels, reads the answers and counts. Ratio: of the tokens a second.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import torch

from benchmarks.timing import medians
from subnormal.algebra.automata.named import flip_flop
from subnormal.algebra.input.parser import parse_group
from subnormal.constructions.targets.compiler import compile_target
from subnormal.models.foreign.checkpoint import OwnCheckpoint
from subnormal.models.foreign.evaluation import Evaluation
from subnormal.models.foreign.model import foreign_model
from subnormal.models.training.tasks import TEST, Task
