"""Advice, and the cell that it advises."""

from bench_core.analysis.audit.example import cell, speedup
from bench_core.analysis.audit.row import Row, Rows
from bench_core.analysis.audit.rule import Looks, Rule
from bench_core.analysis.audit.run import advised
from bench_core.analysis.group import Group
from bench_core.cell import Cell
from bench_core.record import Advice

WHY = "it is advised"


def _check(rows: Rows) -> Looks:
    cells = {Cell.parse(row.where): row for row in rows if row.record is not None}
    for row in rows:
        advice = row.advice
        if advice is None or advice.cell is None:
            continue
        lacks = _lacks(cells.get(Cell.parse(advice.cell)), advice)
        yield row.unless(not lacks, f"cell {advice.cell:.120}", lacks, WHY)
        if advice.speedup is not None:
            found = f"speedup.low {advice.speedup.low:.9g}"
            yield row.unless(advice.speedup.low > 1, found, "above 1", WHY)


def _lacks(row: Row | None, advice: Advice) -> str:
    """What the advised cell must be and is not, if anything."""
    if row is None or row.record is None or row.ranked_with != str(Group.parse(advice.group)):
        return "a cell of this file and group"
    if row.record.status != "ok" or row.record.alias_of is not None:
        return "one that was itself measured"
    return "" if row.record.right is True else "right"


_ADVISED = advised(
    Advice(
        "model|length=1|batch=1",
        "model|mode|length=1|batch=1|cpu|cpu|threads=1",
        None,
        speedup(1.9, 1.85, 1.95),
    )
)

ADVICE = Rule(
    name="advice",
    columns=(),
    check=_check,
    true=cell(engaged=True, right=True) + _ADVISED,
    false=cell(engaged=True) + _ADVISED,
)
