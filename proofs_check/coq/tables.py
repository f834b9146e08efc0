"""The exporter: a certified folder as the text of numbers that the verified checker reads (`parse` in Checker.v).

This is what has to be trusted beside Coq: that the numbers are those of the folder.

    1 n degree  elements  k generators…  m alphabet…  layers  (exponent d moduli…  rows increments…)…  n decode…
      exponent layers value expression                                                    for `tracks`
    2 n degree  elements  k generators…  exponent order  k generators…  k (words expression…)…   for `never`

An expression is 0 e (an element), 1 a b (a commutator) or 2 a (a power).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...algebra.depth.families import BLOCKS, FAMILIES
from ...common.errors import InputError
from ...common.reading import read_json
from ...constructions.artifact import load_cascade


@dataclass(frozen=True)
class Tables:
    """What the checker reads, and the figures of its claim.

    Arguments:
        lines: the text; every line ends with a newline.
        kind: "tracks" or "never".
        figures: order, layers, least number of layers, exponent; for "never" the exponent alone.
    """

    lines: tuple[str, ...]
    kind: str
    figures: tuple[int, ...]

    @property
    def text(self) -> str:
        return "".join(self.lines)


def tables_of(folder: Path) -> Tables:
    """The tables of a certified folder.

    Raises:
        InputError: there is no certificate, or the files cannot be read.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    path = folder / "certificate.json"
    if not path.exists():
        raise InputError(f"{folder}: no certificate.json there; write one with `certify {folder}`")
    certificate = read_json(path, wanted=f"write it again with `certify {folder}`")
    if isinstance(certificate, dict) and certificate.get("family") in BLOCKS:
        raise InputError(
            f"{folder}: a claim about layers of blocks, which the checker in Coq does not read; leave --coq out"
        )
    try:
        if certificate["kind"] == "never":
            return never_tables(load_file(folder / "group.safetensors")["elements"], certificate)
        cascade, _, _ = load_cascade(folder)
        layers = [(layer.family, np.array(layer.moduli), layer.increments) for layer in cascade.layers]
        return tracks_tables(cascade.elements, cascade.alphabet, layers, cascade.decode, certificate)
    except (KeyError, TypeError, ValueError, AttributeError, OSError, SafetensorError) as error:
        problem = " ".join(str(error).split())[:100]
        raise InputError(f"{folder}: certificate.json or the arrays are damaged ({problem})") from None


def tracks_tables(
    elements: NDArray,
    alphabet: NDArray,
    layers: Sequence[tuple[str, NDArray, NDArray]],
    decode: NDArray,
    certificate: dict[str, Any],
) -> Tables:
    """The tables of a cascade.

    Arguments:
        elements: permutations, shape (n, degree).
        alphabet: the element of each token, shape (tokens,).
        layers: from layer 1 upwards: the family's name, the moduli, shape (channels,), and the increments, shape
            (lower states, tokens, channels).
        decode: the element of each state, shape (n,).
        certificate: the content of `certificate.json`.

    Raises:
        ValueError, KeyError, TypeError: a number is negative, or a field is missing or of another type.
    """
    bound = certificate["lower_bound"]
    lines = ["1\n", *_elements(elements), _counted(certificate["generators"]), _counted(alphabet), _line([len(layers)])]
    for family, moduli, increments in layers:
        lines += [_line([FAMILIES[family].exponent]), _counted(moduli), _line([len(increments)])]
        lines += [_line(row.ravel().tolist()) for row in increments]
    lines.append(_counted(decode))
    lines.append(
        _line([bound["exponent"], bound["layers"], bound["value"], *expression(bound["expression"], bound["exponent"])])
    )
    figures = (len(elements), len(layers), bound["layers"], bound["exponent"])
    return Tables(tuple(lines), "tracks", figures)


def never_tables(elements: NDArray, certificate: dict[str, Any]) -> Tables:
    """The tables of a group that no number of layers tracks. Arguments and errors as for `tracks_tables`."""
    residual, exponent = certificate["residual"], FAMILIES[certificate["family"]].exponent
    lines = ["2\n", *_elements(elements), _counted(certificate["generators"]), _line([exponent, residual["order"]])]
    lines += [_counted(residual["generators"]), _line([len(residual["products"])])]
    for words in residual["products"]:
        lines.append(_line([len(words), *(number for word in words for number in expression(word, exponent))]))
    return Tables(tuple(lines), "never", (exponent,))


def expression(tree: Any, exponent: int) -> list[int]:
    """A nested expression of `certificate.json` in prefix form. Raises `TypeError` for what is none."""
    if isinstance(tree, int) and not isinstance(tree, bool):
        return [0, tree]
    if isinstance(tree, dict) and set(tree) == {"power", "of"} and tree["power"] == exponent:
        return [2, *expression(tree["of"], exponent)]
    if isinstance(tree, list) and len(tree) == 2:
        return [1, *expression(tree[0], exponent), *expression(tree[1], exponent)]
    raise TypeError(f"{str(tree)[:40]} is no expression")


def _elements(elements: NDArray) -> Iterable[str]:
    yield _line(elements.shape)
    for row in elements:
        yield _line(row.tolist())


def _counted(numbers: Any) -> str:
    return _line([len(numbers), *(numbers.tolist() if isinstance(numbers, np.ndarray) else numbers)])


def _line(numbers: Iterable[Any]) -> str:
    found = list(numbers)
    if any(type(x) is not int or x < 0 for x in found):
        raise ValueError("a number is negative, or none")
    return " ".join(map(str, found)) + "\n"
