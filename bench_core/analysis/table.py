"""One table: the cells of one model and length, fastest first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from bench_core.analysis.units import count, duration, points, size, visible
from bench_core.cell import Cell
from bench_core.record import Record

ABSENT = "–"
OF_THE_REFERENCE, OF_THE_OTHERS = "bold", ""


@dataclass(frozen=True)
class _Column:
    header: str
    cell: Callable[[Record], str | Text]
    no_wrap: bool = True


def duel_table(title: Text, records: Sequence[Record]) -> Table:
    """The `ok` cells of one group. Below the line: those that must not be advised."""
    table = Table(
        title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False
    )
    columns = [c for c in _columns(records) if any(str(c.cell(r)) != ABSENT for r in records)]
    table.add_column("mode", no_wrap=True, overflow="fold")
    for column in columns:
        table.add_column(column.header, justify="right", no_wrap=column.no_wrap, overflow="fold")
    ranked = sorted((r for r in records if r.right is not False), key=_by_speed)
    below = sorted((r for r in records if r.right is False), key=_by_speed)
    for record in [*ranked, *below]:
        style = "bold" if is_reference(record) else "dim" if record.right is False else ""
        last = bool(below) and bool(ranked) and record is ranked[-1]
        cells = [column.cell(record) for column in columns]
        table.add_row(Text(mode_of(record)), *cells, style=style, end_section=last)
    return table


def mode_of(record: Record) -> str:
    """The mode, and the provider where there is more than one to think of."""
    cell = Cell.parse(record.cell)
    return visible(cell.mode if cell.provider == "cpu" else f"{cell.mode} ({cell.provider})")


def is_reference(record: Record) -> bool:
    """The cell that its group is timed against has no duel, or one with itself."""
    if record.speedup is None:
        return record.status == "ok" and record.alias_of is None
    return Cell.parse(record.cell).mode == record.speedup.reference


def task_name(records: Sequence[Record]) -> str:
    names = (r.task.name for r in records if r.task is not None)
    return visible(next(names, "task")).replace("_at_", "@").replace("_", " ")


def _by_speed(record: Record) -> float:
    return -record.speedup.ratio if record.speedup is not None else -1.0


def _columns(records: Sequence[Record]) -> list[_Column]:
    return [
        _Column("p50", _p50),
        _Column("reference p50", _reference_p50, no_wrap=False),
        _Column("speed-up", _speedup, no_wrap=False),
        _Column("fidelity", _fidelity),
        _Column(f"{task_name(records)} points", _task, no_wrap=False),
        _Column("artefact", lambda r: ABSENT if r.artifact_bytes is None else size(r.artifact_bytes)),
        _Column("peak RSS", lambda r: size(r.peak_rss_bytes.value) if r.peak_rss_bytes else ABSENT),
        _Column("ready cold", lambda r: duration(r.ready_s.cold_s) if r.ready_s else ABSENT, False),
        _Column("ready warm", lambda r: duration(r.ready_s.warm_s) if r.ready_s else ABSENT, False),
        _Column("pays after calls", _break_even, no_wrap=False),
    ]


def _p50(record: Record) -> str:
    return duration(record.latency_s.p50) if record.latency_s is not None else ABSENT


def _reference_p50(record: Record) -> str:
    if record.speedup is None or is_reference(record):
        return ABSENT
    return duration(record.speedup.reference_median_s)


def _speedup(record: Record) -> Text:
    """≈ where the interval holds 1, green where it is wholly above, red where below."""
    speedup = record.speedup
    if is_reference(record):
        return Text("reference")
    if speedup is None:
        return Text(ABSENT)
    digits = 2 if speedup.ratio < 10 else 1
    low, high = f"{speedup.low:.{digits}f}", f"{speedup.high:.{digits}f}"
    text = f"{speedup.ratio:.{digits}f}× ({low}–{high})"
    if speedup.low > 1:
        return Text(text, style="green")
    return Text(text, style="red") if speedup.high < 1 else Text(f"≈ {text}", style="yellow")


def _fidelity(record: Record) -> str:
    fidelity = record.fidelity
    if fidelity is None:
        return ABSENT
    return "exact" if fidelity.sqnr_db is None else f"{fidelity.sqnr_db:.0f} dB"


def _task(record: Record) -> Text:
    """The change in points; a score that is inherited, or has none to change from, is words."""
    task = record.task
    if task is None:
        return Text(ABSENT)
    if task.change is None:
        return Text("same" if task.inherited_from is not None else f"{100 * task.value:.1f} %")
    change = task.change
    text = f"{points(change.value, sign=True)} ({points(change.low)} to {points(change.high)})"
    return Text(text, style="red" if record.right is False else "")


def _break_even(record: Record) -> str:
    calls = record.break_even_calls
    if calls is None or is_reference(record):
        return ABSENT
    if calls.value is None or calls.low is None or calls.high is None:
        return visible(calls.reason or ABSENT)
    if calls.high == 0:
        return "at once"
    return f"{count(calls.value)} ({count(calls.low)}–{count(calls.high)})"
