"""Compact networks: gates and cases as numbers of decisions, found by looking them up.

Where all lower layers decide ("hard"), the readouts that φ gets are one-hot, and of its AND gates at most one is on:
the one whose decisions and token are there. So φ is a table with a row for each gate, and the head one with a row for
each case; matrices that would be nearly all zeros are neither kept nor multiplied by.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..common.errors import InputError
from .linear import bare_linear
from .tracing import tracing

__all__ = ["CaseHead", "GatePhi", "Lookup", "decisions_of", "one_hot"]

MOST_KEYS = 1 << 20
"""Keys up to which a table of all of them is made; beyond it, and beyond eight times the rows, they are searched."""


class _Numbering(nn.Module):
    """Different keys 0 ≤ key < space by their numbers; `count` for any other."""

    table: Tensor | None
    keys: Tensor
    numbers: Tensor

    def __init__(self, keys: Tensor, numbers: Tensor, space: int) -> None:
        super().__init__()
        self.count = len(keys)
        table = None
        if space <= max(MOST_KEYS, 8 * self.count):
            table = torch.full((space,), self.count, dtype=torch.int64, device=keys.device)
            table[keys] = numbers
            keys = numbers = keys[:0]
        order = keys.argsort()
        self.register_buffer("table", table, persistent=False)
        self.register_buffer("keys", keys[order], persistent=False)
        self.register_buffer("numbers", numbers[order], persistent=False)

    def forward(self, keys: Tensor) -> Tensor:
        if self.table is not None:
            return self.table.index_select(0, keys)
        place = self._bisected(keys) if tracing() else torch.searchsorted(self.keys, keys.contiguous())
        place = place.clamp(max=self.count - 1)
        return torch.where(self.keys[place] == keys, self.numbers[place], self.count)

    def _bisected(self, keys: Tensor) -> Tensor:
        """`searchsorted`, which ONNX has not: how many of the sorted keys are smaller."""
        place, step = torch.zeros_like(keys), 1 << self.count.bit_length()
        while step := step >> 1:
            further = place + step
            smaller = self.keys[(further - 1).clamp(max=self.count - 1)] < keys
            place = torch.where(smaller & (further <= self.count), further, place)
        return place


class Lookup(nn.Module):
    """Which row of a table of numbers is met. Its buffers move with a network and are not saved with it.

    Arguments:
        rows: shape (rows, columns), numbers below `sizes`; -1 throughout a column that is not read. No two are equal.
        sizes: of each column.
        name: of the table, for messages.

    Raises:
        InputError: the rows are not such.
    """

    def __init__(self, rows: Tensor, sizes: Sequence[int], name: str) -> None:
        super().__init__()
        self.count = len(rows)
        rows = rows.to(torch.int64)
        high = torch.tensor(list(sizes), device=rows.device)
        if rows.dim() != 2 or rows.shape[1] != len(sizes) or bool(((rows < -1) | (rows >= high)).any()):
            raise InputError(f"{name}: expected numbers of decisions from -1 to below {list(sizes)}")
        unread = rows < 0
        if bool((unread.any(0) & ~unread.all(0)).any()):
            raise InputError(f"{name}: a decision is read in some rows and not in others; wanted -1 in a whole column")
        self.read = [j for j in range(len(sizes)) if self.count and not bool(unread[0, j])]
        self.sizes = [sizes[j] for j in self.read]
        before: list[nn.Module] = []  # how keys are numbered before a column is added
        key = torch.zeros(self.count, dtype=torch.int64, device=rows.device)
        space = 1
        for j in self.read:
            numbering: nn.Module = nn.Identity()
            if space * sizes[j] >= 2**62:
                different, key = key.unique(return_inverse=True)
                numbering = _Numbering(different, torch.arange(len(different), device=rows.device), space)
                space = len(different) + 1
            before.append(numbering)
            key = key * sizes[j] + rows[:, j]
            space *= sizes[j]
        if len(key.unique()) != self.count:
            raise InputError(f"{name}: two rows are equal")
        self.before = nn.ModuleList(before)
        self.last = _Numbering(key, torch.arange(self.count, device=rows.device), space)

    def forward(self, columns: Sequence[Tensor]) -> Tensor:
        """The number of the row that meets these numbers, int64 (N,) a column to (N,); `count` where none does."""
        key: Tensor | None = None
        for j, size, numbering in zip(self.read, self.sizes, self.before, strict=True):
            key = columns[j] if key is None else numbering(key) * size + columns[j]
        if key is None:  # no row, or one that is met always
            return torch.zeros_like(columns[-1])
        found: Tensor = self.last(key)
        return found


def decisions_of(readouts: Tensor, groups: Sequence[int]) -> list[Tensor]:
    """The decision of each group of one-hot readouts, (..., width) to int64 (...) each."""
    return [part.argmax(-1) for part in readouts.split(list(groups), -1)]


class _Rows(nn.Module):
    """A module that looks rows of one of its buffers up.

    Arguments:
        table: the buffer's name.
        sizes: of its columns.
        name: of the table, for messages.
    """

    lookup: Lookup | None

    def __init__(self, table: str, sizes: Sequence[int], name: str) -> None:
        super().__init__()
        self.sizes, self.table_name, self.name = tuple(sizes), table, name
        self.lookup = None
        self._made: tuple[tuple[int, int], ...] | None = None

    def require(self, name: str | None = None) -> Lookup:
        """The lookup of the rows as they are now. Raises `InputError` where they are not such; `name` says where."""
        if tracing():  # its numbers cannot be read now: it was made when they were loaded
            if self.lookup is None:
                raise InputError(f"{self.name}: nothing has been loaded; load the weights before they are exported")
            return self.lookup
        now = self._now()
        if self.lookup is None or self._made != now:
            self.lookup, self._made = Lookup(getattr(self, self.table_name), self.sizes, name or self.name), now
            self.prepare()
        return self.lookup

    def _now(self) -> tuple[tuple[int, int], ...]:
        """Where the numbers are, and how often they were changed in place."""
        own = [buffer for name, buffer in self.named_buffers(recurse=False) if not buffer.is_floating_point()]
        return tuple((buffer.data_ptr(), 0 if buffer.is_inference() else buffer._version) for buffer in own)

    def prepare(self) -> None:
        """What else is read off the numbers, once."""

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        super()._apply(fn, recurse)
        if self.lookup is not None:
            self._made = self._now()  # elsewhere, and the lookup with it
        return self


class GatePhi(_Rows):
    """φ of a compact network: `gates` (units, lower groups + 1), int32, and the linear map `out` of the units.

    Arguments:
        units, outputs: of gates, and of φ's raw outputs.
        sizes: of the lower groups, then the number of tokens.
    """

    gates: Tensor

    def __init__(self, units: int, sizes: Sequence[int], outputs: int, dtype: torch.dtype) -> None:
        super().__init__("gates", sizes, "phi.gates")
        self.register_buffer("gates", torch.full((units, len(self.sizes)), -1, dtype=torch.int32))
        self.out = bare_linear(units, outputs, dtype)

    def units(self, decisions: Sequence[Tensor], tokens: Tensor) -> Tensor:
        """The unit that is on, int64 (N,); the number of units where none is."""
        found: Tensor = self.require()([*decisions, tokens])
        return found

    def table(self) -> Tensor:
        """φ's output for each unit that is on, and last for none: (units + 1, outputs)."""
        weight = self.out.weight
        return torch.cat([weight.T, weight.new_zeros(1, len(weight))]) + self.out.bias

    def forward(self, lower: Tensor, tokens: Tensor) -> Tensor:
        """φ's outputs (..., outputs) for one-hot readouts (..., width) and tokens (...).

        The unit that is on is relu of the sum of what it reads less its number, so it is 1, or not a number where a
        readout is none; gradients go on to what it reads, and to no other unit, as those of relu do.
        """
        flat = lower.flatten(0, -2)
        unit = self.units(decisions_of(flat, self.sizes[:-1]), tokens.reshape(-1))
        if tracing() and not (torch.is_grad_enabled() and lower.requires_grad):  # the head sees what is not a number
            return self.table().index_select(0, unit).view(*tokens.shape, -1)
        missing = unit == len(self.gates)
        unit = unit.clamp(max=len(self.gates) - 1)
        on = flat.new_ones(flat.shape[0])
        start, read = 0, self.require().read
        for j, size in enumerate(self.sizes[:-1]):
            if j in read:
                picked = self.gates[:, j].to(torch.int64).index_select(0, unit)
                on = on + flat.gather(1, (start + picked).unsqueeze(1)).squeeze(1) - 1
            start += size
        on = torch.where(missing, 0 * on, on)
        raw = on.unsqueeze(1) * self.out.weight.T.index_select(0, unit) + self.out.bias
        return raw.view(*tokens.shape, -1)


