"""Quantities that cannot be below 0, and shares that cannot exceed 1."""

from collections.abc import Iterator

from bench_core.analysis.audit.number import Number, Range
from bench_core.analysis.audit.row import Rows
from bench_core.analysis.audit.rule import Looks, Rule
from bench_core.analysis.audit.table import NUMERIC, SHARES, table
from bench_core.record import Record

POSITIVE = ("latency", "throughput")
"""These are not 0 either; a 0 that is typed may be a little more."""


def _check(rows: Rows) -> Looks:
    for row in rows:
        for field, number in row.numbers():
            fits, must = _held(field, number)
            yield row.unless(fits, number, must, f"no {field} is otherwise")
        for name, value in _counted(row.record) if row.record else ():
            found = f"{name} {value:.9g}"
            yield row.unless(value >= 0, found, "0 or more", f"no {name} is otherwise")


def _held(field: str, number: Number) -> tuple[bool, str]:
    """Whether it can be, and what it must be."""
    if field == "batch":
        return number.low >= 1 and number.low % 1 == 0, "a whole number, 1 or more"
    if field in SHARES:
        share = Range(0.0, 1.0)
        return number.meets(share), number.same_unit(share)
    if field in POSITIVE:
        return number.high > 0, "above 0"
    return number.high >= 0, "0 or more"


def _counted(record: Record) -> Iterator[tuple[str, float]]:
    ready, peak = record.ready_s, record.peak_rss_bytes
    known = {
        "artifact_bytes": record.artifact_bytes,
        "peak_rss_bytes": peak.value if peak else None,
        "wall_s": record.wall_s,
        "ready_s.import_s": ready.import_s if ready else None,
        "ready_s.load_s": ready.load_s if ready else None,
        "ready_s.build_cold_s": ready.build_cold_s if ready else None,
        "ready_s.build_warm_s": ready.build_warm_s if ready else None,
        "ready_s.first_call_s": ready.first_call_s if ready else None,
    }
    yield from ((name, value) for name, value in known.items() if value is not None)


POSSIBLE = Rule(
    name="possible",
    columns=NUMERIC,
    check=_check,
    true=table("batch,latency_ms,accuracy\n8,0.0,100.0\n1,3,99"),
    false=table("batch,latency_ms,accuracy\n2.5,-3,101"),
)
