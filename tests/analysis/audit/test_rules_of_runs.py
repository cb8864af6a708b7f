"""What a saved run can say that cannot be true: one fact of a true one changed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench_core.analysis.audit.example import cell, speedup
from bench_core.analysis.audit.files import look
from bench_core.analysis.audit.run import advised, cells, read_run
from bench_core.analysis.load import load
from bench_core.cell import Cell
from bench_core.record import BreakEven, Interval, Record

RUN = load(Path("results/reference_default.json"))


def of(model: str, mode: str) -> Record:
    return next(r for r in RUN.cells if Cell.parse(r.cell).model == model
                and Cell.parse(r.cell).mode == mode)  # fmt: skip


def found(*records: Record, advice=()) -> set[str]:
    return {name for name, _ in look(cells(*records) + advised(*advice)).findings}


INT8, ORT = of("minilm", "int8_dynamic"), of("minilm", "ort_all_online")
COMPILED = of("minilm", "compile_default")
SKIPPED = of("minilm", "channels_last")


def slower(record: Record, times: float) -> Record:
    """With another p50, and what follows from it."""
    latency, work = record.latency_s, record.work
    p50 = latency.p50 * times
    return replace(
        record,
        latency_s=replace(latency, median=p50, p50=p50, p90=None, p95=None, p99=None),
        throughput_items_per_s=1 / p50,
        work=replace(work, fraction_of_peak=work.fraction_of_peak / times),
    )


def inside(record: Record, part: str, **fields: object) -> Record:
    return replace(record, **{part: replace(getattr(record, part), **fields)})


def changed_by(record: Record, low: float, right: bool) -> Record:
    task = replace(record.task, change=Interval(0.0, low, 0.01))
    return replace(record, right=right, task=task)


@pytest.mark.parametrize(
    ("rule", "record"),
    [
        ("throughput", replace(INT8, throughput_items_per_s=INT8.throughput_items_per_s * 1.01)),
        ("speedup", slower(INT8, 1.3)),
        ("speedup", slower(INT8, 0.7)),
        ("percentiles", inside(INT8, "latency_s", p90=INT8.latency_s.p50 / 2)),
        ("percentiles", inside(INT8, "latency_s", median=INT8.latency_s.p50 * 1.001)),
        ("percentile_samples", inside(INT8, "latency_s", samples=12)),
        ("percentile_samples", inside(INT8, "latency_s", calls_per_sample=3)),
        ("intervals", inside(INT8, "speedup", low=INT8.speedup.ratio * 1.01)),
        ("intervals", inside(INT8, "task", high=INT8.task.value - 0.01)),
        ("intervals", inside(INT8, "break_even_calls", high=INT8.break_even_calls.value / 2)),
        ("break_even", inside(INT8, "speedup", high=1.0, ratio=0.9, low=0.8)),
        ("peak", inside(INT8, "work", fraction_of_peak=1.2)),
        ("peak", inside(INT8, "work", flops=INT8.work.flops * 1.01)),
        ("possible", replace(INT8, artifact_bytes=-1)),
        ("possible", inside(INT8, "ready_s", load_s=-0.1)),
        ("status", replace(INT8, engaged=False)),
        ("status", replace(INT8, reason="killed")),
        ("status", replace(SKIPPED, reason=None)),
        ("status", replace(SKIPPED, right=True)),
        ("status", replace(SKIPPED, status="not_engaged", engaged=True)),
        ("right", changed_by(INT8, -0.02, right=True)),
        ("right", changed_by(INT8, -0.005, right=False)),
        ("right", inside(INT8, "task", change=None)),
        ("right", replace(COMPILED, right=None)),
        ("lossless", replace(INT8, lossy=False)),
        ("provider", replace(ORT, evidence={"providers": {"CUDAExecutionProvider": 4}})),
        (
            "provider",
            replace(
                ORT,
                cell=ORT.cell.replace("|cpu|cpu|", "|cuda|cuda|"),
                evidence={"providers": {"CUDAExecutionProvider": 4, "CPUExecutionProvider": 1}},
            ),
        ),
    ],
)
def test_one_fact_changed_is_found(rule, record):
    assert not found(INT8, ORT, COMPILED, SKIPPED)
    assert rule in found(record)


def test_a_provider_that_ran_all_is_the_one_claimed():
    there = replace(
        ORT,
        cell=ORT.cell.replace("|cpu|cpu|", "|cuda|cuda|"),
        evidence={"providers": {"CUDAExecutionProvider": 4}},
    )
    assert "provider" not in found(there)


def test_a_lossless_mode_whose_score_is_another():
    other = inside(COMPILED, "task", value=COMPILED.task.value - 0.001)
    assert found(ORT, other) == {"lossless"}


def test_a_reference_in_training_mode():
    reference = replace(
        COMPILED,
        cell=COMPILED.cell.replace("compile_default", COMPILED.speedup.reference),
        evidence={"training": True},
    )
    assert found(reference, COMPILED) == {"training"}
    assert not found(replace(reference, evidence={"training": False}), COMPILED)
    assert not found(of("minilm", "eager_train"), COMPILED)  # shown, but nobody's reference


def test_advice_for_what_is_not_right_not_faster_or_not_there():
    advice = next(a for a in RUN.advice if a.cell and a.speedup)
    record = next(r for r in RUN.cells if r.cell == advice.cell)
    assert not found(record, advice=[advice])
    assert "advice" in found(replace(record, alias_of="other"), advice=[advice])
    assert "advice" in found(INT8, advice=[advice])
    slow = inside(advice, "speedup", low=0.9)
    assert "advice" in found(record, advice=[slow])
    assert "intervals" in found(record, advice=[inside(advice, "speedup", low=99.0)])
    played = replace(advice, playoff=replace(advice.speedup, low=99.0))
    assert found(record, advice=[played]) == {"intervals"}
    elsewhere = replace(advice, group=advice.group.replace("batch=1", "batch=2"))
    assert found(record, advice=[elsewhere]) == {"advice"}


def test_bounds_the_wrong_way_round_hold_nothing():
    turned = inside(INT8, "speedup", low=INT8.speedup.high, high=INT8.speedup.low)
    assert "intervals" in found(turned)


@pytest.mark.parametrize(
    ("low", "high", "reason"),
    [(0.8, 1.0, "never"), (0.9, 1.1, "unknown"), (1.0, 1.1, "unknown")],
)
def test_what_a_speedup_that_is_none_makes_of_break_even(low, high, reason):
    def names(said: str) -> set[str]:
        rows = cell(
            engaged=True,
            speedup=speedup(low, low, high),
            break_even_calls=BreakEven(None, None, None, said),
        )
        return {name for name, _ in look(rows).findings}

    assert names(reason) == set()
    assert names("never" if reason == "unknown" else "unknown") == {"break_even"}


def test_a_cell_that_is_not_engaged_has_said_itself_where_it_ran():
    evidence = {"providers": {"CUDAExecutionProvider": 4}}
    other = replace(SKIPPED, status="not_engaged", engaged=False, evidence=evidence)
    assert not found(other)


def entry(**stats: float) -> dict:
    known = {"min": 1e-3, "q1": 2e-3, "median": 2e-3, "q3": 3e-3, "max": 4e-3, "mean": 2e-3}
    return {"fullname": "tests/test_x.py::test_x", "stats": {**known, "ops": 500.0, **stats}}


@pytest.mark.parametrize(
    ("rule", "stats"),
    [
        ("percentiles", {"q1": 0.5e-3}),
        ("percentiles", {"max": 2.5e-3}),
        ("throughput", {"ops": 400.0}),
        ("possible", {"mean": -2e-3}),
    ],
)
def test_of_pytest_benchmark(rule, stats):
    def names(run: object) -> set[str]:
        return {name for name, _ in look(read_run(json.loads(json.dumps(run))).rows).findings}

    assert not names({"benchmarks": [entry()]})
    assert rule in names({"benchmarks": [entry(**stats)]})


def test_a_batch_beyond_any_number_is_refused():
    record = replace(INT8, cell=INT8.cell.replace("batch=1", f"batch={'9' * 400}"))
    with pytest.raises(ValueError, match="expected a finite number"):
        cells(record)
