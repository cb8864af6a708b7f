"""Work no faster than the machine can do any."""

from bench_core.analysis.audit.example import cell
from bench_core.analysis.audit.number import Range
from bench_core.analysis.audit.row import Rows
from bench_core.analysis.audit.rule import Looks, Rule
from bench_core.record import Latency, Work


def _check(rows: Rows) -> Looks:
    for row in rows:
        if row.record is None or row.record.work is None:
            continue
        work, latency = row.record.work, row.latency
        found = f"work.fraction_of_peak {work.fraction_of_peak:.9g}"
        why = "the peak, the operations counted or the latency is wrong"
        yield row.unless(work.fraction_of_peak <= 1, found, "1 at most", why)
        if latency is None or latency.low <= 0 or work.peak_flops_per_s <= 0:
            continue
        follows = work.flops / latency.low / work.peak_flops_per_s
        fits = Range(follows, follows).meets(Range(work.fraction_of_peak, work.fraction_of_peak))
        why = f"flops {work.flops:.4g} / {latency} / peak {work.peak_flops_per_s:.4g}"
        yield row.unless(fits, found, f"{follows:.9g}", why)


PEAK = Rule(
    name="peak",
    columns=(),
    check=_check,
    true=cell(latency_s=Latency(0.5, 0.5, None, None, None, 9, 1), work=Work(4.0, 10.0, 0.8)),
    false=cell(latency_s=Latency(0.5, 0.5, None, None, None, 9, 1), work=Work(6.0, 10.0, 1.2)),
)
