"""Cells for the examples of rules."""

from typing import Any

from bench_core.analysis.audit.row import Rows
from bench_core.analysis.audit.run import cells
from bench_core.record import Record, Speedup


def cell(mode: str = "mode", **fields: Any) -> Rows:
    """One cell that is ok, with these fields of its record and no others."""
    name = f"model|{mode}|length=1|batch=1|cpu|cpu|threads=1"
    known: dict[str, Any] = {"cell": name, "family": "any", "lossy": False, "status": "ok"}
    return cells(Record(**known | fields))


def speedup(ratio: float, low: float, high: float) -> Speedup:
    """Of a duel whose reference took 20 ms."""
    return Speedup("reference", 0.02, ratio, low, high, 0.95, 16, 2, 0.01, (), "precision")
