"""What is shown of an explanation: one sentence, a table, a picture."""

import doctest
import io
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from bench_core.analysis.explain import layers, words
from bench_core.analysis.explain.difference import explain
from bench_core.analysis.explain.report import Found, Side, render
from bench_core.analysis.explain.roofline import Ceiling, Layer, Roofline
from bench_core.analysis.explain.scaling import scaling
from bench_core.analysis.explain.waterfall import waterfall
from bench_core.analysis.explain.words import sentence
from invented_profiles import duel, estimate, explanations, made, profile, profiles, row
from strategies import texts

FLOAT = profile(("MatMul", 2.0e-3), ("LayerNormalization", 2e-4), profiled_s=2.5e-3, plain_s=2.5e-3)
INT8 = profile(
    ("MatMul", 1.0e-3),
    ("DynamicQuantizeLinear", 1.3e-3),
    ("LayerNormalization", 2e-4),
    profiled_s=2.8e-3,
    plain_s=2.8e-3,
)
SLOWER = explain(FLOAT, INT8, duel(2.5e-3, 2.8e-3))
sides = st.builds(
    Side, texts, profiles, st.none() | st.just(scaling(4, 3, estimate(0.3, 0.1), 2)),
    st.none() | texts,
)  # fmt: skip


def drawn(found, a, b, width=200, *, terminal=True):
    file = io.StringIO()
    roof = Roofline(
        (Layer("a\x1b[2J", 1e6, 2e5), Layer("", 0, 1e5)), Ceiling("float32", 1e9, 1e9), None
    )
    console = Console(file=file, width=width, force_terminal=terminal)
    render(Found(found, a, b, roof), {}, console)
    return re.sub(r"\x1b\[[\d;]*m", "", file.getvalue())


@settings(max_examples=100)
@given(explanations, sides, sides, st.sampled_from([80, 120, 200]), st.booleans())
def test_whatever_was_found_can_be_drawn_and_moves_no_cursor(found, a, b, width, terminal):
    text = drawn(found, a, b, width, terminal=terminal)
    assert all(line.isprintable() for line in text.split("\n"))
    assert "unexplained" in text


@settings(max_examples=100)
@given(explanations, st.text(st.characters(codec="utf-8"), max_size=60), texts)
def test_the_picture_is_xml_whatever_the_names_are(found, a, b):
    root = ET.fromstring(waterfall(found, a, b))
    shown = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "unexplained" in shown
    width = float(root.get("width"))
    for bar in root.iter("{http://www.w3.org/2000/svg}rect"):
        left = float(bar.get("x", 0))
        assert left >= 0 and left + float(bar.get("width")) <= width + 0.1


def test_the_picture_leads_from_one_call_to_the_other():
    root = ET.fromstring(waterfall(SLOWER, "float", "<int8>"))
    space = "{http://www.w3.org/2000/svg}"
    _, *drawn_bars = root.iter(f"{space}rect")
    bars = [(float(bar.get("x")), float(bar.get("width"))) for bar in drawn_bars]
    shown = [text.text for text in root.iter(f"{space}text")]
    assert shown[1:6] == [
        "float",
        "2.50 ms",
        "quantising and dequantising",
        "+1.30 ms",
        "matrix products",
    ]
    assert "<int8>" in shown
    # 420 px are 3.8 ms, the longest that it gets: from 2.5 up to 3.8, and 1 back to 2.8.
    per_ms = 420 / 3.8
    assert bars[0] == pytest.approx((250, 2.5 * per_ms), abs=0.1)
    assert bars[1] == pytest.approx((250 + 2.5 * per_ms, 1.3 * per_ms), abs=0.1)
    assert bars[2] == pytest.approx((250 + 2.8 * per_ms, 1.0 * per_ms), abs=0.1)
    assert bars[-1] == pytest.approx((250, 2.8 * per_ms), abs=0.1)


def test_a_slower_mode_is_told_in_one_sentence():
    assert sentence(SLOWER, "ort_all_online", "ort_int8_dynamic") == (
        "ort_int8_dynamic is 300 µs slower than ort_all_online (274 µs to 327 µs): it saves "
        "1.00 ms in matrix products and pays 1.30 ms for quantising and dequantising"
    )


def test_a_faster_mode_is_told_so():
    found = explain(INT8, FLOAT, duel(2.8e-3, 2.5e-3))
    assert sentence(found, "int8", "float").startswith("float is 300 µs faster than int8 (274 µs")


