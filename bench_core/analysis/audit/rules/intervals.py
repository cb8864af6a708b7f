"""Values inside their own bounds."""

from collections.abc import Iterator

from bench_core.analysis.audit.example import cell, speedup
from bench_core.analysis.audit.number import Range
from bench_core.analysis.audit.row import Row, Rows
from bench_core.analysis.audit.rule import Looks, Rule
from bench_core.record import BreakEven, Interval, Speedup, TaskScore

Bounded = Speedup | TaskScore | Interval | BreakEven | None


def _check(rows: Rows) -> Looks:
    for row in rows:
        for name, value, low, high in _intervals(row):
            inside = Range(value, value).meets(Range(low, high))
            must = f"{low:.9g} to {high:.9g}"
            yield row.unless(inside, f"{name} {value:.9g}", must, "those are its bounds")


def _intervals(row: Row) -> Iterator[tuple[str, float, float, float]]:
    """Bootstrap intervals, of macro scores, are left out: they may lie beside the value."""
    held: dict[str, Bounded] = {}
    if (record := row.record) is not None:
        held |= {"speedup": record.speedup, "break_even_calls": record.break_even_calls}
        held |= {"task": record.task, "task.change": record.task.change if record.task else None}
    if (advice := row.advice) is not None:
        held |= {"speedup": advice.speedup, "playoff": advice.playoff}
        held |= {"break_even_calls": advice.break_even_calls}
    for name, one in held.items():
        if one is None:
            continue
        value = one.ratio if isinstance(one, Speedup) else one.value
        if value is not None and one.low is not None and one.high is not None:
            yield name, value, one.low, one.high


INTERVALS = Rule(
    name="intervals",
    columns=(),
    check=_check,
    true=cell(speedup=speedup(1.9, 1.85, 1.95)),
    false=cell(speedup=speedup(2.0, 1.85, 1.95)),
)
