"""What follows from the duels of a study, and how it is drawn."""

import itertools
import json
import math
from dataclasses import replace
from io import StringIO
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from bench_core.analysis.lengths import svg
from bench_core.analysis.lengths.flip import Flip, Meeting
from bench_core.analysis.lengths.padding import Padding
from bench_core.analysis.lengths.report import render
from bench_core.analysis.lengths.result import CompiledCall, CompilePass, LengthsResult
from bench_core.record import Record
from invented_lengths import FLIPPING, REFERENCE, ratio, record, study
from strategies import texts

LENGTHS = (16, 64, 128, 256)
factors = st.lists(st.floats(0.5, 2), min_size=8, max_size=8)


def drawn(result: LengthsResult, width: int = 80, *, terminal: bool = True) -> str:
    stream = StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal, no_color=True)
    render(result, console)
    return stream.getvalue()


@given(factors, factors)
def test_what_the_machine_does_between_duels_is_in_no_ratio(ratios, drift):
    """Each duel met another machine; the two modes still stand to each other as they do."""
    pairs = zip(ratios, drift, [(n, m) for n in LENGTHS for m in ("a", "b")], strict=True)
    records = [record(mode, n, ratio(value, 0.1, 1e-3 * slow)) for value, slow, (n, mode) in pairs]
    points = study({REFERENCE: lambda n: 1.0}, LENGTHS, records=tuple(records)).points()
    for number, n in enumerate(LENGTHS):
        one, other = (points[mode][number] for mode in ("a", "b"))
        assert (one.length, other.length) == (n, n)
        expected = ratios[2 * number + 1] / ratios[2 * number]
        assert one.latency_s / other.latency_s == pytest.approx(expected, rel=1e-12)


def test_the_flip_is_found_where_it_was_put():
    flips = {(one.first, one.second): one for one in study(FLIPPING).crossings()}
    found = flips["starts_cheap", "runs_cheap"]
    assert found.length == pytest.approx(100, rel=1e-6)
    assert (found.below, found.above) == (64, 128)
    # 1000 + 60 n = 5000 + 50 n at 400, which nobody measured.
    assert list(flips) == [("starts_cheap", "runs_cheap")]


def test_a_mode_that_jumps_is_met_where_the_points_say_that_it_wins():
    """Its curve climbs where it jumps: the flip lies between 16 and 64, not beside the crossing."""
    jumps = {16: 36e-6, 64: 92e-6, 128: 112e-6, 256: 123e-6}
    steady = {16: 58e-6, 64: 62e-6, 128: 66e-6, 256: 81e-6}
    slow = {REFERENCE: lambda n: 1e-3, "jumps": jumps.get, "steady": steady.get}
    result = study(slow)
    (flip,) = result.crossings()
    assert (flip.first, flip.second, flip.below) == ("jumps", "steady", 16)
    assert flip.length < flip.above
    assert result.curves()["jumps"].off_by > 0.1


def test_the_flip_of_the_fastest_comes_first():
    slow = {"slow": lambda n: 20e-3 + 50e-6 * n, "slower_later": lambda n: 18e-3 + 70e-6 * n}
    flips = study(FLIPPING | slow).crossings()
    assert [(one.first, one.second) for one in flips] == [
        ("starts_cheap", "runs_cheap"),
        ("slower_later", "slow"),
    ]


@pytest.mark.parametrize(
    "lost",
    [
        {"status": "crashed", "speedup": None},
        {"status": "wrong_output"},
        {"right": False},
    ],
)
def test_what_failed_or_is_not_right_is_no_point(lost):
    result = study(FLIPPING)
    spoilt = [replace(r, **lost) if "starts" in r.cell else r for r in result.records]
    result = replace(result, records=tuple(spoilt))
    assert "starts_cheap" not in result.curves()
    assert set(result.curves()) == {REFERENCE, "runs_cheap"}
    assert result.crossings() == []


