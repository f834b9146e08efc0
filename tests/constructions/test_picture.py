"""Pictures: what is on them, that nothing overlaps or is cut off, the three formats, and refusals."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import combinations

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from subnormal.algebra.depth.families import parse_stack
from subnormal.algebra.input.parser import list_group
from subnormal.common.errors import InputError
from subnormal.constructions.compiler import compile_group
from subnormal.constructions.pictures.content import layer_rows, nodes, tokens_shown
from subnormal.constructions.pictures.layout import DOT, dot_radius, dots, labels, tick_step
from subnormal.constructions.pictures.picture import check_path, draw, picture


def compilation(name, family="aussm", **options):
    return compile_group(list_group(name), parse_stack(family), **options)


def texts(axes):
    return [text.get_text() for text in axes.texts if text.get_text()]


CASES = [
    ("C2", "aussm", {}),
    ("C60", "aussm", {}),
    ("C60", "aussm", {"channels": "primary"}),
    ("C1000", "aussm", {}),
    ("S3", "aussm", {}),
    ("D5", "aussm", {}),
    ("Q8", "negative-mamba", {}),
    ("S4", "negative-mamba,aussm,s4d,negative-mamba", {}),
    ("GL(2,3)", "aussm", {"alphabet": "generators"}),
    ("Heis(3)", "aussm", {}),
    ("C31:C5", "aussm", {}),
]


@pytest.mark.parametrize(("name", "family", "options"), CASES)
def test_no_text_overlaps_or_is_cut_off(name, family, options):
    figure = picture(compilation(name, family, **options))
    renderer = FigureCanvasAgg(figure).get_renderer()
    width, height = figure.bbox.size
    boxes = []
    for text in (text for axes in figure.axes for text in axes.texts if text.get_text()):
        box = text.get_window_extent(renderer)
        assert 0 <= box.x0 < box.x1 <= width, text
        assert 0 <= box.y0 < box.y1 <= height, text
        boxes.append((text.get_text(), box.padded(-1)))
    for (one, box), (other, second) in combinations(boxes, 2):
        assert not box.overlaps(second), (one, other)


@pytest.mark.parametrize(("name", "options"), [("S3", {}), ("S4", {}), ("C60", {}), ("C2xC6", {"channels": "primary"})])
def test_each_token_stands_at_the_phase_it_adds(name, options):
    compiled = compilation(name, **options)
    tokens = tokens_shown(compiled)
    rows, _ = layer_rows(compiled, tokens)
    assert len(tokens) == compiled.group.order
    for row, layer in zip(rows, compiled.cascade.layers, strict=True):
        assert len(row.circles) == len(layer.increments)
        for u, circles in enumerate(row.circles):
            for channel, (circle, n) in enumerate(zip(circles, layer.moduli, strict=True)):
                assert sorted(mark.token for mark in circle.marks) == list(range(len(tokens)))
                for mark in circle.marks:
                    added = layer.increments[u, tokens[mark.token].place, channel]
                    off = math.remainder(math.atan2(mark.y, mark.x) / (2 * math.pi) - added / n, 1)
                    assert abs(off) < 0.5 / n
                    assert math.hypot(mark.x, mark.y) > circle.radius


def test_s4_has_a_circle_for_each_upper_state_and_channel():
    figure = picture(compilation("S4"))
    page, *circles = figure.axes
    assert [axes.get_label() for axes in circles] == [
        "layer 1, state 0, channel 1",
        *(f"layer 2, state {u}, channel 1" for u in range(2)),
        *(f"layer 3, state {u}, channel {channel}" for u in range(6) for channel in (1, 2)),
    ]
    shown = texts(page)
    assert "G = S₄ = (C₂×C₂):(C₃:C₂)" in shown
    assert any(text.startswith("G ▷ G₁ ▷ G₂ ▷ 1,  orders 24, 12, 4, 1") for text in shown)
    assert {"C₂", "C₃", "C₂×C₂", "G splits over G₁", "G splits over G₂"} <= set(shown)
    assert {"Λ⁽³⁾(r₁, r₂, x)", "r₁ = 1,  r₂ = 2"} <= set(shown)
    assert {"(1,2)(3,4)", "(1,2,3,4)"} <= set(shown)
    for axes in circles[1:3]:
        assert {"0", "1/3", "−1/3"} <= set(texts(axes))
        assert {str(token) for token in range(24)} <= set(texts(axes))


def test_s3_names_its_tokens_beside_the_circles():
    page, *circles = picture(compilation("S3")).axes
    assert len(circles) == 3
    for axes in circles:
        assert {"()", "(1,2)", "(1,3)", "(2,3)", "(1,2,3)", "(1,3,2)"} <= set(texts(axes))
    assert "tokens" not in texts(page)


def test_q8_does_not_split():
    page = picture(compilation("Q8", "negative-mamba")).axes[0]
    assert {"G does not split over G₁", "Negative Mamba", "2 channels", "r₁ = (1, 0)"} <= set(texts(page))


def test_what_is_not_shown_is_counted():
    page, *circles = picture(compilation("C2wrC2wrC2")).axes
    shown = texts(page)
    assert any("24 of 128; 104 more not shown" in text for text in shown)
    last = [axes for axes in circles if str(axes.get_label()).startswith("layer 3")]
    assert f"… and {64 - len(last)} more lower states, not shown" in shown
    page, *circles = picture(compilation("C2xC2xC2xC2xC2")).axes
    assert "… and 1 more channel, not shown" in texts(page)
    assert len(circles) == 4


def test_a_layer_that_idles_is_left_out():
    compiled = compilation("S4", "negative-mamba,aussm,s4d,negative-mamba")
    assert [node.order for node in nodes(compiled)] == [24, 12, 4, 1]
    assert [node.name for node in nodes(compiled)] == ["G", "G₁", "G₂", "1"]


@pytest.mark.parametrize("n", [2, 3, 4, 5, 7, 12, 31, 60, 64, 65, 1000])
@pytest.mark.parametrize("count", [1, 8, 40])
def test_dots_do_not_overlap(n, count):
    for residues in ([x % n for x in range(count)], [0] * count, [x * x % n for x in range(count)]):
        marks = dots(residues, n, dot_radius(n)).marks
        assert sorted(mark.token for mark in marks) == list(range(count))
        for a, b in combinations(marks, 2):
            assert math.hypot(a.x - b.x, a.y - b.y) >= 0.98 * DOT


def test_labels_clear_of_the_circle_and_of_each_other():
    circle = labels([0, 1, 2, 0, 1, 2], 3, 0.5, [0.6] * 6)
    assert not circle.crowded
    for mark in circle.marks:
        nearest = math.hypot(max(0, abs(mark.x) - mark.width / 2), max(0, abs(mark.y) - mark.height / 2))
        assert nearest > 0.5
    for a, b in combinations(circle.marks, 2):
        assert abs(a.x - b.x) >= (a.width + b.width) / 2 or abs(a.y - b.y) >= (a.height + b.height) / 2
    assert labels(list(range(24)), 24, 0.5, [0.6] * 24).crowded


@pytest.mark.parametrize(("n", "most", "step"), [(2, 12, 1), (12, 12, 1), (60, 12, 5), (31, 12, 31), (1000, 12, 100)])
def test_tick_step(n, most, step):
    assert tick_step(n, most) == step


@pytest.mark.parametrize(("suffix", "start"), [(".PNG", b"\x89PNG"), (".svg", b"<?xml"), (".pdf", b"%PDF")])
def test_formats(tmp_path, suffix, start):
    compiled = compilation("S3")
    contents = []
    for name in ("first", "second"):
        path = tmp_path / f"{name}{suffix}"
        draw(compiled, path)
        contents.append(path.read_bytes())
    assert contents[0].startswith(start)
    assert contents[0] == contents[1]
    if suffix == ".PNG":
        with Image.open(tmp_path / "first.PNG") as image:
            assert min(image.info["dpi"]) >= 149
            assert image.width >= 1000


def test_names_that_the_font_lacks(tmp_path):
    compiled = compilation("S3")
    compiled = replace(compiled, group=replace(compiled.group, name="$G_1$ 群"))
    assert "G = $G_1$ ? = C₃:C₂" in texts(picture(compiled).axes[0])
    draw(compiled, tmp_path / "strange.png")


@pytest.mark.parametrize("name", ["s3.gif", "s3", "s3.png.txt"])
def test_other_suffixes_are_refused(tmp_path, name):
    with pytest.raises(InputError, match=r"cannot draw .*wanted a name that ends in \.png, \.svg or \.pdf"):
        draw(compilation("S3"), tmp_path / name)
    assert not (tmp_path / name).exists()


def test_paths_that_cannot_be_written_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot write .*there is no folder") as caught:
        check_path(tmp_path / "missing" / "s3.png")
    assert "\n" not in str(caught.value)
    (tmp_path / "folder.png").mkdir()
    with pytest.raises(InputError, match=r"cannot write .*it is a folder"):
        check_path(tmp_path / "folder.png")
    with pytest.raises(InputError, match=r"(?i)cannot write .*name too long"):
        draw(compilation("C2"), tmp_path / ("x" * 300 + ".png"))
