"""`delta_states` of two models with one delta-rule layer: our own network, and transformers' Olmo-Hybrid in float32.

A checkpoint is enclosed token by token: what a token's embedding becomes in the layer, and what the layer's output
becomes in the head, by intervals, each operation with the error of its arithmetic. Attention must write nothing (its
output weights are 0), and the convolution must look at its own token alone: then a token is one map.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...algebra.depth.families import REFLECTIONS
from ...constructions.parameters import EMBEDDING, HEAD_BIAS, HEAD_WEIGHT
from ..certificates import delta_checker
from ..certificates.checker import FaultError
from ..certificates.network_proof import ELEMENTARY
from .boxes import Agreement, NotCoveredError
from .delta_states import Factor, TokenMap, balls, token_map
from .layers import TINY, Cases, LayerProof, Precision, Raw, UncertainError, difference_bounds
from .regions import OWN, Forms, Regions

if TYPE_CHECKING:
    from ...models.foreign.model import ForeignModel
    from ...models.network import DCDNetwork

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

UNIT = 2.0**-24
"""The unit roundoff of float32."""


def prove_states(model: ForeignModel, table: Integers, outputs: Integers) -> Agreement:
    """Up to which length a model with one delta-rule layer answers all words as a machine does.

    Arguments:
        model: our own network, or a checkpoint.
        table: the machine, (states, letters); it starts in state 0.
        outputs: the class of each state.

    Returns:
        The length, and what ends there; not `covered` for a model that these proofs are not made for.
    """
    from ...models.network import DCDNetwork

    try:
        if (outputs[np.unique(table)] < 0).any():
            raise NotCoveredError("an answer of the machine is no class")
        if isinstance(model.module, DCDNetwork):
            if model.reading.logits != tuple(range(model.module.classes)) or model.reading.before:
                raise NotCoveredError("its reading is not that of our networks")
            letters = [one[0] for one in model.reading.spellings if len(one) == 1]
            if len(letters) < len(model.reading.spellings):
                raise NotCoveredError("a letter is spelt with several tokens")
            return _own(model.module, np.array(letters), table, outputs)
        return _checkpoint(model, table, outputs)
    except NotCoveredError as error:
        return Agreement(0, str(error), covered=False)
    except UncertainError as error:
        return Agreement(0, str(error))


# -------------------------------------------------------------------------------------------- our own network


def _own(network: DCDNetwork, tokens: Integers, table: Integers, outputs: Integers) -> Agreement:
    if len(network.layers) != 1 or network.specifications[0].family not in {f.name for f in REFLECTIONS.values()}:
        raise NotCoveredError("it is not one delta-rule layer")
    network = network.dense()
    configuration = network.configuration()
    arrays = {name: tensor.detach().numpy() for name, tensor in network.state_dict().items()}
    if _in_integers(configuration, arrays, tokens, table, outputs):
        return Agreement(None, "its states are integers: nothing rounds, in any order of operations")
    specification = network.specifications[0]
    if configuration.get("head_gates") or specification.reads != "after":
        raise NotCoveredError("the head has gates, or the layer reads before the token")
    if not all(np.isfinite(array).all() for array in arrays.values()):
        raise NotCoveredError("a parameter is not finite")
    precision = Precision(str(configuration["dtype"]))
    layer = LayerProof(0, specification, arrays, arrays[EMBEDDING].astype(np.float64)[tokens], precision)
    one = Cases(np.arange(1), _no_units(1))
    maps = _maps(layer, layer.phi(one, Regions.none(1)), precision)
    states = len(table)
    answers = np.where(outputs < 0, 0, outputs)
    shown = np.unique(table)  # what the empty word answers is not asked
    lower, below = Cases(shown, _no_units(len(shown))), Regions.none(states)
    head, bias = arrays[HEAD_WEIGHT].astype(np.float64), arrays[HEAD_BIAS].astype(np.float64)

    def certain(centres: Floats, radii: Floats) -> str:
        centre, radius = centres[:, 0, :, 0], np.broadcast_to(radii[:, 0], (states, layer.channels))
        zero = np.zeros_like(centre)
        own = Regions(centre.astype(np.complex128), zero, zero, radius + OWN * np.abs(centre))
        try:
            cases = layer.read(lower, below, own)
            right = answers[cases.state]
            ahead = difference_bounds(head, bias, right, cases, below.beside(own), precision)
        except UncertainError as error:
            return str(error)
        wrong = np.argwhere(~(ahead > 0))
        return f"class {wrong[0, 1]} may win where {right[wrong[0, 0]]} is right" if len(wrong) else ""

    return balls([[one] for one in maps], [], layer.start.real[None, :, None], table, certain)


def _in_integers(
    configuration: dict[str, Any], arrays: dict[str, Any], tokens: Integers, table: Integers, outputs: Integers
) -> bool:
    """Whether the network is proved to compute the machine in integers, as `delta_checker` proves compiled ones."""
    try:
        network = delta_checker.Network(configuration, arrays)
        states: dict[int, Any] = {0: network.initial[None]}
        order = [0]
        for q in order:
            for x, after in enumerate(table[q].tolist()):
                found = network.step(states[q], int(tokens[x]))
                if after not in states:
                    states[after] = found
                    order.append(after)
                elif not np.array_equal(states[after], found):
                    return False
        return all(network.answers(states[q])[0] == outputs[q] for q in np.unique(table).tolist())
    except FaultError:
        return False


def _no_units(cases: int) -> Forms:
    empty = np.zeros((cases, 0))
    return Forms(np.zeros((cases, 0, 0), dtype=np.complex128), empty, empty)


def _maps(layer: LayerProof, raw: Raw, precision: Precision) -> list[TokenMap]:
    """The map of each token, from what φ gives."""
    d, e = layer.channels, precision.elementary()

    def part(name: str, token: int) -> tuple[Floats, Floats]:
        rows = layer.rows[name]
        return raw.middle[0, token, rows], raw.around[0, token, rows]

    def mean_sigmoid(name: str, token: int) -> tuple[Floats, Floats]:
        middle, around = part(name, token)
        off = around.mean() + precision.sum_error(d + 1) * np.abs(middle).mean()
        found = _rounded_to_one(Box(*(_sigmoid(np.array([middle.mean() + sign * off])) for sign in (-1, 1))), 2 * e)
        return found.middle, found.off

    found = []
    for token in range(len(layer.tokens)):
        factors = []
        for j in range(1, layer.family.factors + 1):
            middle, around = part(f"key_{j}", token)
            length, off = float(np.linalg.norm(middle)), float(np.linalg.norm(around))
            if length == off == 0:
                key, key_off = middle[None], around[None]
            elif length <= 2 * off or length < 1e-6:  # anything of length 1; it does not matter where β is 0
                key, key_off = np.zeros((1, d)), np.full((1, d), 1.000001 / np.sqrt(d))
            else:
                key = (middle / length)[None]
                around = around / (length - off) + np.abs(key[0]) * (
                    off / (length - off) + precision.sum_error(d + 4) + 2 * e
                )
                key_off = around[None]
            beta, beta_off = mean_sigmoid(f"beta_{j}", token)
            factors.append(Factor(key, key_off, 2 * beta, 2 * beta_off))
        drive, around = part("b", token)
        found.append(
            token_map(
                mean_sigmoid("gate", token),
                factors,
                (drive[None, :, None], np.array([[np.linalg.norm(around)]])),
                precision.unit,
            )
        )
    return found


def _rounded_to_one(box: Box, relative: float) -> Box:
    """Values between 0 and 1 as an elementary function gives them: exactly 1 where they are within 2⁻³⁰ of it."""
    low, high = box.low * (1 - relative) - TINY, np.minimum(box.high * (1 + relative) + TINY, 1.0)
    one = box.low >= 1 - 2.0**-30
    return Box(np.where(one, 1.0, np.maximum(low, 0.0)), np.where(one, 1.0, high))


def _sigmoid(x: Floats) -> Floats:
    found: Floats = np.exp(np.minimum(x, 0)) / (1 + np.exp(-np.abs(x)))
    return found


# -------------------------------------------------------------------------------------------- Olmo-Hybrid


@dataclass(frozen=True, eq=False)
class Box:
    """Numbers that lie between two others, of one shape."""

    low: Floats
    high: Floats

    @classmethod
    def around(cls, middle: Floats, off: Floats | float) -> Box:
        return cls(middle - off, middle + off)

    @property
    def middle(self) -> Floats:
        return (self.low + self.high) / 2

    @property
    def off(self) -> Floats:
        """How far the numbers may be from the middle."""
        return (self.high - self.low) / 2 * (1 + OWN) + TINY * (self.high != self.low)

    @property
    def size(self) -> Floats:
        """The largest absolute values."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    def widened(self, relative: Floats | float) -> Box:
        """Rounded: off by so much, relative to the numbers."""
        by = relative * self.size
        return Box(self.low - by, self.high + by)

    def __add__(self, other: Box) -> Box:
        return Box(self.low + other.low, self.high + other.high).widened(UNIT + OWN)

    def __mul__(self, other: Box) -> Box:
        ways = [a * b for a in (self.low, self.high) for b in (other.low, other.high)]
        return Box(np.minimum.reduce(ways), np.maximum.reduce(ways)).widened(UNIT + OWN)

    def __getitem__(self, key: Any) -> Box:
        return Box(self.low[key], self.high[key])

    def heads(self, count: int, repeat: int = 1) -> Box:
        """(n, count·m) as (n, count·repeat, m), each head so often."""
        parts = [x.reshape(*x.shape[:-1], count, -1).repeat(repeat, axis=-2) for x in (self.low, self.high)]
        return Box(*parts)