def test_fewer_than_four_lengths_make_no_curve_and_it_is_said():
    result = study(FLIPPING)
    some = tuple(r for r in result.records if not ("starts" in r.cell and "=256" in r.cell))
    result = replace(result, records=some)
    assert "starts_cheap" not in result.curves()
    assert len(result.points()["starts_cheap"]) == 3
    assert "starts_cheap: no curve, timed at 3 of 4 lengths" in drawn(result)


def full() -> LengthsResult:
    meetings = tuple(Meeting(n, ratio(v)) for n, v in ((64, 1.2), (100, 1.0), (128, 0.8)))
    flip = Flip("starts_cheap", "runs_cheap", 100.2, 64, 128, meetings)
    paddings = [Padding(mode, n, n, None) for mode in (REFERENCE, "runs_cheap") for n in LENGTHS]
    paddings[0] = Padding(REFERENCE, 16, 32, ratio(1.5))
    paddings[4] = Padding("runs_cheap", 16, 32, reason="the padding shows")
    calls = (
        CompiledCall(16, 1, (), 1, 20.0),
        CompiledCall(64, 1, ("size mismatch at index 1", "another"), 1, 30.0),
        CompiledCall(128, 0, (), 0, 0.1),
    )
    passes = (
        CompilePass("default", 8, calls),
        CompilePass("dynamic", reason="RuntimeError: no compiler"),
    )
    return study(FLIPPING, bucket=32, flips=(flip,), padding=tuple(paddings), compile_passes=passes)


def test_it_says_all_of_it():
    text = " ".join(drawn(full(), 200, terminal=False).split())
    for said in (
        "net over tokens: latency, and speed-up against eager_inference_mode",
        "fixed + linear · n + square · n², n in tokens",
        "starts_cheap beats runs_cheap below 100 tokens by the fits; confirmed by duels: "
        "at 64 1.20× (1.18 to 1.22), at 100 1.00× (0.98 to 1.02), at 128 0.80× (0.78 to 0.82); "
        "they change places between 64 and 128",
        "Padding to a multiple of 32: padded / exact",
        "16→32",
        "runs_cheap, 16 padded to 32: the padding shows",
        "default: 2 frames compiled, 2 of them again; 50.1 s in all; at 64 tokens again, 30.0 s: "
        "size mismatch at index 1; at 128 tokens no compiled graph ran, of 1: recompile limit 8",
        "dynamic: RuntimeError: no compiler",
    ):
        assert said in text, said
    # ⁴√1.5 in the mean of one padded and three exact lengths.
    assert f"{1.5**0.25:.2f}×" in text


def test_where_nothing_flips_that_is_said_unless_it_was_stopped():
    level = {REFERENCE: FLIPPING[REFERENCE], "faster": lambda n: 1e-3 + 10e-6 * n}
    assert "no two change places between 16 and 256" in drawn(study(level))
    assert "no two change places" not in drawn(study(level, interrupted="SIGINT"))
    assert "stopped by SIGINT" in drawn(study(level, interrupted="SIGINT"))


@pytest.mark.parametrize("width", [40, 80, 200])
def test_no_figure_is_cut_off_at_any_width(width):
    lengths = tuple(range(16, 16 * 11, 16))
    text = drawn(study(FLIPPING, lengths), width)
    assert "…" not in text
    for length in lengths:
        assert str(length) in text


