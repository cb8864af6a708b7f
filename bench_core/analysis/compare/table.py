"""The table of what changed between saved runs."""

from collections.abc import Callable, Iterable

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from bench_core.analysis.compare.changes import Comparison
from bench_core.analysis.compare.latency import METRIC, Judged
from bench_core.analysis.compare.match import cell_of
from bench_core.analysis.compare.spread import ABSOLUTE
from bench_core.analysis.units import duration, percent, points, size, visible
from bench_core.analysis.verdict import (
    BETTER,
    FAILED,
    GONE,
    NEW,
    SKIPPED,
    UNSURE,
    WITHIN,
    WORSE,
    Verdict,
)

ORDER = (GONE, FAILED, WORSE, UNSURE, BETTER, NEW, SKIPPED, WITHIN)
STYLES = {GONE: "red", FAILED: "red", WORSE: "red", UNSURE: "yellow", BETTER: "green"}


def change_table(rows: Iterable[Judged], comparison: Comparison) -> Table:
    """The changed cells first, each kind by how far off it is."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for header in ("cell", "verdict", "of"):
        table.add_column(header, overflow="fold")
    for header in ("before", "after", "change", "limit"):
        table.add_column(header, justify="right", overflow="fold")
    table.add_column("why", overflow="fold")
    for judged in sorted(rows, key=_changed_first):
        verdict = judged.verdict
        shown = _unit(verdict.metric, comparison.basis)
        limit = "" if not verdict.limit else percent(verdict.limit)
        values = ["" if v is None else shown(v) for v in (judged.before, judged.after)]
        cells = (label(verdict.cell, comparison), verdict.kind, verdict.metric.replace("_", " "))
        said = (*cells, *values, change_text(verdict), limit, verdict.reason or "")
        style = STYLES.get(verdict.kind, "dim" if verdict.kind == SKIPPED else "")
        # As Text, or rich would read markup in them.
        table.add_row(*(Text(visible(text)) for text in said), style=style)
    return table


def _changed_first(judged: Judged) -> tuple[int, float, str]:
    verdict = judged.verdict
    return ORDER.index(verdict.kind), -distance(verdict), verdict.cell


def distance(verdict: Verdict) -> float:
    """Of a change from none, in limits; 0 where there is no number."""
    if verdict.change is None:
        return 0.0
    value = verdict.change.value
    none = 0.0 if verdict.metric == "task" else 1.0
    # Of a ratio either way: half and double are as far.
    away = abs(value) if none == 0 else max(value, 1 / value if value else value) - 1
    return away / verdict.limit if verdict.limit else away


def label(name: str, comparison: Comparison) -> str:
    """`minilm 128 ort_all_online`, and of the axes that are not as usual; theirs as it is."""
    if not comparison.ours:
        return name
    cell = cell_of(name, comparison.basis)
    parts = [cell.model, str(cell.length), cell.mode]
    parts += [f"batch {cell.batch}"] if cell.batch != 1 else []
    parts += [f"on {cell.provider}"] if cell.provider != "cpu" else []
    parts += [f"on {cell.device}"] if cell.device != "cpu" else []
    return " ".join(parts)


def _unit(metric: str, basis: str) -> Callable[[float], str]:
    """How its values read."""
    if metric == METRIC:
        return duration if basis == ABSOLUTE else _times
    return size if metric == "artifact_bytes" else percent


def change_text(verdict: Verdict) -> str:
    """With its bounds; of a task in points."""
    change = verdict.change
    if change is None:
        return ""
    if verdict.metric == "task":
        low, high = points(change.low, sign=True), points(change.high, sign=True)
        return f"{points(change.value, sign=True)} ({low} to {high})"
    if change.low == change.high:
        return _times(change.value)
    low, high = (_times(bound).removesuffix("×") for bound in (change.low, change.high))
    return f"{_times(change.value)} ({low} to {high})"


def _times(ratio: float) -> str:
    return f"{ratio:.2f}×" if 0.1 <= ratio < 1000 else f"{ratio:.3g}×"
