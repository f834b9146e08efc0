"""The network that is compiled and trained: one class, every family, weights from either source.

::

    e_t   = E[x_t]                                                embedding.weight (m, e)
    layer i:
      z_t = relu(W [s^{i-1}_t, e_t] + c)                          layers.i.phi.hidden.weight (H, s + e), .bias (H)
      raw = V z_t + c'                                            layers.i.phi.out.weight (p d, H), .bias (p d)
      h_t = a_t * h_{t-1} + b_t   with a, b made from raw         layers.i.initial_state (d, 2) or (d,), .transition.*
      s^i = [s^{i-1}, psi(W' [s^{i-1}, Re h, Im h] + c'')]        layers.i.psi.weight (R, s + 2d or s + d), .bias (R)
    logits = head(s^k)                                            head.weight (n, s_k), head.bias (n)

Each layer reads the lower layers *after* they have read the same token, s^{i-1}_t; a layer with `reads` "before" reads
s^{i-1}_{t-1} in its place. With `head_gates` the head has a layer of relu units between s^k and the logits.
m alphabet size, e embedding size, s the width of s^{i-1} (0 for the first layer), d channels, p the family's number of
raw outputs per channel (constructions/parameters.py gives their order), H hidden units, R readout units, n classes.
Complex states are read as [Re h, Im h]; an initial state (d, 2) holds (Re, Im) pairs. `psi` is an activation; "hard"
makes one-hot decisions within the `groups` of readout units, so that noise in one layer does not leak into the next.

A *compact* network, as the compiler writes it, has gates and cases in place of the matrices of φ and of the head
(constructions/parameters.py, models/gates.py). Where no gradient is asked for it keeps decisions as numbers, and
evaluates φ and the head once for each different row.

The same forward pass runs several networks at once: a network whose parameters have a leading axis of runs (R, …) reads
tokens (R, batch, length). `models.batch` makes one.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ParamSpec, Self, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from ..common.dtypes import dtype_name
from ..common.errors import InputError
from .families import LayerState, Transition
from .gates import CaseHead, GatePhi
from .layer import FEW_UNITS, Layer, draw_uniform
from .linear import affine, bare_linear
from .penalties import Penalties
from .recurrences import Backend, UnitState
from .saved import DTYPES, SavedNetwork
from .specification import LayerSpecification, positive
from .spelling import answers, encode
from .tracing import Pairs, tracing

if TYPE_CHECKING:
    from ..common.dtypes import DtypeLike

P = ParamSpec("P")
R = TypeVar("R")

__all__ = ["DCDNetwork", "LayerTrace"]


@dataclass(frozen=True)
class LayerTrace:
    """What one layer saw and did on a batch of words; every field has shape (batch, length, ...).

    `lower`: what the layer reads beside the token, s^{i-1}. `a`, `b`: the affine map h -> a h + b of each token (None
    for the RNN). `states`: h after each token. `readout`: ψ's output, the part of s^i this layer added.
    """

    lower: Tensor
    a: Tensor | None
    b: Tensor | None
    states: Tensor
    readout: Tensor


def _delayed(lower: Tensor, first: Tensor, length: int) -> Tensor:
    """Readouts (*runs, batch·length, width) one token later: `first` (*runs, batch, width) stands before each word."""
    words = lower.reshape(*first.shape[:-1], length, lower.shape[-1])
    return torch.cat([first.unsqueeze(-2), words[..., :-1, :]], -2).reshape(lower.shape)


def _later(decisions: Tensor, first: Tensor, length: int) -> Tensor:
    """Decisions (batch·length,) one token later; `first` (batch,) stands before each word."""
    words = decisions.view(-1, length)
    return torch.cat([first.unsqueeze(1), words[:, :-1]], 1).flatten()


def _rows(state: LayerState, rows: slice) -> LayerState:
    """The state of some of the words."""
    return UnitState(state.phase[rows], state.remainder[rows]) if isinstance(state, UnitState) else state[rows]


def _joined(states: list[LayerState]) -> LayerState:
    """States of some words and of others, of all of them."""
    if isinstance(states[0], UnitState):
        phases, remainders = zip(*states, strict=True)
        return UnitState(torch.cat(phases), torch.cat(remainders))
    return torch.cat(states)  # type: ignore[arg-type]


def _in_own_precision(method: Callable[P, R]) -> Callable[P, R]:
    """A method of a network that `torch.autocast` does not reach."""

    @functools.wraps(method)
    def run(*arguments: P.args, **options: P.kwargs) -> R:
        device = arguments[0].embedding.weight.device.type  # type: ignore[attr-defined]
        if not (torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)):
            return method(*arguments, **options)
        with torch.autocast(device, enabled=False):
            return method(*arguments, **options)

    return run


PIECE_ENTRIES = 1 << 22
"""Entries of what `predict` computes on the way, about: 32 MB in float64."""


class Layers(nn.ModuleList):
    """A module list whose entries are known to be layers."""

    def __iter__(self) -> Iterator[Layer]:
        return super().__iter__()  # type: ignore[return-value]

    def __getitem__(self, index: int) -> Layer:  # type: ignore[override]
        return super().__getitem__(index)  # type: ignore[return-value]


class DCDNetwork(nn.Module, SavedNetwork):
    """Layers of input-dependent, complex, diagonal recurrences (docs/mathematics.md), compiled or trained.

    Arguments (all of them in `config.json`):
        alphabet_size: number m of tokens.
        classes: number n of outputs, one logit for each group element.
        layers: one dict per layer, with the fields of `LayerSpecification`: family, channels, hidden, readout, …
        embedding_size: e; None for m (compiled networks embed one-hot).
        dtype: "float32" or "float64", or torch's.
        seed: of the random initialisation; None draws from torch's global generator.
        head_gates: number of relu units that the head has before its linear map; None for a linear head.
        head_cases: number of cases of a compact network's head; then every φ is "gates" and e is 0.

    Raises InputError for a configuration or tokens that do not fit.

    `forward` is the parallel scan, `step` takes one token; both carry the same state, a list with one entry per layer
    (a `UnitState` for unit-modulus families, else h), so words of any length stream through in pieces.
    `save_pretrained` and `from_pretrained` keep every bit, in the dtype that the parameters have, float32 or float64;
    `converted` makes a network of the dtype wanted. It is a GPU module like any other, but for one thing: half
    precision cannot hold phases. So after `.half()`, `.bfloat16()` or `.to(torch.bfloat16)` (also of a larger model
    that it is part of) it answers in that dtype, and its parameters stay as they are; `torch.autocast` does not reach
    it. `torch.compile` and `torch.export` follow it as one graph, for words of any length.
    """

    def __init__(
        self,
        alphabet_size: int,
        classes: int,
        layers: Sequence[Mapping[str, Any]],
        embedding_size: int | None = None,
        dtype: DtypeLike = "float32",
        seed: int | None = None,
        head_gates: int | None = None,
        head_cases: int | None = None,
    ) -> None:
        super().__init__()
        positive("alphabet_size", alphabet_size)
        positive("classes", classes)
        if head_cases is not None:
            positive("head_cases", head_cases)
            if head_gates is not None or embedding_size not in (0, None) or isinstance(embedding_size, bool):
                raise InputError("head_cases: a compact network has no head_gates, and an embedding_size of 0")
        elif embedding_size is not None:
            positive("embedding_size", embedding_size)
        kind = DTYPES[dtype_name(dtype)]
        if isinstance(layers, (str, Mapping)) or not isinstance(layers, Sequence) or len(layers) == 0:
            raise InputError(f"layers: expected a list of at least one layer, got {layers!r}")
        specifications = [LayerSpecification.parse(i, entry) for i, entry in enumerate(layers)]
        for i, specification in enumerate(specifications):
            if (specification.phi == "gates") != (head_cases is not None):
                raise InputError(
                    f'layers[{i}].phi: {specification.phi!r}; a network with head_cases has "gates" in every layer, '
                    "another in none"
                )
        self.alphabet_size, self.classes = alphabet_size, classes
        self.backend: Backend = "auto"
        self.local_gradient = False
        self._answers: torch.dtype | None = None
        size = 0 if head_cases is not None else alphabet_size if embedding_size is None else embedding_size
        self.embedding = nn.Embedding.from_pretrained(torch.zeros(alphabet_size, size, dtype=kind), freeze=False)
        self.layers = Layers()
        groups: list[int] = []
        for specification in specifications:
            self.layers.append(Layer(specification, groups, alphabet_size, size, kind))
            groups += specification.groups or (specification.readout,)
        self.groups, width = tuple(groups), sum(groups)
        self.head_width, self.head_cases = head_gates, head_cases
        self.head: nn.Linear | CaseHead
        if head_cases is not None:
            self.head = CaseHead(head_cases, classes, groups, kind)
            self.initialise(seed)
            return
        if head_gates is not None:
            positive("head_gates", head_gates)
            self.head_gates = bare_linear(width, head_gates, kind)
        self.head = bare_linear(head_gates or width, classes, kind)
        self.initialise(seed)

    @property
    def dtype(self) -> torch.dtype:
        """Of the parameters, as they are now, float32 or float64: `.float()` and `.double()` change it."""
        return self.embedding.weight.dtype

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """What `.to()`, `.half()` and their like do with every tensor; a dtype that cannot hold the phases is for the
        answers alone."""
        probe = fn(torch.empty(0, dtype=self._answers or self.dtype, device=self.embedding.weight.device))
        if probe.dtype not in (torch.float16, torch.bfloat16, *DTYPES.values()):
            wanted = "wanted float32 or float64 (half and bfloat16 for its answers)"
            raise InputError(f"a network in {probe.dtype}; {wanted}")
        self._answers = probe.dtype if probe.dtype in (torch.float16, torch.bfloat16) else None

        def kept(tensor: Tensor) -> Tensor:
            made = fn(tensor)
            if made.dtype == tensor.dtype or made.dtype in DTYPES.values():
                return made
            return tensor.to(made.device)

        super()._apply(kept, recurse)
        return self

    def _answer(self, found: Tensor) -> Tensor:
        return found if self._answers is None else found.to(self._answers)

    @property
    def specifications(self) -> tuple[LayerSpecification, ...]:
        """The layers' checked configuration."""
        return tuple(layer.specification for layer in self.layers)

    def configuration(self) -> dict[str, Any]:
        """The arguments that build a network of this shape (without a seed)."""
        return {
            "alphabet_size": self.alphabet_size,
            "classes": self.classes,
            "layers": [s.as_json() for s in self.specifications],
            "embedding_size": self.embedding.embedding_dim,
            "dtype": str(self.dtype).removeprefix("torch."),
            **({} if self.head_width is None else {"head_gates": self.head_width}),
            **({} if self.head_cases is None else {"head_cases": self.head_cases}),
        }

    def initialise(self, seed: int | None = None) -> None:
        """Draw all parameters anew."""
        generator = None if seed is None else torch.Generator().manual_seed(seed)
        with torch.no_grad():
            self.embedding.weight.copy_(torch.randn(self.embedding.weight.shape, generator=generator, dtype=self.dtype))
        for layer in self.layers:
            layer.initialise(generator)
        if self.head_width is not None:
            draw_uniform(self.head_gates.weight, math.sqrt(6.0 / self.head_gates.in_features), generator)
            draw_uniform(self.head_gates.bias, 1.0 / math.sqrt(self.head_gates.in_features), generator)
        if isinstance(self.head, nn.Linear):
            draw_uniform(self.head.weight, 1.0 / math.sqrt(self.head.in_features), generator)
        nn.init.zeros_(self.head.bias)

    # ------------------------------------------------------------------ running

    def initial_state(self, words: int) -> list[LayerState]:
        """The state before the first token, one entry per layer. `words` counts those of all runs."""
        return [layer.start(words) for layer in self.layers]

    @_in_own_precision
    def forward(
        self,
        tokens: Tensor,
        state: Sequence[LayerState] | None = None,
        return_state: bool = False,
        every_layer: bool = False,
        penalties: Penalties | None = None,
    ) -> Any:
        """Logits (batch, length, classes) for int64 tokens (batch, length), positions in the alphabet.

        `state`: what an earlier call returned for the part of the words before these tokens. With `return_state` the
        result is the pair (logits, state). Where the parameters have an axis of runs, tokens and logits have it too,
        and a state holds R·batch words, run by run; such tokens are the caller's own and not checked. With
        `every_layer` the logits have a first axis of layers: what the head says where the readouts of
        later layers are 0. With `penalties` the result ends with what they add to the loss, (*runs,).
        """
        if self.embedding.weight.dim() == 2:
            self._check_tokens(tokens, 2)
        fast = not (every_layer or penalties or torch.is_grad_enabled() or tracing())
        if fast and (ran := self._run_decisions(tokens, state)):
            assert isinstance(self.head, CaseHead)
            logits = self._answer(self.head.logits_of(ran[0]).view(*tokens.shape, self.classes))
            return (logits, ran[1]) if return_state else logits
        added: list[Tensor] = []
        watch = None if penalties is None else lambda *at: added.append(penalties.of(*at))
        lower, after, _ = self._run(tokens, state, tokens.shape[-1], watch=watch)
        if every_layer:
            widths = [layer.width + layer.specification.readout for layer in self.layers]
            parts = [functional.pad(lower[..., :width], (0, lower.shape[-1] - width)) for width in widths]
            logits = torch.stack([self.decide(part).view(*tokens.shape, self.classes) for part in parts])
        else:
            logits = self.decide(lower).view(*tokens.shape, self.classes)
        logits = self._answer(logits)
        result: tuple[Any, ...] = (logits, after) if return_state else (logits,)
        if penalties is not None:
            result += (torch.stack(added).sum(0),)
        return result if len(result) > 1 else logits

    @_in_own_precision
    def step(self, tokens: Tensor, state: Sequence[LayerState] | None = None) -> tuple[Tensor, list[LayerState]]:
        """One token: int64 (batch,) -> logits (batch, classes) and the state after it. No scan is involved."""
        self._check_tokens(tokens, 1)
        if tracing():
            logits, after = self(tokens.unsqueeze(1), state, True)
            return logits[:, 0], after
        lower, after, _ = self._run(tokens, state, None)
        return self._answer(self.decide(lower)), after

    @_in_own_precision
    def features(self, tokens: Tensor, state: Sequence[LayerState] | None = None) -> Tensor:
        """What is under the head, (batch, length, width): the readouts of all layers, side by side, at every token.

        Of a compiled network they are its decisions, one-hot in each of `groups`: which coset the product lies in,
        layer by layer. Arguments as of `forward`.
        """
        self._check_tokens(tokens, 2)
        lower, _, _ = self._run(tokens, state, tokens.shape[1])
        return self._answer(lower.view(*tokens.shape, -1))

    def encode(self, words: str | Sequence[str | int] | Sequence[Sequence[str | int]]) -> Tensor:
        """Words as tokens, int64 (batch, length), on the network's device.

        Arguments:
            words: `"(1,2) (1,2,3)"`, or numbers of elements, `"3 1"` or `[3, 1]`; of an automaton names of letters. A
                list of texts is a batch of words of one length.

        Raises:
            InputError: something is no letter, or the network does not know what it is for: see `tracked`.

        Examples:
            >>> import subnormal as sn
            >>> net = sn.compile("S3").network()
            >>> tokens = net.encode("(1,2) (1,2,3)")
            >>> tokens.tolist(), net.decode(net(tokens))
            ([[2, 3]], [['(1,2)', '(1,3)']])
        """
        return encode(self.tracked, words).to(self.embedding.weight.device)

    def decode(self, found: Tensor) -> list[list[str]]:
        """What the network says, in words: for each word its elements, or states, after every token.

        Arguments:
            found: logits (batch, length, classes), or numbers of classes (batch, length).

        Raises:
            InputError: another tensor, or the network does not know what it is for: see `tracked`.
        """
        return answers(self.tracked, found)

    @torch.no_grad()
    @_in_own_precision
    def predict(
        self,
        tokens: Tensor,
        state: Sequence[LayerState] | None = None,
        piece: int | None = None,
        wanted: Tensor | None = None,
    ) -> tuple[Tensor, list[LayerState]]:
        """The most probable class at every position, int64 (batch, length), and the state after the last.

        With `wanted`, bool (batch, length), only those positions have an answer, and the others have -1: the last
        layer's ψ and the head, which no later token needs, are not asked for those.

        The words stream through `piece` tokens at a time, all words together, and some words at a time where one token
        of each is more: memory grows neither with their length nor with their number. Without a piece it is such that
        what is computed on the way has about `PIECE_ENTRIES` entries.
        """
        self._check_tokens(tokens, 2)
        if tracing():
            logits, after = self(tokens, state, True)
            answers = logits.argmax(-1)
            return answers if wanted is None else answers.where(wanted, -1), after
        state = self._check_state(state, tokens.shape[0])
        piece = self.piece() if piece is None else piece
        if tokens.shape[0] > piece:
            some = [slice(begin, begin + piece) for begin in range(0, tokens.shape[0], piece)]
            parts = [
                self.predict(
                    tokens[rows],
                    [_rows(own, rows) for own in state],
                    piece,
                    None if wanted is None else wanted[rows],
                )
                for rows in some
            ]
            states = [_joined(list(own)) for own in zip(*(after for _, after in parts), strict=True)]
            return torch.cat([found for found, _ in parts]), states
        found = torch.full_like(tokens, -1)
        length = max(1, piece // max(1, tokens.shape[0]))
        for start in range(0, tokens.shape[1], length):
            part = tokens[:, start : start + length]
            asked = None if wanted is None else wanted[:, start : start + length]
            places = None if asked is None or bool(asked.all()) else asked.flatten().nonzero().flatten()
            decided = None
            if ran := self._run_decisions(part, state):
                assert isinstance(self.head, CaseHead)
                decisions, state = ran
                if places is not None:
                    decisions = [one[places] for one in decisions]
                decided = self.head.classes_of(decisions)
                if decided is None:
                    decided = self.head.logits_of(decisions).argmax(-1)
            else:
                lower, state, _ = self._run(part, state, part.shape[1], only=places)
                decided = self.decide(lower).argmax(-1)
            if places is None:
                found[:, start : start + length] = decided.view_as(part)
            else:
                assert asked is not None
                found[:, start : start + length][asked] = decided
        return found, list(state)

    def piece(self) -> int:
        """Tokens in a piece of `predict`, of all words together."""
        if self.head_cases is not None:
            width = 16 + max(s.channels * 8 + (s.readout if s.readout > FEW_UNITS else 4) for s in self.specifications)
            return max(256, PIECE_ENTRIES // width)
        widest = max(s.hidden + len(layer.transition.parts) * s.channels + s.readout for layer in self.layers
                     for s in [layer.specification])  # fmt: skip
        return max(256, PIECE_ENTRIES // (widest + self.classes + (self.head_width or 0)))

    def check_numbers(self) -> None:
        """InputError unless the gates and cases of a compact network are such as models/gates.py wants them."""
        if isinstance(self.head, CaseHead):
            for i, layer in enumerate(self.layers):
                assert isinstance(layer.phi, GatePhi)
                layer.phi.require(f"layers.{i}.phi.gates")
            self.head.require()
            outputs = self.head.outputs
            if bool(((outputs < 0) | (outputs >= self.classes)).any()):
                raise InputError(f"head.outputs: expected classes from 0 to {self.classes - 1}")

    @_in_own_precision
    def readouts(self, state: Sequence[LayerState]) -> Tensor:
        """All layers' readouts s^k (batch, width) at a state, e.g. what `step` returned: what `decide` makes logits of.
        The one way from states to answers, for whoever has states that no word was run for."""
        held = [carried.value if isinstance(carried, UnitState) else carried for carried in state]
        lower = self.embedding.weight.new_empty((len(held[0]), 0))
        for layer, h in zip(self.layers, held, strict=True):
            own = lower.dtype.to_complex() if layer.transition.complex_state else lower.dtype
            lower = torch.cat([lower, layer.read(lower, h.to(own))], -1)
        return lower

    @_in_own_precision
    def decide(self, readouts: Tensor) -> Tensor:
        """The logits (*runs, N, classes) from all layers' readouts s^k (*runs, N, width)."""
        if isinstance(self.head, CaseHead):
            found: Tensor = self.head(readouts)
            return found
        if self.head_width is not None:
            readouts = affine(readouts, self.head_gates.weight, self.head_gates.bias).relu()
        return affine(readouts, self.head.weight, self.head.bias)

    @_in_own_precision
    def trace(self, tokens: Tensor, state: Sequence[LayerState] | None = None) -> list[LayerTrace]:
        """Everything each layer saw and did on int64 tokens (batch, length); see `LayerTrace`."""
        self._check_tokens(tokens, 2)
        return self._run(tokens, state, tokens.shape[1], traced=True)[2]

    def _run(
        self,
        tokens: Tensor,
        state: Sequence[LayerState] | None,
        length: int | None,
        traced: bool = False,
        watch: Callable[[int, Transition, Tensor], None] | None = None,
        only: Tensor | None = None,
    ) -> tuple[Tensor, list[LayerState], list[LayerTrace]]:
        """The layers one after the other: the last readouts (*runs, batch·length, width), the states, the traces.

        `tokens` are words (*runs, batch, length), or with length None single tokens (batch,). `watch` gets the raw
        outputs of every layer's φ: the layer's number, its transition, (*runs, batch·length, parts · channels). The
        last readouts are those of the places `only` where these are given, int64 (places,).
        """
        embedding = self.embedding.weight
        runs = embedding.dim() - 2
        if tracing():  # a graph would ask for the strides of a slice
            tokens = tokens.clone(memory_format=torch.contiguous_format)
        count = math.prod(tokens.shape[: runs + 1])
        follow = tracing() and length is not None and not runs
        carry: list[Any]
        carried: Any
        if follow:
            given = [None] * len(self.layers) if state is None else self._check_state(state, count)
            carry = [layer.traced_start(one, count) for layer, one in zip(self.layers, given, strict=True)]
        else:
            carry = self._check_state(state, count)
        places = tokens.flatten(runs)
        lower = embedding.new_empty((*places.shape, 0))
        shape = (*tokens.shape[:runs], tokens.shape[runs])
        first = embedding.new_empty((*shape, 0)) if any(s.reads == "before" for s in self.specifications) else None
        # Below the first layer there is nothing but the token: what it makes of one is made once for each token.
        plain = not (torch.is_grad_enabled() or tracing() or runs or traced) and watch is None
        by_token = plain and length is not None and tokens.numel() >= self.alphabet_size
        after, traces = [], []
        for number, (layer, before) in enumerate(zip(self.layers, carry, strict=True)):
            read = lower
            if layer.specification.reads == "before":
                assert first is not None
                read = first if length is None else _delayed(lower, first, length)
            if self.local_gradient:
                read = read.detach()
            rows = tokens if by_token and layer.width == 0 else None
            raw = layer.raw(read, places, embedding) if rows is None else layer.token_table(embedding)
            if watch is not None:
                watch(number, layer.transition, raw)
            if length is None:
                states, carried = layer.transition.step(raw, before)
            elif rows is not None:
                states, carried = layer.transition.scan(raw, before, self.backend, rows)
            else:
                words = raw.reshape(math.prod(tokens.shape[:-1]), length, raw.shape[-1])
                if follow:
                    states, carried = layer.transition.traced(words, before)
                else:
                    states, carried = layer.transition.scan(words, before, self.backend)
            seen = lower.detach() if self.local_gradient else lower
            held = states.reshape(*places.shape, states.shape[-1])
            if only is not None and layer is self.layers[-1]:
                seen, held, lower = seen[only], held[only], lower[only]
            readout = layer.read(seen, held)
            if traced:
                a, b = layer.transition.affine(words) if layer.transition.family.is_diagonal else (None, None)
                seen, added = (part.reshape(*tokens.shape, part.shape[-1]) for part in (read, readout))
                traces.append(LayerTrace(seen, a, b, states, added))
            lower = torch.cat([lower, readout], -1)
            if first is not None:
                h = before.value if isinstance(before, UnitState | Pairs) else before
                first = torch.cat([first, layer.read(first, h.reshape(*shape, h.shape[-1]))], -1)
            after.append(carried.as_state() if isinstance(carried, Pairs) else carried)
        return lower, after, traces

    def _run_decisions(
        self, tokens: Tensor, state: Sequence[LayerState] | None
    ) -> tuple[list[Tensor], list[LayerState]] | None:
        """As `_run` on words (batch, length) of a compact network, with the decisions of all groups as numbers, (batch
        · length,) each. None for another network, and where something on the way has to be seen in full."""
        if self.head_cases is None or not tokens.numel():
            return None
        state = self._check_state(state, len(tokens))
        places = tokens.flatten()
        decided: list[Tensor] = []
        before: list[Tensor] = []  # what the words' first tokens find, (batch,) each
        after = []
        reads_before = any(s.reads == "before" for s in self.specifications)
        for layer, own in zip(self.layers, state, strict=True):
            read = decided
            if layer.specification.reads == "before":
                read = [_later(one, first, tokens.shape[1]) for one, first in zip(decided, before, strict=True)]
            table, rows = layer.rows(read, places)
            if rows is None:
                table = table.view(*tokens.shape, -1)
            states, carried = layer.transition.scan(
                table, own, self.backend, None if rows is None else rows.view(tokens.shape)
            )
            found = layer.decisions(states.reshape(len(places), -1))
            if found is None:
                return None
            if reads_before:
                first = layer.decisions(own.value if isinstance(own, UnitState) else own)
                if first is None:
                    return None
                before = before + first
            decided = decided + found
            after.append(carried)
        return decided, after

    def _check_tokens(self, tokens: Tensor, dimensions: int) -> None:
        wanted = "(batch, length)" if dimensions == 2 else "(batch,)"
        if not isinstance(tokens, Tensor) or tokens.dtype != torch.int64 or tokens.dim() != dimensions:
            came = f"{tokens.dtype} {tuple(tokens.shape)}" if isinstance(tokens, Tensor) else type(tokens).__name__
            raise InputError(f"tokens: expected an int64 tensor {wanted}, got {came}")
        if not tracing() and tokens.numel():  # what tokens are cannot be seen while a graph is made
            low, high = (int(x) for x in torch.aminmax(tokens))
            if low < 0 or high >= self.alphabet_size:
                bad = low if low < 0 else high
                raise InputError(f"tokens: expected positions 0 to {self.alphabet_size - 1} in the alphabet, got {bad}")

    def _check_state(self, state: Sequence[LayerState] | None, batch: int) -> list[LayerState]:
        if state is None:
            return self.initial_state(batch)
        if len(state) != len(self.layers):
            raise InputError(f"state: expected one entry for each of {len(self.layers)} layers, got {len(state)}")
        for i, (layer, carried) in enumerate(zip(self.layers, state, strict=True)):
            shape = tuple((carried.remainder if isinstance(carried, UnitState) else carried).shape)
            if shape != (batch, layer.specification.channels):
                raise InputError(
                    f"state[{i}]: expected ({batch}, {layer.specification.channels}) as (batch, channels), got {shape}"
                )
        return list(state)
