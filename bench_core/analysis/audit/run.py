"""A saved run, ours or pytest-benchmark's, as rows."""

from collections.abc import Mapping
from typing import Any

from bench_core.analysis.audit.number import Number, exact
from bench_core.analysis.audit.row import Claims, Row, Rows
from bench_core.analysis.group import Group
from bench_core.analysis.load import results
from bench_core.cell import Cell
from bench_core.errors import UsageError
from bench_core.record import Advice, Record, TaskScore, read

QUANTILES = ("min", "q1", "median", "q3", "max")
"""Of pytest-benchmark, as they must rise."""
PERCENTILES = ("p50", "p90", "p95", "p99")
"""Of ours."""


def read_run(data: Any) -> Claims:
    """What JSON holds: key `bench` of ours, key `benchmarks` of pytest-benchmark's, or both.

    Raises: UsageError or ValueError if it holds neither, or not what they should be.
    """
    if not isinstance(data, dict) or not ("bench" in data or "benchmarks" in data):
        raise UsageError(
            "expected a run saved by `bench run` or `pytest --benchmark-json` (key 'bench' or "
            "'benchmarks'), found neither key; a gate's file has verdicts and none of its figures"
        )
    rows: Rows = ()
    if "bench" in data:
        run = results(data)
        rows = cells(*run.cells) + advised(*run.advice)
    return Claims(rows + benchmarks(data.get("benchmarks", [])))


def cells(*records: Record) -> Rows:
    """A row of each."""
    return tuple(map(_of_record, records))


def advised(*advice: Advice) -> Rows:
    """A row of each."""
    return tuple(Row(f"advice for {one.group}", advice=one) for one in advice)


def benchmarks(entries: Any) -> Rows:
    """A row of each entry of pytest-benchmark; what its `stats` lack is not looked at.

    Raises: ValueError for what is no list of entries.
    """
    found = read(tuple[dict[str, Any], ...], entries, "benchmarks")
    return tuple(_of_entry(entry, f"benchmarks[{at}]") for at, entry in enumerate(found))


def _of_record(record: Record) -> Row:
    cell, task, latency = Cell.parse(record.cell), record.task, record.latency_s
    evidence = record.evidence
    return Row(
        where=record.cell,
        name=cell.mode,
        model=cell.model,
        batch=exact("batch", read(float, cell.batch, f"cell {record.cell:.80}")),
        latency=exact("latency_s.p50", latency.p50) if latency else None,
        throughput=_exact("throughput_items_per_s", record.throughput_items_per_s),
        energy=_exact("energy_joules", record.energy_joules),
        accuracy=exact(f"task.{task.name}", task.value) if task else None,
        precision=_score(task, "macro_precision"),
        recall=_score(task, "macro_recall"),
        f1=_score(task, "macro_f1"),
        lossy=record.lossy,
        training=None if evidence is None else evidence.get("training") is True,
        ranked_with=str(Group.of(record.cell)),
        baseline=record.speedup.reference if record.speedup else None,
        quantiles=_known({name: getattr(latency, name, None) for name in PERCENTILES}),
        record=record,
    )


def _of_entry(entry: Mapping[str, Any], where: str) -> Row:
    name = read(str, entry.get("fullname"), f"{where}.fullname")
    stats = read(dict[str, Any], entry.get("stats"), f"{where}.stats")
    values = {
        key: read(float, stats[key], f"{where}.stats.{key}")
        for key in (*QUANTILES, "mean", "ops")
        if stats.get(key) is not None
    }
    return Row(
        where=name,
        batch=exact("calls", 1),
        latency=_exact("mean", values.get("mean")),
        throughput=_exact("ops", values.get("ops")),
        quantiles=_known({key: values.get(key) for key in QUANTILES}),
    )


def _exact(column: str, value: float | None) -> Number | None:
    return None if value is None else exact(column, value)


def _score(task: TaskScore | None, name: str) -> Number | None:
    score = task.also.get(name) if task else None
    return exact(name, score.value) if score else None


def _known(values: Mapping[str, float | None]) -> tuple[tuple[str, float], ...]:
    return tuple((name, value) for name, value in values.items() if value is not None)