def test_a_difference_that_the_duel_cannot_tell_is_none():
    found = explain(FLOAT, FLOAT, duel(2.5e-3, 2.51e-3))
    said = sentence(found, "a", "b")
    assert said.startswith(
        "b takes as long as a, as far as the duel can tell (−15.0 µs to +35.1 µs)"
    )


def test_much_that_is_unexplained_is_said_first():
    found = explain(FLOAT, FLOAT, duel(2.5e-3, 3.5e-3))
    said = sentence(found, "a", "b")
    assert said.startswith("1.00 ms of what follows is unexplained")
    assert said.endswith("b is 1.00 ms slower than a (970 µs to 1.03 ms)")


def test_the_largest_part_stands_first_and_the_total_last():
    text = drawn(SLOWER, Side("float", FLOAT, None, None), Side("int8", INT8, None, None))
    table = text[text.index("where the time goes") :].split("\n\n")[0]
    order = [line.split("  ")[0].strip() for line in table.splitlines()]
    wanted = [
        "quantising and dequantising",
        "matrix products",
        "unexplained",
        "a call, by the duel",
    ]
    assert [line for line in order if line in wanted] == wanted
    assert "none | DynamicQuantizeLinear" in table


def test_what_must_be_known_is_said():
    beside = profile(("MatMul", 5e-3), profiled_s=2.5e-3, plain_s=2.5e-3)
    lost = scaling(4e-3, 2.5e-3, estimate(0.47, 0.0), 2)
    text = drawn(
        SLOWER, Side("float", beside, lost, None), Side("int8", INT8, None, "no int8 node"), 300
    )
    assert "float: its operators add up to 200.0 % of the call" in text
    assert "int8 did not do what its name says: no int8 node" in text
    assert "float: 4.00 ms on 1 thread, 2.50 ms on 2; +50" in text
    assert "int8: a profiler adds 0 s to a call of 2.80 ms" in text


def test_layers_are_shown_where_both_have_them():
    def named(node, taken_s):
        return made((row("MatMul", taken_s, node=node),), taken_s, taken_s)

    both = explain(named("/a/b/MatMul", 2.0), named("/a/b/MatMul", 3.0), duel(2, 3))
    assert [(one.name, one.difference_s) for one in both.layers] == [
        ("a/b", pytest.approx(1)), ("no layer", pytest.approx(0)),
    ]  # fmt: skip
    side = Side("m", named("/a/b/MatMul", 2.0), None, None)
    assert "layers that differ most" in drawn(both, side, side)
    one = explain(named("/a/b/MatMul", 2.0), named("MatMul", 3.0), duel(2, 3))
    assert one.layers == ()
    assert "layers that differ most" not in drawn(one, side, side)


@pytest.mark.parametrize("module", [words, layers])
def test_the_examples_in_the_docstrings(module):
    assert doctest.testmod(module).failed == 0


def test_how_far_each_is_from_what_the_machine_allows():
    """1 ms for 1e6 operations, and 0.1 ms for 1e5 bytes; the other's dtype has no known peak."""
    text = drawn(SLOWER, Side("float", FLOAT, None, None), Side("int8", INT8, None, None))
    assert (
        "float: 2.3× the 1.10 ms of its roofline in float32, at 1.00 GFLOP/s and 1.00 GB/s" in text
    )
    assert "int8: no roofline" in text
    assert "is beaten by" not in text
    table = text[text.index("layers by their roofline") :].split("\n\n")[0]
    assert re.search(r"a\\x1b\[2J +1.00 M +200 kB +1.00 ms \(FLOP\)", table)
    assert re.search(r"the model +0 +100 kB +100 µs \(bytes\)", table)


def test_a_roofline_that_is_beaten_is_told():
    quick = explain(FLOAT, FLOAT, duel(1e-3, 1e-3))
    side = Side("float", FLOAT, None, None)
    assert "float: 0.91× the 1.10 ms" in drawn(quick, side, side)
    assert "is beaten by what stays in a cache" in drawn(quick, side, side)


def test_a_part_that_neither_spends_anything_on_has_no_row():
    both = profile(("MatMul", 2e-3), ("Transpose", 0.0), profiled_s=2e-3, plain_s=2e-3)
    side = Side("m", both, None, None)
    text = drawn(explain(both, both, duel(2e-3, 2e-3)), side, side)
    assert "matrix products" in text and "changing layouts" not in text
