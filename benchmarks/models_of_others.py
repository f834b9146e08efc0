"""`evaluate` of a checkpoint beside a bare loop over `model(ids)`: the same words, the same batch, one thread, and
processor time, so that a neighbour's work counts for neither.

Both run the checkpoints that `compile --target` writes for transformers. The loop makes logits and throws them away;
`evaluate` draws the words, finds the labels, reads the answers and counts. Ratio: of the tokens a second.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch

from subnormal.algebra.automata.named import flip_flop
from subnormal.algebra.input.parser import parse_group
from subnormal.constructions.targets.compiler import compile_target
from subnormal.models.foreign.checkpoint import OwnCheckpoint
from subnormal.models.foreign.evaluation import Evaluation
from subnormal.models.foreign.model import foreign_model
from subnormal.models.training.tasks import TEST, Task

SIZES = ((32, 200), (128, 200))
"""Words at a time, and letters of each."""

REPEATS = 9


@dataclass(frozen=True)
class Row:
    """One checkpoint at one size; thousand tokens a second of processor time, medians of runs in turn."""

    checkpoint: str
    words: int
    letters: int
    tokens: int
    loop: float
    evaluate: float
    ratio: float


def measure(sizes: tuple[tuple[int, int], ...] = SIZES, repeats: int = REPEATS) -> list[Row]:
    """All rows, on one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    rows = []
    try:
        with tempfile.TemporaryDirectory() as place:
            for name, checkpoint in (
                ("S3, olmo-hybrid", compile_target(parse_group("S3").listed(), "olmo-hybrid")),
                ("flip-flop(2), qwen3-next", compile_target(flip_flop(2), "qwen3-next")),
                ("flip-flop(2), mamba2", compile_target(flip_flop(2), "mamba2")),
            ):
                folder = checkpoint.save(Path(place) / checkpoint.name)
                task = Task(OwnCheckpoint(folder).tracked)
                rows += [_row(name, folder, task, *size, repeats) for size in sizes]
    finally:
        torch.set_num_threads(threads)
    return rows


def _row(name: str, folder: Path, task: Task, words: int, letters: int, repeats: int) -> Row:
    model = foreign_model(folder, None, task.tracked, batch=words)
    ids = torch.from_numpy(model.reading.tokens(task.evaluation_words(TEST, words, letters, 0))[0])
    module = model.module
    assert module is not None
    times: dict[str, list[float]] = {"loop": [], "evaluate": []}
    for turn in range(repeats + 1):  # the first is not counted
        begin = time.process_time()
        with torch.inference_mode():
            module(input_ids=ids, use_cache=False)
        middle = time.process_time()
        Evaluation(model, task, letters, words, 0).run()
        end = time.process_time()
        if turn:
            times["loop"].append(middle - begin)
            times["evaluate"].append(end - middle)
    loop, evaluate = (ids.numel() / statistics.median(times[key]) / 1000 for key in ("loop", "evaluate"))
    return Row(name, words, letters, ids.numel(), loop, evaluate, evaluate / loop)


def main(quick: bool = False) -> None:
    """Print the rows as a Markdown table."""
    print("| checkpoint | words | letters | tokens | loop, thousand tokens/s | evaluate | ratio |")
    print("|---|---|---|---|---|---|---|")
    for row in measure(((2, 20),), 1) if quick else measure():
        cells = asdict(row).values()
        print("| " + " | ".join(f"{value:.2f}" if isinstance(value, float) else f"{value}" for value in cells) + " |")


if __name__ == "__main__":
    main()
