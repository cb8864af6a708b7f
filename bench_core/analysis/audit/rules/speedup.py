"""A speed-up against the latencies that it comes from."""

from bench_core.analysis.audit.example import cell, speedup
from bench_core.analysis.audit.number import Range, span
from bench_core.analysis.audit.row import Rows
from bench_core.analysis.audit.rule import Looks, Rule
from bench_core.record import Latency

WIDENED = 1.05
"""The ratio is a mean over quads and launches, the latencies are medians of all samples: where
these have two humps the quotient of medians may be off by a few per cent."""


def _check(rows: Rows) -> Looks:
    for row in rows:
        if row.record is None or row.record.speedup is None or row.latency is None:
            continue
        found = row.record.speedup
        if row.latency.low <= 0 or found.reference_median_s <= 0:
            continue  # these cannot be to begin with
        follows = found.reference_median_s / row.latency.low
        fits = Range(found.low / WIDENED, found.high * WIDENED).meets(Range(follows, follows))
        said = f"speedup {found.ratio:.3g} ({span(found.low, found.high)})"
        medians = f"reference_median_s {found.reference_median_s:.4g} / {row.latency}"
        why = f"{medians}; 5 % beyond its interval are allowed"
        yield row.unless(fits, said, f"{follows:.3g}", why)


SPEEDUP = Rule(
    name="speedup",
    columns=(),
    check=_check,
    true=cell(
        latency_s=Latency(0.01, 0.01, None, None, None, 9, 1), speedup=speedup(1.9, 1.85, 1.95)
    ),
    false=cell(
        latency_s=Latency(0.01, 0.01, None, None, None, 9, 1), speedup=speedup(1.8, 1.75, 1.85)
    ),
)
