"""The sentence, clause by clause, and who may be in it."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.analysis.advice import candidates, sentences
from bench_core.analysis.load import Results
from bench_core.cell import Cell
from bench_core.record import Advice, BreakEven, Record
from invented import REFERENCE, SESSION, lost, minilm, ok, run, speedup
from strategies import records


def said(advice: Advice, *cells: Record) -> str:
    (sentence,) = sentences(Results(SESSION, cells, (advice,)))
    return sentence


def test_the_sentence_of_the_invented_run():
    assert sentences(run()) == [
        "minilm on this machine: for 16 tokens, keep eager_inference_mode (ort_all_online was not "
        "faster in a duel of its own); for 128 tokens, int8_dynamic: 2.3× (2.2 to 2.4), recall@1 "
        "−0.2 points (−0.6 to 0.2), pays after 140 calls.",
        "mlp on this machine: for 64 features, keep eager_inference_mode (no mode has a task to "
        "be judged by).",
    ]


@pytest.mark.parametrize(
    ("calls", "said_of_it"),
    [
        (BreakEven(0.0, 0.0, 12.0, None), "pays at once"),
        (BreakEven(1249.2, 1100.0, 1400.0, None), "pays after 1,250 calls"),
        (BreakEven(None, None, None, "unknown"), "unknown when it pays"),
        (BreakEven(None, None, None, "never"), "never pays"),
        (None, "unchanged"),
    ],
)
def test_the_clause_ends_with_when_it_pays(calls, said_of_it):
    record = ok("ort_all_online", 1.4)
    group = Cell.parse(record.cell).group
    advice = Advice(group, record.cell, None, speedup(1.4, 0.02), break_even_calls=calls)
    assert said(advice, record).endswith(f"{said_of_it}.")


def test_what_is_inherited_is_unchanged():
    record = ok("ort_all_online", 1.374)
    advice = Advice(Cell.parse(record.cell).group, record.cell, None, speedup(1.374, 0.0248))
    assert said(advice, record) == (
        "minilm on this machine: for 128 tokens, ort_all_online: 1.37× (1.34 to 1.41), "
        "recall@1 unchanged."
    )


def test_a_provider_a_batch_and_an_unknown_length_are_spelt_out():
    cell = str(Cell("vit[b]\n", "ort_all_online", 224, 8, "cuda", "CUDAExecutionProvider"))
    advice = Advice(Cell.parse(cell).group, cell, None, speedup(4.02, 0.02))
    assert said(advice) == (
        "vit[b]\\n on this machine: for 224 in batches of 8, ort_all_online on "
        "CUDAExecutionProvider: 4.0× (3.9 to 4.1)."
    )


def test_candidates_are_right_and_fastest_first():
    names = [Cell.parse(record.cell).mode for record in candidates(minilm(128, 0.0248))]
    assert names == [
        "int8_dynamic", "ort_all_online", "compile_freezing", "compile_max_autotune_no_cudagraphs",
        "eager_no_grad", "eager_as_loaded",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "wrong_output"},
        {"right": False},
        {"right": None},
        {"alias_of": "compile_default"},
        {"speedup": None},
        {"cell": str(Cell("minilm", REFERENCE, 128))},
    ],
)
def test_who_is_no_candidate(changes):
    good = ok("int8_dynamic", 2.3, task=lost(0.859, -0.002, -0.006, 0.002))
    assert candidates([good]) == [good]
    assert candidates([replace(good, **changes)]) == []


@given(st.lists(records(), max_size=6, unique_by=lambda r: r.cell), st.randoms())
def test_the_order_of_candidates_is_that_of_speed_whatever_the_order_of_records(found, random):
    chosen = candidates(found)
    speeds = [record.speedup.ratio for record in chosen]
    assert speeds == sorted(speeds, reverse=True)
    random.shuffle(found)
    assert candidates(found) == chosen
