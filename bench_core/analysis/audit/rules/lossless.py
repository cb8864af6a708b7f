"""Modes that change nothing but roundings, and the task's score."""

from bench_core.analysis.audit.number import Number
from bench_core.analysis.audit.row import Row, Rows
from bench_core.analysis.audit.rule import Looks, Rule
from bench_core.analysis.audit.table import SHARES, table


def _check(rows: Rows) -> Looks:
    """Each against the first of its model that is lossless too; a table is read as one model's."""
    first: dict[tuple[str | None, str], tuple[Row, Number]] = {}
    for row in rows:
        if row.lossy is not False:
            continue
        for field, score in row.numbers():
            if field not in SHARES:
                continue
            other, its = first.setdefault((row.model, field), (row, score))
            if other is not row:
                why = f"lossless as {other.where} is, which has {its}"
                yield row.unless_in(score, its, why)
        if row.record and row.record.task and (change := row.record.task.change):
            found = f"task.change {change.value:.9g}"
            yield row.unless(change.value == 0, found, "0", "the mode is lossless")


LOSSLESS = Rule(
    name="lossless",
    columns=("lossy", *SHARES),
    check=_check,
    true=table("name,lossy,accuracy\nfp32,no,76.1\ncompiled,no,76.13\nint8,yes,75.2"),
    false=table("name,lossy,accuracy\nfp32,no,76.1\ncompiled,no,75.2"),
)
