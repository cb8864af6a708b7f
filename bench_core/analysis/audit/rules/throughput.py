"""Items a second, of calls one after the other."""

from bench_core.analysis.audit.number import Range
from bench_core.analysis.audit.row import Rows
from bench_core.analysis.audit.rule import Looks, Rule
from bench_core.analysis.audit.table import table

ONE = Range(1.0, 1.0)


def _check(rows: Rows) -> Looks:
    """Without a batch, throughput · latency may be any whole number of items."""
    for row in rows:
        found, latency = row.throughput, row.latency
        if found is None or latency is None:
            continue
        if row.batch is not None:
            yield row.unless_in(found, row.batch / latency, f"{row.batch} / {latency}")
        else:
            must = f"a multiple of {found.same_unit(ONE / latency)}"
            fits = (found * latency).holds_whole()
            yield row.unless(fits, found, must, f"whole items / {latency}")


THROUGHPUT = Rule(
    name="throughput",
    columns=("batch", "latency_ms", "throughput"),
    check=_check,
    true=table("batch,latency_ms,throughput\n8,20,400\n8,20.0,401\n1,15.4,65"),
    false=table("batch,latency_ms,throughput\n8,20.0,410"),
)