def _linear(weight: Floats, box: Box) -> Box:
    """weight · box, box (…, inputs)."""
    size = np.abs(weight).T
    terms = (box.size > 0).astype(np.float64) @ (weight != 0).T
    off = box.off @ size + (terms * UNIT * 1.01 + OWN) * (box.size @ size)
    return Box.around(box.middle @ weight.T, off)


def _unit_length(box: Box, added: float, mean: bool) -> Box:
    """box / √(sum of squares + added), over the last axis; of the mean of squares with `mean`."""
    n = box.low.shape[-1]
    terms = (box.size > 0).sum(axis=-1, keepdims=True)
    least = np.where((box.low < 0) & (box.high > 0), 0.0, np.minimum(np.abs(box.low), np.abs(box.high)))
    by = n if mean else 1
    low, high = ((x**2).sum(axis=-1, keepdims=True) / by + added for x in (least, box.size))
    if not (low > 0).all() or not np.isfinite(high).all():
        raise UncertainError("a norm may divide by nothing")
    scale = Box(1 / np.sqrt(high), 1 / np.sqrt(low)).widened((terms / 2 + 4) * UNIT + OWN)
    return box * scale


def _silu(box: Box) -> Box:
    """x · sigmoid(x): rises from its least value at -1.2785 on, and falls before."""
    ends = [x * _sigmoid(x) for x in (box.low, box.high)]
    low, high = np.minimum(*ends), np.maximum(*ends)
    inside = (box.low < -1.27) & (box.high > -1.28)
    low = np.where(inside, np.minimum(low, -0.27846454276108), low)
    off = (3 * ELEMENTARY * UNIT + OWN) * box.size + TINY
    exact = (box.low == 0) & (box.high == 0)
    return Box(np.where(exact, 0.0, low - off), np.where(exact, 0.0, high + off))


