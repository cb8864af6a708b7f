"""What a gate shows on a terminal."""

import doctest
import io
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from bench_core.analysis.gate import words
from bench_core.analysis.gate.report import render
from bench_core.analysis.verdict import NEW, UNSURE, WITHIN, WORSE
from invented_gate import calm, gate, latency, status
from strategies import gate_results

WIDTHS = (80, 100, 120, 200)


def drawn(result, width=200, *, terminal=True, colour=None):
    file = io.StringIO()
    render(result, Console(file=file, width=width, force_terminal=terminal, color_system=colour))
    return file.getvalue()


def kinds(text):
    """The first column of the table."""
    table = text[text.index("─\n") :].splitlines()[1:]
    rows = table[: table.index("")] if "" in table else table
    return [line.split()[0] for line in rows if line[:1].strip()]


@settings(max_examples=200)
@given(gate_results(), st.sampled_from(WIDTHS), st.booleans())
def test_whatever_was_found_can_be_drawn_and_moves_no_cursor(result, width, terminal):
    text = drawn(result, width, terminal=terminal)
    assert all(line.isprintable() for line in text.split("\n"))
    assert " ".join(text.split()).endswith(f"(exit code {result.exit_code})")
    assert "…" not in text or "…" in str(result)


@pytest.mark.parametrize("width", WIDTHS)
def test_nothing_is_cut_off_and_nothing_sticks_out(width):
    text = drawn(gate(), width)
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width


def test_a_pipe_has_each_row_and_each_sentence_on_one_line():
    text = drawn(gate(), 80, terminal=False)
    said = "smallest change it could have found: 8.1 %"
    assert re.search(
        f"^unsure .*compile_default.* 24 +cannot be gated at 5 % .*; {said}", text, re.MULTILINE
    )
    assert text.splitlines()[-1].startswith("worse: 2 cells are slower than origin/main")
    assert text.splitlines()[-1].endswith("(exit code 1)")


def test_the_gravest_is_first():
    assert kinds(drawn(gate())) == [
        "worse", "worse", "worse", "worse", "gone", "failed", "unsure", "better", "watch", "new",
        "skipped", "within",
    ]  # fmt: skip


def test_a_row_holds_the_figures_of_its_verdict():
    lines = drawn(gate()).splitlines()
    row = next(line for line in lines if re.search("int8_dynamic +latency", line))
    assert re.split(" {2,}", row.strip()) == [
        "worse", "minilm 128 · int8_dynamic", "latency", "+9.8 % (+8.6 to +11.0)", "5 %", "6",
    ]  # fmt: skip
    row = next(line for line in lines if " task " in line)
    assert "−1.2 points (−2.0 to −0.4)  any loss" in row
    assert row.strip().endswith("of 2,412 items 41 were lost, 12 gained")


def test_many_cells_within_are_counted_and_not_listed():
    few, many = drawn(calm(30)), drawn(calm(31))
    assert len(kinds(few)) == 30
    assert "mode_" not in many
    said = "latency 31 (largest change +0.3 %), artefact 31 (largest change 0.00 %)"
    assert f"within their limits: {said}" in many
    assert many.rstrip().endswith("ok: 31 cells, none found worse than origin/main (exit code 0)")


def test_the_head_says_what_was_compared_and_how_long_it_took():
    first, second, third = drawn(gate()).splitlines()[:3]
    assert first == (
        "AMD EPYC 9B14, 2 cores · 1 thread · python 3.11.7, torch 2.13.0, onnxruntime 1.31.1"
    )
    assert second == (
        "base origin/main 0123456789 → head the working tree fedcba9876, dirty · "
        "python 3.11.7, lock 0f1e2d3c"
    )
    assert third == "10 cells · latency limit 5 % · 2 min 26 s"


