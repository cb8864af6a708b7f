"""Energy against power and time.

1 W for 1 ms is 1 mJ, and 3,600 mJ are 1 mWh. A row's latency is that of a call, which takes a
batch; its energy may be meant of that call or of one item of the batch. Of anything else, a run
of a thousand calls or an hour, the table does not say what.
"""

from bench_core.analysis.audit.number import Number, Range
from bench_core.analysis.audit.row import Rows
from bench_core.analysis.audit.rule import Looks, Rule
from bench_core.analysis.audit.table import table


def _check(rows: Rows) -> Looks:
    for row in rows:
        found, power, latency = row.energy, row.power, row.latency
        if found is None or power is None or latency is None:
            continue
        call = power * latency
        fits, must = _fits(found, call, row.batch), _must_be(found, call, row.batch)
        yield row.unless(fits, found, must, f"{power} × {latency} / 3600")


def _fits(found: Number, call: Range, batch: Number | None) -> bool:
    """Of a call or of an item; without a batch, of one of any whole number of items."""
    if batch is None:
        return found.meets(call) or (call / found).holds_whole()
    return found.meets(call) or found.meets(call / batch)


def _must_be(found: Number, call: Range, batch: Number | None) -> str:
    of_call = f"{found.same_unit(call)} (a call)"
    if batch is None:
        return f"{of_call} or a whole part of that (an item)"
    item = call / batch
    return of_call if item == call else f"{of_call} or {found.same_unit(item)} (an item)"


ENERGY = Rule(
    name="energy",
    columns=("power_w", "latency_ms", "energy_mwh", "batch"),
    check=_check,
    true=table(
        "batch,power_w,latency_ms,energy_mwh\n8,30.0,20.0,0.167\n8,30.0,20.0,0.0208\n1,9.5,120,0.32"
    ),
    false=table("batch,power_w,latency_ms,energy_mwh\n8,30.0,20.0,0.6"),
)
