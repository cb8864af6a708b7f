"""What a table says of one record, column by column."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text

from bench_core.analysis.units import count, duration, percent, points, size, visible
from bench_core.cell import Cell
from bench_core.record import Record

ABSENT = "–"


@dataclass(frozen=True)
class Layout:
    """How much fits. detail: everything, on one line; stacked: intervals on a line of their own."""

    gap: int
    detail: bool
    stacked: bool


@dataclass(frozen=True)
class Column:
    """A heading, and what it says of a record: ABSENT where nothing."""

    header: str
    cell: Callable[[Record], str | Text]


def columns(records: Sequence[Record], layout: Layout) -> list[Column]:
    """Every column but the mode's, with as much detail as the layout has room for."""
    task = f"{task_name(records)}\npoints"
    warm = [Column("ready\nwarm", _ready_warm)] if layout.detail else []
    return [
        Column("p50", _p50),
        Column("ref.\np50", _reference_p50),
        Column("speed-up", lambda record: _speedup(record, layout)),
        Column("fidelity", _fidelity),
        Column(task, lambda record: _task(record, layout)),
        Column(
            "artefact", lambda r: ABSENT if r.artifact_bytes is None else size(r.artifact_bytes)
        ),
        Column("peak\nRSS", lambda r: size(r.peak_rss_bytes.value) if r.peak_rss_bytes else ABSENT),
        Column("ready\ncold", lambda r: duration(r.ready_s.cold_s) if r.ready_s else ABSENT),
        *warm,
        Column("break-\neven", lambda record: _break_even(record, layout)),
    ]


def mode_of(record: Record) -> str:
    """The mode, and the provider where there is more than one to think of."""
    cell = Cell.parse(record.cell)
    return visible(cell.mode if cell.provider == "cpu" else f"{cell.mode} ({cell.provider})")


def is_reference(record: Record) -> bool:
    """Whether it is the cell that its group is timed against: its duel is one with itself."""
    cell = Cell.parse(record.cell)
    own = record.speedup is not None and record.speedup.reference
    return (cell.mode, cell.provider) == (own, "cpu")


def task_name(records: Sequence[Record]) -> str:
    """As people write it: recall@1."""
    names = (r.task.name for r in records if r.task is not None)
    return visible(next(names, "task")).replace("_at_", "@").replace("_", " ")


def _ready_warm(record: Record) -> str:
    return duration(record.ready_s.warm_s) if record.ready_s is not None else ABSENT


def _p50(record: Record) -> str:
    return duration(record.latency_s.p50) if record.latency_s is not None else ABSENT


def _reference_p50(record: Record) -> str:
    if record.speedup is None or is_reference(record):
        return ABSENT
    return duration(record.speedup.reference_median_s)


def _speedup(record: Record, layout: Layout) -> Text:
    """≈ where the interval holds 1, green where it is wholly above, red where below."""
    speedup = record.speedup
    if is_reference(record):
        return Text("reference")
    if speedup is None:
        return Text(ABSENT)
    digits = 2 if speedup.ratio < 10 else 1
    about, style = ("", "green") if speedup.low > 1 else ("≈", "yellow")
    if speedup.high < 1:
        about, style = "", "red"
    value = f"{about}{speedup.ratio:.{digits}f}×"
    bounds = f"{speedup.low:.{digits}f}–{speedup.high:.{digits}f}"
    return Text(_with(value, bounds, layout), style=style)


def _with(value: str, bounds: str, layout: Layout) -> str:
    return f"{value}\n{bounds}" if layout.stacked else f"{value} ({bounds})"


def _fidelity(record: Record) -> str:
    fidelity = record.fidelity
    if fidelity is None:
        return ABSENT
    return "exact" if fidelity.sqnr_db is None else f"{fidelity.sqnr_db:.0f} dB"


def _task(record: Record, layout: Layout) -> Text:
    """The change in points; the reference's own score, and "same" where it is inherited."""
    task = record.task
    if task is None:
        return Text(ABSENT)
    if is_reference(record):
        return Text(percent(task.value))
    if task.change is None:
        return Text("same")
    change = task.change
    bounds = f"{points(change.low)}, {points(change.high)}"
    text = _with(points(change.value, sign=True), bounds, layout)
    return Text(text, style="red" if record.right is False else "")


def _break_even(record: Record, layout: Layout) -> str:
    """In calls."""
    calls = record.break_even_calls
    if calls is None or is_reference(record):
        return ABSENT
    if calls.value is None or calls.low is None or calls.high is None:
        return visible(calls.reason or ABSENT)
    if calls.high == 0:
        return "at once"
    bounds = f" ({count(calls.low)}–{count(calls.high)})" if layout.detail else ""
    return f"{count(calls.value)}{bounds}"
