"""Percentiles that enough samples were taken for."""

import math

from bench_core.analysis.audit.example import cell
from bench_core.analysis.audit.row import Rows
from bench_core.analysis.audit.rule import Looks, Rule
from bench_core.analysis.statistics import SEEN_BEYOND
from bench_core.record import Latency

SHARES = {"p90": 0.90, "p95": 0.95, "p99": 0.99}


def _check(rows: Rows) -> Looks:
    """By n ≥ ln 0.01 / ln p samples one beyond p was seen, at 99 %."""
    for row in rows:
        if row.record is None or row.record.latency_s is None:
            continue
        samples, calls = row.record.latency_s.samples, row.record.latency_s.calls_per_sample
        for name, value_s in row.quantiles:
            if name not in SHARES:
                continue
            least = math.ceil(math.log(1 - SEEN_BEYOND) / math.log(SHARES[name]))
            found = f"{name} {value_s:.9g} s"
            why = f"it takes {least} samples of one call, there are {samples} of {calls}"
            yield row.unless(samples >= least and calls == 1, found, "null", why)


PERCENTILE_SAMPLES = Rule(
    name="percentile_samples",
    columns=(),
    check=_check,
    true=cell(latency_s=Latency(1e-3, 1e-3, 2e-3, None, None, 44, 1)),
    false=cell(latency_s=Latency(1e-3, 1e-3, 2e-3, None, None, 43, 1)),
)
