"""What a comparison says on the screen."""

import io
import re
import shlex
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from bench_core.analysis.compare.changes import Comparison, changes
from bench_core.analysis.compare.report import render_comparison
from bench_core.analysis.compare.saved import SavedCell, SavedRun
from bench_core.cell import Cell
from bench_core.errors import Incomparable
from strategies import saved_runs

REVISION = "0123456789abcdef"


def drawn(comparison: Comparison, width: int = 200, *, terminal: bool = True) -> str:
    file = io.StringIO()
    render_comparison(
        comparison, Console(file=file, width=width, force_terminal=terminal, color_system=None)
    )
    return file.getvalue()


def run(*cells: SavedCell, **other: object) -> SavedRun:
    known = {"file": "run.json", "ours": True, "conditions": {"machine": "EPYC"}, "dirty": False}
    known |= {"revision": REVISION, "cells": {cell.name: cell for cell in cells}}
    return SavedRun(**{**known, **other})


def cell(mode: str, median_s: float | None = 1.0, **other: object) -> SavedCell:
    axes = {name: other.pop(name) for name in ("batch", "provider") if name in other}
    name = str(Cell("minilm", mode, other.pop("length", 16), threads=2, **axes))
    return SavedCell(name, other.pop("status", "ok"), median_s=median_s, **other)


@settings(max_examples=40, deadline=None)
@given(saved_runs(), saved_runs(), st.sampled_from([40, 100, 200]))
def test_any_comparison_is_drawn_whole_and_without_control_characters(one, other, width):
    comparison = changes([one], replace(other, file="\x1b[2J[red].json"))
    text = drawn(comparison, width)
    assert all(character.isprintable() or character == "\n" for character in text)
    assert "…" not in text
    assert "\\x1b[2J[red].json" in text
    assert text.rstrip().endswith(f"(exit {comparison.exit_code}).")


@settings(max_examples=40, deadline=None)
@given(saved_runs(), saved_runs(torch="2.14"))
def test_ratios_say_that_they_are_and_why(one, other):
    try:
        comparison = changes([one], other)
    except Incomparable:
        return
    text = drawn(comparison)
    assert "ratios to the reference in the same run are compared" in text
    assert "torch: not recorded → 2.14" in text


def test_the_changed_come_first_with_their_ratio_and_its_bounds():
    before = run(*(cell(f"mode_{n}") for n in range(6)))
    after = run(
        cell("mode_0"), cell("mode_1", 1.2), cell("mode_2", 0.5), cell("mode_3", status="crashed"),
        cell("mode_4", artifact_bytes=7),
    )  # fmt: skip
    text = drawn(changes([before], after))
    rows = re.findall(r"^minilm 16 (mode_\d) +(\w+)", text, re.MULTILINE)
    assert rows == [("mode_5", "gone"), ("mode_3", "failed"), ("mode_1", "unsure"),
                    ("mode_2", "better"), ("mode_0", "within"), ("mode_4", "within")]  # fmt: skip
    assert re.search(
        r"mode_1 +unsure +latency +1.00 s +1.20 s +1.20× \(1.10 to 1.31\) +14.0 %", text
    )
    assert "Flagged from 14.0 % (3.72 · 2.66 % · √(1 + 1/N), N = 1 saved file;" in text
    assert "found 95 times in 100 only from 20.2 %" in text
    assert "Gone or failing: 1 gone, 1 newly failing, 1 for a duel to confirm, 1 better, " in text


def test_many_unchanged_are_counted():
    many = run(*(cell(f"mode_{n}") for n in range(40)))
    text = drawn(
        changes([many], replace(many, cells={**many.cells, **run(cell("mode_9", 1.05)).cells}))
    )
    assert "40 figures are within their limits, the furthest minilm 16 mode_9 (1.05×" in text
    assert text.count("mode_") == 1
    assert "Nothing flagged: 40 within their limits; a saved file only screens (exit 0)." in text


def test_the_duel_that_can_tell_is_offered_for_the_flagged_cells_alone():
    names = ("a", "b c", "d")
    before = run(*(cell(name, provider="cuda") for name in names), cell("e", batch=8, length=4))
    after = run(cell("a", 2.0, provider="cuda"), cell("b c", 2.0, provider="cuda"),
                cell("d", provider="cuda"), cell("e", 2.0, batch=8, length=4))  # fmt: skip
    lines = [line.strip() for line in drawn(changes([before], after), 60).splitlines()]
    commands = [line for line in lines if line.startswith("nox")]
    start = f"nox -s gate -- --base {REVISION} --models minilm --modes"
    assert commands == [f"{start} 'a,b c' --lengths 16 --providers cuda",
                        f"{start} e --lengths 4 --batch 8"]  # fmt: skip
    assert shlex.split(commands[0])[9] == "a,b c"


def test_a_model_of_the_users_own_is_named_in_it_by_its_place():
    places = {"minilm": "./my nets/minilm.onnx"}
    before, after = run(cell("a"), places={"minilm": "moved"}), run(cell("a", 2.0), places=places)
    (command,) = re.findall("nox .*", drawn(changes([before], after)))
    assert shlex.split(command)[6:8] == ["--models", places["minilm"]]
    (command,) = re.findall("nox .*", drawn(changes([after], run(cell("a", 4.0)))))
    assert shlex.split(command)[6:8] == ["--models", places["minilm"]]


@pytest.mark.parametrize(
    ("other", "said"),
    [
        ({"dirty": True}, "run.json is of a tree with changes nobody committed"),
        ({"revision": None}, "run.json is of no revision"),
    ],
)
def test_it_is_said_where_no_duel_can_be_offered(other, said):
    text = drawn(changes([run(cell("a"), **other)], run(cell("a", 2.0))))
    assert f"No duel can be offered: {said}" in text
    assert REVISION not in text


def test_another_projects_benchmarks_are_not_sent_to_our_gate():
    plain = [run(SavedCell("t.py::test", "ok", median_s=s), ours=False) for s in (1.0, 2.0)]
    text = drawn(changes(plain[:1], plain[1]))
    assert "run the flagged ones of 0123456789 and of today in turn on one machine" in text
    assert "nox" not in text


def test_a_pipe_cuts_nothing():
    long = "x" * 300
    text = drawn(changes([run(cell(long))], run()), 80, terminal=False)
    assert long in re.sub(r"\s", "", text)


def test_what_could_not_be_judged_is_not_called_flagged():
    text = drawn(changes([run(cell("a"))], run(cell("a", None))))
    assert "Could not judge: 1 without figures to compare (exit 3)." in text
    assert "nox" not in text
    assert "Could not judge: there is no cell (exit 3)." in drawn(changes([run()], run()))
