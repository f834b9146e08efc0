"""How a language model does on a task in words: choice by likelihood, and generation; accuracy against steps.

A choice is scored by the sum of the logarithms of the probabilities of its tokens after the prompt and a space. Texts
whose tokens are the same but for the last are run once: choices of one token cost one pass for all of them.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Group as Renderables
from rich.console import RenderableType
from rich.text import Text

from ...common.errors import InputError
from ...common.summary import Tabular
from ...common.terminal import Shown, plain_table
from ...common.writing import write_figure
from .samples import Sample

__all__ = ["TextAccuracies", "TextAccuracy", "draw_text", "judge_text"]

BATCH_TOKENS = 1 << 14
"""Tokens of one batch, with padding, about."""

MORE_TOKENS = 3
"""Beyond those of the longest answer, that are generated: a model may begin with a sign of its own."""


@dataclass(frozen=True, repr=False)
class TextAccuracy(Tabular, Shown):
    """How often a language model answered rightly, by the number of steps.

    Arguments:
        model: its folder.
        architecture: its model_type.
        rows: one dictionary for each task, style and number of steps: `group`, `style`, `depth`, `steps`, `count`,
            `choice` (share of answers chosen rightly), `generated` (share generated rightly; None where nothing was
            generated), `chance`.
        picture: of accuracy against steps; None where none was asked.
    """

    model: str
    architecture: str
    rows: tuple[dict[str, Any], ...]
    picture: Path | None = None

    def rows_of_table(self) -> list[dict[str, Any]]:
        """One dictionary for each task, style and number of steps."""
        return [{"model": self.model, "architecture": self.architecture} | row for row in self.rows]

    @property
    def choice(self) -> float:
        """The share of all prompts whose answer is the likeliest choice."""
        return sum(row["choice"] * row["count"] for row in self.rows) / sum(row["count"] for row in self.rows)

    @property
    def generated(self) -> float | None:
        """The share of all prompts whose generated text begins with the answer; None where nothing was generated."""
        if any(row["generated"] is None for row in self.rows):
            return None
        return sum(row["generated"] * row["count"] for row in self.rows) / sum(row["count"] for row in self.rows)

    def as_json(self) -> dict[str, Any]:
        """The object that `evaluate --json` prints."""
        return {
            "model": self.model,
            "architecture": self.architecture,
            "choice": self.choice,
            "generated": self.generated,
            "rows": list(self.rows),
        }

    def view(self) -> RenderableType:
        """What `evaluate` prints."""
        table = plain_table("task", "style", "depth", "steps", "prompts", "chosen", "generated", "chance")
        for row in self.rows:
            table.add_row(
                row["group"],
                row["style"],
                "never" if row["depth"] is None else str(row["depth"]),
                str(row["steps"]),
                str(row["count"]),
                f"{row['choice']:.1%}",
                "–" if row["generated"] is None else f"{row['generated']:.1%}",
                f"{row['chance']:.1%}",
            )
        total = sum(row["count"] for row in self.rows)
        end = f"{self.model} ({self.architecture}), {total:,} prompts: {self.choice:.1%} chosen rightly"
        end += "" if self.generated is None else f", {self.generated:.1%} generated rightly"
        return Renderables(table, Text(end), *([Text(f"picture: {self.picture}")] if self.picture else []))


@dataclass(frozen=True, repr=False)
class TextAccuracies(Tabular, Shown):
    """How often several language models answered the same prompts rightly.

    Arguments:
        models: one result each.
        picture: of all of them, accuracy against steps; None where none was asked.
    """

    models: tuple[TextAccuracy, ...]
    picture: Path | None = None

    def rows_of_table(self) -> list[dict[str, Any]]:
        """One dictionary for each model, task, style and number of steps."""
        return [row for one in self.models for row in one.rows_of_table()]

    def as_json(self) -> dict[str, Any]:
        """The object that `evaluate --json` prints."""
        return {"models": [one.as_json() for one in self.models]}

    def view(self) -> RenderableType:
        """What `evaluate` prints: a column for each model."""
        table = plain_table("task", "style", "depth", "steps", "chance", *(_short(one) for one in self.models))
        for rows in zip(*(one.rows for one in self.models), strict=True):
            first = rows[0]
            shares = [
                f"{row['choice']:.1%}" + ("" if row["generated"] is None else f" ({row['generated']:.1%})")
                for row in rows
            ]
            depth = "never" if first["depth"] is None else str(first["depth"])
            table.add_row(first["group"], first["style"], depth, str(first["steps"]), f"{first['chance']:.1%}", *shares)
        generated = any(one.generated is not None for one in self.models)
        lines = ["chosen rightly" + (" (generated rightly)" if generated else "")]
        lines += [f"{one.model} ({one.architecture}): {one.choice:.1%} chosen rightly" for one in self.models]
        lines += [f"picture: {self.picture}"] if self.picture else []
        return Renderables(table, *map(Text, lines))


def _short(result: TextAccuracy) -> str:
    """The model's folder, without what stands above it."""
    return Path(result.model).name or result.model


