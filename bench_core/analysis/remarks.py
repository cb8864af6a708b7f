"""What is said around the tables: notes, cells that were not ranked, warnings."""

from collections.abc import Iterable, Iterator, Sequence

from rich.table import Table
from rich.text import Text

from bench_core.analysis.columns import is_reference, mode_of, task_name
from bench_core.analysis.group import Group
from bench_core.analysis.session import Facts
from bench_core.analysis.units import percent, visible
from bench_core.record import Record, TaskScore

NO_FAULT = ("skipped", "unsupported")
"""Statuses that say something of the machine or the model, not of the run."""

MOST_NAMED = 4
"""Of the cells that a warning concerns; more are counted."""


def notes(records: Sequence[Record], measured: Sequence[Record]) -> Iterator[str]:
    """What the reader of one group's table must know: of all its records, those in the table."""
    if any(r.right is False for r in measured):
        yield "set apart: stochastic, or the task lost more than a point; never advised"
    if any(r.right is None for r in measured):
        yield "without a task nothing here can be called right: ranked, never advised"
    for record in records:
        if record.alias_of is not None:
            yield f"{mode_of(record)}: the same program as {record.alias_of}, measured once"
    oracles = {r.fidelity.oracle for r in measured if r.fidelity} - {"float64"}
    if oracles:
        yield f"fidelity against {', '.join(sorted(oracles))}, not float64"
    probed = [mode_of(r) for r in measured if r.ready_s and r.ready_s.source == "probe"]
    if probed:
        yield f"ready and peak RSS from a probe in a fresh interpreter: {', '.join(probed)}"
    yield from _in_int8(measured)
    yield from _left_float(measured)
    tasks = [r.task for r in measured if is_reference(r) and r.task is not None]
    for task in tasks[:1]:
        yield f"{task_name(measured)} of the reference: {_score(task)}"


def _in_int8(records: Sequence[Record]) -> Iterator[str]:
    shares = ((mode_of(r), (r.evidence or {}).get("int8_share")) for r in records)
    known = [f"{mode} {percent(share)}" for mode, share in shares if isinstance(share, float)]
    if known:
        yield f"of a call's time, int8 kernels take: {', '.join(known)}"


def _left_float(records: Sequence[Record]) -> Iterator[str]:
    """What int8 modes still compute in floats; modes that say the same, together."""
    modes: dict[str, list[str]] = {}
    for record in records:
        left = (record.evidence or {}).get("float_operators")
        if isinstance(left, dict) and left:
            said = ", ".join(f"{count}× {name}" for name, count in left.items())
            modes.setdefault(said, []).append(mode_of(record))
    for said, names in modes.items():
        yield f"stays float, without an int8 form or among floats: {said} ({', '.join(names)})"


def _score(task: TaskScore) -> str:
    also = "".join(
        f"; {name.replace('_', ' ')} {percent(x.value)} ({percent(x.low)} to {percent(x.high)})"
        for name, x in task.also.items()
    )
    bounds = f"({percent(task.low)} to {percent(task.high)})"
    return f"{percent(task.value)} {bounds} of {task.items:,} items, at length {task.length}{also}"


def not_ranked(records: Iterable[Record]) -> Iterator[Table | Text]:
    """Each mode and reason once, with the places where it happened."""
    places: dict[tuple[str, str, str], list[Record]] = {}
    for record in records:
        if record.status != "ok":
            key = (record.status, mode_of(record), record.reason or "no reason given")
            places.setdefault(key, []).append(record)
    if not places:
        return
    yield Text("\nNot ranked", style="bold")
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for column in ("status", "mode", "where", "reason"):
        table.add_column(column, overflow="fold", no_wrap=column == "status")
    for (status, mode, reason), where in sorted(places.items(), key=_gravest_first):
        table.add_row(
            Text(visible(status.replace("_", " "))),
            Text(mode),
            Text(visible(_places(where))),
            Text(visible(reason)),
            style="dim" if status in NO_FAULT else "red",
        )
    yield table


def _gravest_first(item: tuple[tuple[str, str, str], object]) -> tuple[bool, tuple[str, str, str]]:
    return item[0][0] in NO_FAULT, item[0]


def _places(records: Iterable[Record]) -> str:
    """`minilm 16, 128; mlp 64`."""
    lengths: dict[str, list[int]] = {}
    for group in sorted({Group.of(record.cell) for record in records}):
        lengths.setdefault(group.model, []).append(group.length)
    return "; ".join(f"{model} {', '.join(map(str, ls))}" for model, ls in lengths.items())


def warnings(records: Iterable[Record], known: Facts) -> Iterator[Text]:
    """Of the machine, then of single cells; each once."""
    said: dict[str, list[Record]] = {text: [] for text in known.warnings}
    for record in records:
        for text in record.warnings:
            said.setdefault(text, []).append(record)
    if said:
        yield Text("\nWarnings", style="bold")
    for text, where in said.items():
        of = ", ".join(f"{mode_of(r)} ({_places([r])})" for r in where)
        if len(where) > MOST_NAMED:
            of = f"{len(where)} cells"
        yield Text(visible(f"! {text}" + (f" [{of}]" if of else "")), style="yellow")
