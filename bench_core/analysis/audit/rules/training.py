"""Baselines in training mode, which nobody deploys: any speed-up over one flatters."""

import re
from collections.abc import Iterator

from bench_core.analysis.audit.row import Row, Rows
from bench_core.analysis.audit.rule import Looks, Rule
from bench_core.analysis.audit.table import table

CALLED = {"baseline", "reference", "original"}
"""What tables call it; the baseline of one that does not is its first row."""


def _check(rows: Rows) -> Looks:
    for base, others in _baselines(rows):
        resting = sum(row.training is False for row in others)
        if base.training is not None and resting:
            why = f"it is the baseline of {resting} that do not train"
            yield base.unless(not base.training, "training yes", "no", why)


def _baselines(rows: Rows) -> Iterator[tuple[Row, list[Row]]]:
    """Each, with the rows that are compared with it."""
    compared: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.ranked_with is not None and row.baseline is not None:
            compared.setdefault((row.ranked_with, row.baseline), []).append(row)
    for row in rows:
        if row.ranked_with is not None and row.name is not None:
            others = compared.get((row.ranked_with, row.name), [])
            yield row, [other for other in others if other is not row]
    typed = [row for row in rows if row.ranked_with is None]
    if typed:
        base = next(filter(_is_called_so, typed), typed[0])
        yield base, [row for row in typed if row is not base]


def _is_called_so(row: Row) -> bool:
    return bool(CALLED & set(re.findall("[a-z]+", (row.name or "").lower())))


TRAINING = Rule(
    name="training",
    columns=("training",),
    check=_check,
    true=table("name,latency_ms,training\neager,20,no\ncompiled,11,no"),
    false=table("name,latency_ms,training\neager,31,yes\ncompiled,11,no"),
)