class _Checkpoint:
    """The parts of a checkpoint that are enclosed. Raises `NotCoveredError` for another kind of model."""

    def __init__(self, model: ForeignModel) -> None:
        module: Any = model.module
        if type(module).__name__ != "OlmoHybridForCausalLM":
            raise NotCoveredError("no proof is made for this class; one is for olmo_hybrid, and for our own networks")
        config = module.config
        layers = list(module.model.layers)
        recurrent = [i for i, layer in enumerate(layers) if hasattr(layer, "linear_attn")]
        if len(recurrent) != 1:
            raise NotCoveredError(f"{len(recurrent)} recurrent layers; a proof is made for one")
        if any(p.dtype != _float32() for p in module.parameters()):
            raise NotCoveredError("its weights are not in float32")
        if any(layer.self_attn.o_proj.weight.any() for layer in layers if hasattr(layer, "self_attn")):
            raise NotCoveredError("an attention layer writes too")
        if config.hidden_act != "silu":
            raise NotCoveredError(f"its activation is {str(config.hidden_act)[:20]}")
        self.place, self.layers, self.layer = recurrent[0], layers, layers[recurrent[0]].linear_attn
        if self.layer.conv1d.weight[..., :-1].any():
            raise NotCoveredError("its convolution looks at earlier tokens")
        if any(part.weight.isnan().any() or part.weight.isinf().any() for part in module.modules() if _weighs(part)):
            raise NotCoveredError("a weight is not finite")
        self.module = module

    def parts(self, tokens: list[int]) -> tuple[Box, Box]:
        """The residual stream before the recurrent layer for token ids, and what that layer reads: (n, hidden)."""
        embedding = _array(self.module.model.embed_tokens.weight)[tokens]
        stream = Box(embedding, embedding)
        for layer in self.layers[: self.place]:
            stream = self._mixed(layer, stream)
        return stream, _rms(self.layers[self.place].input_layernorm, stream)

    def maps(self, read: Box) -> list[TokenMap]:
        """What each token does to the state."""
        layer = self.layer
        repeat = layer.num_v_heads // layer.num_k_heads
        taps = _array(layer.conv1d.weight)[:, 0, -1]
        ends = np.cumsum([layer.key_dim, layer.key_dim])
        own = {}
        for name, rows in zip("qkv", np.split(np.arange(len(taps)), ends), strict=True):
            box = _linear(_array(getattr(layer, f"{name}_proj").weight), read)
            own[name] = _silu(box * Box(taps[rows], taps[rows]))
        keys = _unit_length(own["k"].heads(layer.num_k_heads, repeat), 1e-6, mean=False)
        values = own["v"].heads(layer.num_v_heads)
        beta = _linear(_array(layer.b_proj.weight), read)
        beta = _rounded_to_one(Box(_sigmoid(beta.low), _sigmoid(beta.high)), 2 * ELEMENTARY * UNIT)
        if layer.allow_neg_eigval:
            beta = Box(2 * beta.low, 2 * beta.high)
        bias, rate = _array(layer.dt_bias), np.exp(_array(layer.A_log))
        step = _linear(_array(layer.a_proj.weight), read) + Box(bias, bias)
        step = Box(np.logaddexp(0, step.low), np.logaddexp(0, step.high)).widened(4 * ELEMENTARY * UNIT + OWN)
        decay = Box(np.maximum(step.low, 0) * rate, step.high * rate).widened(3 * ELEMENTARY * UNIT)
        gate = _rounded_to_one(Box(np.exp(-decay.high), np.exp(-decay.low)), 2 * ELEMENTARY * UNIT)
        found = []
        for t in range(len(read.low)):
            k, v, b = keys[t], values[t], beta[t]
            middle = b.middle[:, None, None] * k.middle[:, :, None] * v.middle[:, None, :]
            key, key_off = np.linalg.norm(k.size, axis=1)[:, None], np.linalg.norm(k.off, axis=1)[:, None]
            most = (np.abs(b.middle) + b.off)[:, None]
            off = b.off[:, None] * key * v.size + most * key_off * v.size + most * key * v.off
            found.append(
                token_map(
                    (gate[t].middle, gate[t].off), [Factor(k.middle, k.off, b.middle, b.off)], (middle, off), UNIT
                )
            )
        return found

    def queries(self, read: Box) -> Box:
        """(n, heads, key)."""
        layer = self.layer
        taps = _array(layer.conv1d.weight)[: layer.key_dim, 0, -1]
        own = _silu(_linear(_array(layer.q_proj.weight), read) * Box(taps, taps))
        own = _unit_length(own.heads(layer.num_k_heads, layer.num_v_heads // layer.num_k_heads), 1e-6, mean=False)
        size = layer.head_k_dim**-0.5
        return Box(own.low * size, own.high * size).widened(2 * UNIT)

    def shown(self, stream: Box, read: Box, query: Box, centres: Floats, radii: Floats) -> Box:
        """What the head reads after one token, (states, hidden), for states within balls."""
        layer = self.layer
        length = np.sqrt((centres**2).sum(axis=2)) + radii
        middle = np.einsum("hk,nhkc->nhc", query.middle, centres)
        size, off = np.linalg.norm(query.size, axis=1)[:, None], np.linalg.norm(query.off, axis=1)[:, None]
        terms = (query.size > 0).sum(axis=1)[:, None]
        off = size * radii + off * length + (terms * 1.01 * UNIT + OWN) * size * length
        normed = _unit_length(Box.around(middle, off), layer.o_norm.variance_epsilon, mean=True)
        weight = _array(layer.o_norm.weight)
        gate = _silu(_linear(_array(layer.g_proj.weight), read)).heads(layer.num_v_heads)
        out = normed * Box(weight, weight) * gate
        out = _linear(_array(layer.o_proj.weight), Box(*(x.reshape(len(x), -1) for x in (out.low, out.high))))
        block = self.layers[self.place]
        stream = stream + out
        stream = stream + self._mlp(block.mlp, _rms(block.post_attention_layernorm, stream))
        for later in self.layers[self.place + 1 :]:
            stream = self._mixed(later, stream)
        return _rms(self.module.model.norm, stream)

    def _mixed(self, layer: Any, stream: Box) -> Box:
        """An attention layer that writes nothing."""
        return stream + _rms(layer.post_feedforward_layernorm, self._mlp(layer.mlp, stream))

    @staticmethod
    def _mlp(mlp: Any, box: Box) -> Box:
        gate, up, down = (_array(getattr(mlp, f"{name}_proj").weight) for name in ("gate", "up", "down"))
        if not down.any():
            zero = np.zeros((*box.low.shape[:-1], len(down)))
            return Box(zero, zero)
        return _linear(down, _silu(_linear(gate, box)) * _linear(up, box))


def _rms(norm: Any, box: Box) -> Box:
    weight = _array(norm.weight)
    return _unit_length(box, norm.variance_epsilon, mean=True) * Box(weight, weight)


def _weighs(part: Any) -> bool:
    return getattr(part, "weight", None) is not None


def _array(tensor: Any) -> Floats:
    found: Floats = tensor.detach().double().cpu().numpy()
    return found


def _float32() -> Any:
    import torch

    return torch.float32


def _checkpoint(model: ForeignModel, table: Integers, outputs: Integers) -> Agreement:
    from ...models.foreign.reading import EVERY

    own = _Checkpoint(model)
    reading = model.reading
    if reading.answer != EVERY:
        raise NotCoveredError("it answers behind the whole word alone")
    ids = sorted({*reading.before, *(i for one in reading.spellings for i in one)})
    place = {token: i for i, token in enumerate(ids)}
    with np.errstate(over="ignore", invalid="ignore"):
        stream, read = own.parts(ids)
        maps, queries = own.maps(read), own.queries(read)
        head = _array(own.module.lm_head.weight)
        rivals = np.arange(len(head)) if reading.among == "all" else np.array(reading.logits)
        right = np.array(reading.logits)[np.where(outputs < 0, 0, outputs)]
        ends: dict[int, set[int]] = {}
        for x, spelt in enumerate(reading.spellings):
            ends.setdefault(spelt[-1], set()).update(table[:, x].tolist())

        def certain(centres: Floats, radii: Floats) -> str:
            for token, reached in ends.items():
                states, i = sorted(reached), place[token]
                try:
                    shown = own.shown(stream[i], read[i], queries[i], centres[states], radii[states])
                except UncertainError as error:
                    return str(error)
                apart = head[right[states]][:, None] - head[rivals]
                sizes = np.abs(head[right[states]])[:, None] + np.abs(head[rivals])
                ahead = np.einsum("nvh,nh->nv", apart, shown.middle)
                ahead -= np.einsum("nvh,nh->nv", np.abs(apart), shown.off) * (1 + OWN)
                ahead -= (head.shape[1] * 1.01 * UNIT + OWN) * np.einsum("nvh,nh->nv", sizes, shown.size)
                ahead[right[states][:, None] == rivals] = 1.0
                wrong = np.argwhere(~(ahead > 0))  # so written that NaN fails
                if len(wrong):
                    return f"logit {rivals[wrong[0, 1]]} may win where {right[states[wrong[0, 0]]]} is right"
            return ""

        layer = own.layer
        start = np.zeros((layer.num_v_heads, layer.head_k_dim, layer.head_v_dim))
        letters = [[maps[place[token]] for token in one] for one in reading.spellings]
        return balls(letters, [maps[place[token]] for token in reading.before], start, table, certain)
