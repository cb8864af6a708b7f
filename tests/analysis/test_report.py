"""What is on the screen, and that nothing falls off it."""

import io
import re
from dataclasses import replace
from urllib.parse import unquote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from bench_core.analysis.load import Results
from bench_core.analysis.report import PIPE_WIDTH, render
from bench_core.analysis.units import visible
from bench_core.cell import Cell
from bench_core.record import BreakEven
from invented import REFERENCE, SESSION, lost, mlp, ok, run, speedup
from strategies import records

WIDTHS = (100, 120, 150, 200)


def drawn(
    results: Results, width: int = 200, *, terminal: bool = True, colour: str | None = None
) -> str:
    file = io.StringIO()
    render(results, Console(file=file, width=width, force_terminal=terminal, color_system=colour))
    return file.getvalue()


def row(text: str, mode: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(mode))


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_off_and_nothing_sticks_out(width):
    text = drawn(run(), width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width
    for record in run().cells:
        assert Cell.parse(record.cell).mode[:20] in text


def test_a_pipe_gets_every_column_whatever_its_width():
    text = drawn(run(), 80, terminal=False)
    assert "ready" in text
    assert "warm" in text
    assert len(row(text, "int8_dynamic").rstrip()) > 120
    assert "2.3× (2.2 to 2.4), recall@1 −0.2 points (−0.6 to 0.2), pays after 140 calls." in text
    assert PIPE_WIDTH >= 150


def test_rows_are_sorted_by_speed_and_what_is_not_right_is_set_apart():
    text = drawn(run())
    table = text[text.index("minilm · 128 tokens") :]
    modes = re.findall(r"^(\w+) +[\d.]+ [mµ]s", table[: table.index("set apart")], re.MULTILINE)
    assert modes == [
        "int8_dynamic", "ort_all_online", "compile_freezing", "compile_max_autotune_no_cudagraphs",
        "eager_no_grad", REFERENCE, "eager_as_loaded", "ort_int8_dynamic", "eager_train",
    ]  # fmt: skip


def test_a_row_holds_the_figures_of_its_record():
    text = drawn(Results(SESSION, tuple(run().cells[13:26])))
    assert re.split(" {2,}", row(text, "ort_all_online").rstrip()) == [
        "ort_all_online", "18.1 ms", "24.8 ms", "1.37× (1.34–1.40)", "118 dB", "same", "90.9 MB",
        "214 MB", "6.78 s", "380 ms", "at once",
    ]  # fmt: skip
    assert re.split(" {2,}", row(text, "int8_dynamic").rstrip()) == [
        "int8_dynamic", "10.7 ms", "24.8 ms", "2.31× (2.25–2.37)", "26 dB", "−0.2 (−0.6, 0.2)",
        "23.1 MB", "412 MB", "12.0 s", "3.92 s", "140 (120–165)",
    ]  # fmt: skip
    assert "reference" in row(text, REFERENCE)
    assert "86.1 %" in row(text, REFERENCE)


@pytest.mark.parametrize(
    ("low", "high", "begins"),
    [(1.01, 1.05, "1.03×"), (0.99, 1.07, "≈1.03×"), (1.0, 1.06, "≈1.03×")],
)
def test_a_speed_up_that_may_be_none_is_marked(low, high, begins):
    duel = replace(speedup(1.03, 0.02), low=low, high=high)
    text = drawn(Results(SESSION, (ok("channels_last", 1.03, speedup=duel),)))
    assert f" {begins} (" in row(text, "channels_last")


def test_what_failed_is_told_once_with_its_reason_the_gravest_first():
    text = drawn(run())
    told = text[text.index("Not ranked") : text.index("Warnings")]
    assert re.findall(r"^(\w+(?: \w+)?)  ", told, re.MULTILINE) == [
        "crashed", "wrong output", "skipped", "unsupported",
    ]  # fmt: skip
    assert "minilm 16, 128; mlp 64" in told
    assert "signal 11 (SIGSEGV)" in told


def test_untrusted_text_is_shown_and_not_obeyed():
    text = drawn(run(), colour="truecolor")
    assert "[red]LayerNorm[/red] has no bf16 kernel\\x1b[31m here" in text
    assert "\x1b[31m here" not in text


@pytest.mark.parametrize("text", ["[/b]", "[red]x", ":smile:", "a\x1b[2J"])
def test_nothing_in_a_table_is_markup(text):
    task = replace(lost(0.8, -0.01, -0.02, 0.0), name=text)
    why = BreakEven(None, None, None, text)
    cell = str(Cell(text, text, 128))
    record = ok("int8_dynamic", 2.3, task=task, break_even_calls=why, alias_of=None, cell=cell)
    shown = drawn(Results({}, (record, ok("ort", 1.3, alias_of=text))))
    assert shown.count(visible(text)) >= 5


def test_the_session_and_its_doubts_are_on_top_and_below():
    text = drawn(run())
    first, second = text.splitlines()[:2]
    assert "AMD EPYC 9B14, 2 cores · 2 threads · python 3.11.7" in first
    assert "0123456789, dirty" in first
    assert "scipy" not in first
    assert "compute 0.61 % in 4 launches, 1.1 % with the prior; " in second
    assert "dispatch not measured, 1.3 % assumed" in second
    assert text.index("Warnings") < text.index("! a virtual machine") < text.index("Advice")
    assert "! the exporter left 3 constants unfolded [ort_all_online (mlp 64)]" in text


def test_a_model_without_a_task_shows_no_empty_column():
    text = drawn(Results(SESSION, tuple(mlp())))
    assert "points" not in text
    assert "ranked, never advised" in text


def test_an_alias_is_named_and_not_ranked():
    said = "compile_max_autotune: the same program as compile_max_autotune_no_cudagraphs"
    assert f"{said}, measured once" in drawn(run())


def test_what_int8_modes_leave_in_float_is_said_once():
    left = {"float_operators": {"gelu": 6, "layer_norm": 13}}
    cells = [replace(record, evidence=left) for record in mlp()[1:3]]
    text = drawn(Results(SESSION, tuple(cells)))
    said = "stays float, without an int8 form or among floats: 6× gelu, 13× layer_norm"
    assert text.count("stays float") == 1
    assert f"{said} (torchscript_freeze, ort_all_online)" in text


def test_one_line_a_row_fits_120_columns_with_the_default_modes():
    cells = [r for r in run().cells if "autotune" not in r.cell]
    text = drawn(Results(SESSION, tuple(cells)), 120)
    assert "1.37× (1.34–1.40)" in row(text, "ort_all_online")


@settings(max_examples=50)
@given(st.lists(records(), max_size=4, unique_by=lambda r: r.cell), st.sampled_from(WIDTHS))
def test_whatever_is_recorded_can_be_drawn(cells, width):
    text = drawn(Results({}, tuple(cells)), width)
    assert "…" not in text or "…" in unquote(str(cells))