@settings(deadline=None, max_examples=30)
@given(texts, texts)
def test_no_name_reaches_the_terminal_or_the_picture_raw(name, axis):
    result = study(FLIPPING)
    renamed = tuple(
        record(name, 16 * 2**k, r.speedup, reason=name, status=status)
        for k, (r, status) in enumerate(
            zip(result.records, ["ok"] * 4 + ["error"] * 4, strict=True)
        )
    )
    passes = (CompilePass(name, 8, (CompiledCall(16, 1, (f"{name}{axis}",), 1, 1.0),)),)
    flip = Flip(REFERENCE, name, 30.0, 16, 64, reason=axis)
    result = replace(
        result,
        model=name,
        axis=axis,
        lengths=(16, 32, 64, 128),
        records=renamed[:4],
        flips=(flip,),
        compile_passes=passes,
        padding=(Padding(name, 16, 32, reason=axis),),
        bucket=32,
    )
    text = drawn(replace(result, records=renamed))
    # What rich itself writes is bold and dim alone.
    for mark in ("\x1b[2J", "\x1b]", "\x1b[31m"):
        assert mark not in text
    page = svg.render(result)
    assert ET.fromstring(page).tag.endswith("svg")
    assert "\x1b" not in page


def test_the_picture_has_a_mark_per_point_and_a_line_per_curve():
    page = ET.fromstring(svg.render(full()))
    space = "{http://www.w3.org/2000/svg}"
    marks = page.findall(f"{space}circle[@r='3']")
    assert len(marks) == 3 * len(LENGTHS)
    lines = [path for path in page.findall(f"{space}path") if "L" in path.get("d")]
    assert len(lines) == 3
    rings = page.findall(f"{space}circle[@r='7']/{space}title")
    assert [ring.text for ring in rings] == [
        "starts_cheap below 100, runs_cheap above; confirmed by duels"
    ]
    # Equal steps of the logarithm are equal steps on the page: 64, 128, 256.
    xs = sorted({float(mark.get("cx")) for mark in marks})
    assert xs[2] - xs[1] == pytest.approx(xs[3] - xs[2], abs=0.2)
    assert xs[1] - xs[0] == pytest.approx(2 * (xs[3] - xs[2]), abs=0.3)


def test_there_is_no_picture_of_nothing():
    assert svg.render(study({REFERENCE: lambda n: 1.0})) is None


def test_the_file_holds_every_record_and_the_curves():
    result = full()
    saved = json.loads(json.dumps(result.to_json(), allow_nan=False))["lengths"]
    assert saved["schema"] == 1
    assert tuple(Record.from_json(one) for one in saved["records"]) == result.records
    curve = saved["curves"]["starts_cheap"]
    assert curve["fixed_s"] == pytest.approx(1e-3) and curve["linear_s"] == pytest.approx(60e-6)
    assert saved["flips"][0]["meetings"][0]["speedup"]["ratio"] == 1.2
    assert math.isclose(saved["padding"][0]["cost"]["ratio"], 1.5)


terms = st.tuples(st.floats(1e-6, 1e-2), st.floats(1e-8, 1e-4), st.just(0.0) | st.floats(0, 1e-7))


@given(st.lists(terms, min_size=2, max_size=5))
def test_the_fastest_is_the_lowest_curve_at_every_length(curves):
    def latency(fixed, linear, square):
        return lambda n: fixed + linear * n + square * n * n

    names = [REFERENCE, *(f"mode_{number}" for number in range(len(curves) - 1))]
    result = study({name: latency(*one) for name, one in zip(names, curves, strict=True)})
    fitted, spans = result.curves(), result.fastest()
    assert (spans[0][1], spans[-1][2]) == (16, 256)
    for (one, _, end), (other, start, _) in itertools.pairwise(spans):
        assert end == start and one != other
    for mode, start, end in spans:
        for n in (start, (2 * start + end) / 3, (start + end) / 2, end):
            best_s = min(curve.latency_s(n) for curve in fitted.values())
            assert fitted[mode].latency_s(n) == pytest.approx(best_s, rel=1e-9)


def test_it_ends_with_what_to_run_where():
    text = drawn(full(), 200, terminal=False)
    assert text.rstrip().endswith(
        "Fastest by the fits, in tokens: starts_cheap from 16 to 100, runs_cheap from 100 to 256."
    )
    assert "Fastest" not in drawn(study({REFERENCE: lambda n: 1.0}))
