"""What became of a cell, and what is said of it beside."""

from collections.abc import Iterator

from bench_core.analysis.audit.example import cell
from bench_core.analysis.audit.row import Rows
from bench_core.analysis.audit.rule import Looks, Rule
from bench_core.errors import NotEngaged
from bench_core.record import Record


def _check(rows: Rows) -> Looks:
    for row in rows:
        if row.record is not None:
            why = f"status is {row.record.status:.40}"
            for found, fits, must in _beside(row.record):
                yield row.unless(fits, found, must, why)


def _beside(record: Record) -> Iterator[tuple[str, bool, str]]:
    """Each fact that the status decides, whether it fits, and what it must be."""
    reason, engaged = f"reason {record.reason!r:.60}", f"engaged {record.engaged}"
    right = f"right {record.right}"
    if record.status == "ok":
        yield reason, record.reason is None, "None"
        yield engaged, record.engaged is True, "True"
        return
    yield reason, bool(record.reason), "a text"
    yield right, record.right is not True, "False or None"
    if record.status == NotEngaged.status:
        yield engaged, record.engaged is not True, "False or None"


STATUS = Rule(
    name="status",
    columns=(),
    check=_check,
    true=cell(engaged=True),
    false=cell(engaged=True, reason="killed by SIGSEGV"),
)