class CaseHead(_Rows):
    """The head of a compact network: a class's score is the largest number of decisions, over its cases, that are as
    in the case; decisions that a case does not read count as met.

    Arguments:
        cases, classes: how many.
        sizes: of the groups.
    """

    cases: Tensor
    outputs: Tensor
    matrix: Tensor

    def __init__(self, cases: int, classes: int, sizes: Sequence[int], dtype: torch.dtype) -> None:
        super().__init__("cases", sizes, "head.cases")
        self.in_order = False
        self.register_buffer("cases", torch.full((cases, len(self.sizes)), -1, dtype=torch.int32))
        self.register_buffer("outputs", torch.zeros(cases, dtype=torch.int32))
        self.register_buffer("matrix", torch.zeros((cases, sum(sizes)), dtype=dtype), persistent=False)
        self.bias = nn.Parameter(torch.zeros(classes, dtype=dtype))

    def prepare(self) -> None:
        """What each case asks of the readouts, as a matrix; and whether case i is that of class i."""
        count, start = len(self.bias), 0
        self.matrix = torch.zeros_like(self.matrix)
        for numbers, size in zip(self.cases.to(torch.int64).unbind(1), self.sizes, strict=True):
            if self.cases.numel():
                own = self.matrix[:, start : start + size]
                own.scatter_(1, numbers.clamp(min=0).unsqueeze(1), (numbers >= 0).to(own.dtype).unsqueeze(1))
            start += size
        self.in_order = len(self.outputs) == count and torch.equal(
            self.outputs, torch.arange(count, dtype=self.outputs.dtype, device=self.outputs.device)
        )

    def forward(self, readouts: Tensor) -> Tensor:
        """The logits (..., classes) of readouts (..., width); not numbers where a readout is none."""
        read = self.require().read
        score = functional.linear(readouts, self.matrix) + float(len(self.sizes) - len(read))
        if self.in_order:
            return score + self.bias
        outputs = self.outputs.to(torch.int64)
        best = score.new_zeros((*score.shape[:-1], len(self.bias)))
        return best.scatter_reduce(-1, outputs.expand(score.shape), score, "amax") + self.bias

    def classes_of(self, decisions: Sequence[Tensor]) -> Tensor | None:
        """The class with the largest logit, int64 (N,), by looking the case up; None where that does not decide:
        a choice of decisions is no case, or the bias is not 0."""
        if bool(self.bias.any()):
            return None
        case = self.require()(decisions)
        if bool((case == len(self.cases)).any()):
            return None
        return self.outputs.to(torch.int64).index_select(0, case)

    def logits_of(self, decisions: Sequence[Tensor]) -> Tensor:
        """The logits (N, classes), computed once for each different choice of decisions."""
        key, place = decisions[0], None
        if math.prod(self.sizes) < 2**62:
            key = torch.zeros_like(decisions[0])
            for own, size in zip(decisions, self.sizes, strict=True):
                key = key * size + own
            key, place = key.unique(return_inverse=True)
            different = []
            for size in reversed(self.sizes):
                different.append(key % size)
                key = key.div(size, rounding_mode="floor")
            decisions = different[::-1]
        logits: Tensor = self(one_hot(decisions, self.sizes, self.bias.dtype))
        return logits if place is None else logits.index_select(0, place)


def one_hot(decisions: Sequence[Tensor], sizes: Sequence[int], dtype: torch.dtype) -> Tensor:
    """Decisions (N,) of each group as one-hot readouts (N, width)."""
    found = torch.zeros((len(decisions[0]), sum(sizes)), dtype=dtype, device=decisions[0].device)
    start = 0
    for own, size in zip(decisions, sizes, strict=True):
        found.scatter_(1, (start + own).unsqueeze(1), 1.0)
        start += size
    return found