def test_environments_that_differ_are_told_apart():
    other = replace(gate().head, environment="python 3.12.1")
    second = drawn(gate(head=other)).splitlines()[1]
    assert second == (
        "base origin/main 0123456789 (python 3.11.7, lock 0f1e2d3c) → "
        "head the working tree fedcba9876, dirty (python 3.12.1)"
    )


def test_the_sentinels_spread_is_about_no_change_at_all():
    assert "mlp 1024 · eager_inference_mode 0.80 %, mlp 1 · eager_inference_mode 1.4 %" in drawn(
        gate()
    )
    assert "A/A today: not measured" in drawn(gate(sentinels={}))
    many = {f"sentinel {number}": (0.01,) for number in range(9)}
    assert "sentinel 5 1.0 %, 3 more" in drawn(gate(sentinels=many))


def test_what_an_unsure_verdict_says_of_itself_is_not_said_twice():
    text = drawn(gate(latency("bf16", UNSURE, 4.0, reason="run it again", smallest=0.07)))
    assert "run it again; smallest change it could have found: 7 %" in text
    assert "cannot be gated" not in text


def test_an_invalid_session_says_why_and_what_stands():
    text = drawn(gate(latency("bf16", UNSURE, 4.0), invalid="it spread\x1b by 6 %"))
    assert "since base against itself did not hold still: it spread\\x1b by 6 %" in text
    assert "what is gone, fails, grew in bytes or lost in its task stands" in text
    assert "could not judge: 1 verdict is unsure; no timing was judged" in text


def test_the_injected_slowdown_is_reported_as_achieved():
    text = drawn(gate(slowdown=0.05, injected={"a": 0.0490, "b": 0.0524}))
    assert "injected slowdown: asked for 5 %, achieved 4.9 % to 5.2 %" in text
    assert "injected" not in drawn(gate())


def test_what_lies_between_the_null_and_the_limit_is_said():
    assert "a true slowdown between 0.4 % and 2 % may come out" in drawn(gate(threshold=0.02))


@pytest.mark.parametrize(
    ("result", "ends"),
    [
        (gate(latency("bf16", WORSE, 6.0)), "worse: 1 cell is slower than origin/main, by 6.0 % "
         "(exit code 1)"),
        (gate(status("bf16", NEW)), "could not judge: nothing was judged (exit code 3)"),
        (gate(latency("a", UNSURE, 1), latency("b", WITHIN, 0), allow_unsure=True),
         "ok: 2 cells, none found worse than origin/main; 1 verdict is unsure, as --allow-unsure "
         "lets pass (exit code 0)"),
        (replace(calm(2), interrupted="SIGINT"),
         "interrupted: interrupted by SIGINT before every cell was judged (exit code 130)"),
        (replace(calm(2), interrupted="SIGTERM"),
         "interrupted: interrupted by SIGTERM before every cell was judged (exit code 143)"),
    ],
)  # fmt: skip
def test_the_last_sentence_is_the_outcome(result, ends):
    assert drawn(result).splitlines()[-1] == ends


@pytest.mark.parametrize("name", ["[/b]", "[red]x", ":smile:", "{base}", "%s"])
def test_nothing_in_a_name_is_markup(name):
    result = gate(replace(latency("x", WORSE, 9.0), cell=name, reason=name))
    text = drawn(replace(result, base=replace(result.base, name=name)), colour="truecolor")
    assert text.count(name) >= 4


@given(st.floats(-0.9, 9), st.floats(0, 0.5))
def test_a_change_and_its_bounds_are_rounded_alike(share, half):
    texts = [words.signed(each, abs(share) + half) for each in (share, share - half)]
    assert len({len(text.partition(".")[2]) for text in texts}) == 1
    value = float(texts[0].replace("−", "-").replace(",", "")) / 100
    assert value == pytest.approx(share, abs=0.00051)


def test_the_examples_in_the_docstrings():
    assert doctest.testmod(words).attempted >= 2
    assert doctest.testmod(words).failed == 0
