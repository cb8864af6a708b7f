"""Whether a mode pays at all, and its speed-up."""

from bench_core.analysis.audit.example import cell, speedup
from bench_core.analysis.audit.row import Rows
from bench_core.analysis.audit.rule import Looks, Rule
from bench_core.record import BreakEven, Speedup


def _check(rows: Rows) -> Looks:
    for row in rows:
        held = row.record or row.advice
        if held is None or held.speedup is None or held.break_even_calls is None:
            continue
        found, must = _said(held.break_even_calls), _must_be(held.speedup)
        why = f"the speed-up is {held.speedup.low:.4g} to {held.speedup.high:.4g}"
        yield row.unless(found == must, f"break_even_calls {found}", must, why)


def _must_be(speedup: Speedup) -> str:
    if speedup.high <= 1:
        return "never"
    return "unknown" if speedup.low <= 1 else "a number"


def _said(calls: BreakEven) -> str:
    return str(calls.reason)[:40] if calls.value is None else "a number"


BREAK_EVEN = Rule(
    name="break_even",
    columns=(),
    check=_check,
    true=cell(
        speedup=speedup(1.9, 1.85, 1.95), break_even_calls=BreakEven(90.0, 80.0, 100.0, None)
    ),
    false=cell(speedup=speedup(0.9, 0.8, 1.0), break_even_calls=BreakEven(90.0, 80.0, 100.0, None)),
)