Report = Callable[[int], None]


def judge_text(
    model: Any,
    tokenizer: Any,
    samples: Sequence[Sample],
    folder: str = "",
    generate: bool = True,
    report: Report | None = None,
) -> TextAccuracy:
    """Ask a language model.

    Arguments:
        model, tokenizer: of transformers; a causal language model.
        samples: the prompts.
        folder: of the model, as it is shown.
        generate: whether texts are generated too.
        report: called with the number of prompts that are done.

    Raises:
        InputError: the tokenizer does not tell two choices apart.
    """
    model.eval()
    chosen = _chosen(model, tokenizer, samples, report)
    written = _generated(model, tokenizer, samples) if generate else [None] * len(samples)
    found: dict[tuple[str, str, int | None, int], list[tuple[bool, bool | None, float]]] = {}
    for sample, choice, text in zip(samples, chosen, written, strict=True):
        key = (sample.group, sample.style, sample.depth, sample.steps)
        right = None if text is None else _begins(text, sample)
        found.setdefault(key, []).append((choice == sample.answer, right, 1 / len(sample.choices)))
    rows = []
    for (group, style, depth, steps), outcomes in sorted(found.items(), key=lambda item: (*item[0][:2], item[0][3])):
        count = len(outcomes)
        texts = [right for _, right, _ in outcomes if right is not None]
        rows.append({
            "group": group,
            "style": style,
            "depth": depth,
            "steps": steps,
            "count": count,
            "choice": sum(right for right, _, _ in outcomes) / count,
            "generated": sum(texts) / count if texts else None,
            "chance": sum(chance for _, _, chance in outcomes) / count,
        })  # fmt: skip
    return TextAccuracy(folder, str(getattr(model.config, "model_type", "")), tuple(rows))


def _begins(text: str, sample: Sample) -> bool:
    """Whether a generated text begins with the answer and with no longer choice."""
    own = [choice for choice in sample.choices if text.strip().startswith(choice)]
    return bool(own) and max(own, key=len) == sample.answer


def _tokens(tokenizer: Any, text: str) -> list[int]:
    ids: list[int] = tokenizer(text)["input_ids"]
    end = getattr(tokenizer, "eos_token_id", None)
    while len(ids) > 1 and ids[-1] == end:  # some tokenizers end every text
        ids = ids[:-1]
    return ids


def _chosen(model: Any, tokenizer: Any, samples: Sequence[Sample], report: Report | None) -> list[str]:
    """The likeliest choice of every prompt."""
    found = []
    waiting: list[tuple[Sample, list[tuple[list[int], int]]]] = []
    room = 0
    for done, sample in enumerate(samples, 1):
        prompt = _tokens(tokenizer, sample.prompt)
        texts = []
        for choice in sample.choices:
            ids = _tokens(tokenizer, f"{sample.prompt} {choice}")
            same = sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], zip(prompt, ids, strict=False)))
            texts.append((ids, max(1, same)))
        if len({tuple(ids) for ids, _ in texts}) < len(texts):
            shown = ", ".join(sample.choices[:4])
            raise InputError(f"the tokenizer writes two of the answers {shown} … alike; wanted one that knows them")
        waiting.append((sample, texts))
        room += max(len(ids) for ids, _ in texts)
        if room > BATCH_TOKENS or done == len(samples):
            found += _likeliest(model, waiting)
            waiting, room = [], 0
            if report is not None:
                report(done)
    return found


