"""Percentiles rise."""

from itertools import pairwise

from bench_core.analysis.audit.row import Rows
from bench_core.analysis.audit.rule import Looks, Rule
from bench_core.analysis.audit.run import benchmarks


def _check(rows: Rows) -> Looks:
    for row in rows:
        for (lower, before_s), (upper, after_s) in pairwise(row.quantiles):
            found, must = f"{upper} {after_s:.9g} s", f"{before_s:.9g} s or more"
            yield row.unless(before_s <= after_s, found, must, f"that is {lower}")
        if row.record and (latency := row.record.latency_s):
            found, must = f"median {latency.median:.9g} s", f"{latency.p50:.9g} s"
            yield row.unless(latency.median == latency.p50, found, must, "that is p50")


def _entry(**stats: float) -> list[dict[str, object]]:
    return [{"fullname": "test_x", "stats": stats}]


PERCENTILES = Rule(
    name="percentiles",
    columns=(),
    check=_check,
    true=benchmarks(_entry(min=1e-3, q1=1e-3, median=1.2e-3, q3=1.3e-3, max=9e-3)),
    false=benchmarks(_entry(min=1e-3, q1=1e-3, median=1.4e-3, q3=1.3e-3, max=9e-3)),
)