@torch.no_grad()
def _likeliest(model: Any, waiting: Sequence[tuple[Sample, Sequence[tuple[list[int], int]]]]) -> list[str]:
    contexts = sorted({tuple(ids[:-1]) for _, texts in waiting for ids, _ in texts}, key=len)
    logits: dict[tuple[int, ...], torch.Tensor] = {}
    wanted = {tuple(ids[:-1]): same for _, texts in waiting for ids, same in texts}
    start = 0
    while start < len(contexts):
        size = max(1, BATCH_TOKENS // len(contexts[start]))
        batch = contexts[start : start + size]
        start += size
        longest = len(batch[-1])
        # padded on the right: no answer of a causal model depends on what comes later
        rows = [[*context, *[0] * (longest - len(context))] for context in batch]
        scores = model(input_ids=torch.tensor(rows, device=model.device), use_cache=False).logits.float()
        for row, context in enumerate(batch):
            logits[context] = scores[row, wanted[context] - 1 : len(context)].log_softmax(-1).cpu()
    found = []
    for sample, texts in waiting:
        merits = []
        for ids, same in texts:
            context = tuple(ids[:-1])
            own = logits[context][same - wanted[context] :]
            merits.append(float(own[torch.arange(len(ids) - same), torch.tensor(ids[same:])].sum()))
        found.append(sample.choices[max(range(len(merits)), key=merits.__getitem__)])
    return found


@torch.no_grad()
def _generated(model: Any, tokenizer: Any, samples: Sequence[Sample]) -> list[str]:
    """What the model writes after each prompt, the likeliest token each time; prompts of one length together."""
    longest = max(len(_tokens(tokenizer, f" {choice}")) for sample in samples for choice in sample.choices)
    by_length: dict[int, list[tuple[int, list[int]]]] = {}
    for place, sample in enumerate(samples):
        ids = _tokens(tokenizer, sample.prompt)
        by_length.setdefault(len(ids), []).append((place, ids))
    found = [""] * len(samples)
    pad = next((x for x in (tokenizer.pad_token_id, tokenizer.eos_token_id) if x is not None), 0)
    for length, prompts in by_length.items():
        size = max(1, BATCH_TOKENS // length)
        for start in range(0, len(prompts), size):
            batch = prompts[start : start + size]
            given = torch.tensor([own for _, own in batch], device=model.device)
            made = model.generate(
                input_ids=given,
                attention_mask=torch.ones_like(given),
                max_new_tokens=longest + MORE_TOKENS,
                do_sample=False,
                pad_token_id=pad,
            )
            for (place, _), row in zip(batch, made[:, length:].tolist(), strict=True):
                found[place] = tokenizer.decode(row, skip_special_tokens=True)
    return found


def draw_text(results: Sequence[TextAccuracy], path: Path) -> None:
    """Draw accuracy against steps: one line for each model, task and style; choice whole, generation dashed."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axis = pyplot.subplots(figsize=(7, 4), layout="constrained")
    kinds = [(result, *key) for result in results for key in dict.fromkeys(
        (row["group"], row["style"], row["depth"]) for row in result.rows)]  # fmt: skip
    alike = len({result.architecture for result in results}) < len(results)
    colours = pyplot.get_cmap("viridis")
    for place, (result, group, style, depth) in enumerate(kinds):
        rows = [row for row in result.rows if (row["group"], row["style"], row["depth"]) == (group, style, depth)]
        colour = colours(place / max(1, len(kinds) - 1) * 0.9)
        layers = "no depth" if depth is None else f"depth {depth}"
        steps = [row["steps"] for row in rows]
        named = f"{result.architecture} ({_short(result)})" if alike else result.architecture
        label = f"{named}: {group}, {style}, {layers}"
        axis.plot(steps, [row["choice"] for row in rows], color=colour, label=label, marker=".")
        if all(row["generated"] is not None for row in rows):
            axis.plot(steps, [row["generated"] for row in rows], color=colour, linestyle="--")
        axis.plot(steps, [row["chance"] for row in rows], color=colour, linewidth=0.6, linestyle=":")
    axis.set(xlabel="steps", ylabel="share of right answers", ylim=(0, 1.03))
    axis.set_title("choice by likelihood (whole), generation (dashed), chance (dotted)", fontsize=9)
    axis.legend(fontsize=7)
    write_figure(path, figure, dpi=120)
    pyplot.close(figure)
