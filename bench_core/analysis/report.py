"""Draws a run, finished or in progress, on a terminal."""

from collections.abc import Iterable, Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench_core.analysis.advice import sentences
from bench_core.analysis.group import Group
from bench_core.analysis.load import Results
from bench_core.analysis.session import Facts, facts
from bench_core.analysis.table import duel_table, is_reference, mode_of, task_name
from bench_core.analysis.units import count, percent, visible
from bench_core.cell import Cell
from bench_core.record import Record, TaskScore

PIPE_WIDTH = 150
"""Columns assumed where the output is no terminal and so has no width."""


def render(results: Results, console: Console) -> None:
    """Print the tables, what was not ranked and why, warnings, and last the advice.

    A console that is no terminal is widened to 150 columns; nothing is cut off.
    """
    if not console.is_terminal:
        console.width = max(console.width, PIPE_WIDTH)
    known = facts(results.session)
    for line in _header(known):
        console.print(line, style="dim", highlight=False)
    groups: dict[Group, list[Record]] = {}
    for record in results.cells:
        groups.setdefault(Group.of(record.cell), []).append(record)
    for group, records in sorted(groups.items()):
        for part in _group(group, records, known):
            console.print(part)
    for part in (*_not_ranked(results.cells), *_warnings(results.cells, known)):
        console.print(part)
    said = sentences(results)
    if said:
        console.print(Text("\nAdvice", style="bold"))
    for sentence in said:
        # One sentence stays one line in a pipe, for grep.
        console.print(Text(sentence), soft_wrap=not console.is_terminal)


def _header(known: Facts) -> Iterator[Text]:
    threads = f"{known.threads} thread{'s' if known.threads != 1 else ''}" if known.threads else ""
    versions = ", ".join(f"{name} {version}" for name, version in known.versions.items())
    revision = f"git {known.revision}" if known.revision else ""
    said = [part for part in (known.machine, threads, versions, revision) if part]
    if said:
        yield Text(visible(" · ".join(said)))
    if known.noise:
        floors = (
            f"{name} {percent(floor.sd)} over {floor.launches} launches "
            f"({percent(floor.pooled_sd)} with the prior)"
            for name, floor in sorted(known.noise.items())
        )
        yield Text(visible(f"A/A noise floor, sd from launch to launch: {'; '.join(floors)}"))


def _group(group: Group, records: Sequence[Record], known: Facts) -> Iterator[Table | Text]:
    measured = [r for r in records if r.status == "ok" and r.alias_of is None]
    if not measured:
        return
    yield Text()
    yield duel_table(Text(_title(group, measured, known), style="bold"), measured)
    for line in _notes(records, measured):
        yield Text(visible(line), style="dim")


def _title(group: Group, records: Sequence[Record], known: Facts) -> str:
    parts = [group.model, f"{group.length} {known.length_axes.get(group.model, '')}".rstrip()]
    if group.batch != 1:
        parts.append(f"batch {group.batch}")
    references = {r.speedup.reference for r in records if r.speedup is not None}
    parts += [f"against {name}" for name in sorted(references)]
    return visible(" · ".join(parts))


def _notes(records: Sequence[Record], measured: Sequence[Record]) -> Iterator[str]:
    if any(r.right is False for r in measured):
        yield "below the line: stochastic, or the task lost more than a point; never advised"
    for record in records:
        if record.alias_of is not None:
            same = record.alias_of
            name = Cell.parse(same).mode if "|" in same else same
            yield f"{mode_of(record)}: the same program as {name}, measured once"
    oracles = {r.fidelity.oracle for r in measured if r.fidelity} - {"float64"}
    if oracles:
        yield f"fidelity against {', '.join(sorted(oracles))}, not float64"
    probed = [mode_of(r) for r in measured if r.ready_s and r.ready_s.source == "probe"]
    if probed:
        yield f"ready and peak RSS from a probe in a fresh interpreter: {', '.join(probed)}"
    tasks = [r.task for r in measured if is_reference(r) and r.task is not None]
    for task in tasks[:1]:
        yield f"{task_name(measured)} of the reference: {_score(task)}"


def _score(task: TaskScore) -> str:
    also = "".join(
        f"; {name.replace('_', ' ')} {percent(x.value)} ({percent(x.low)} to {percent(x.high)})"
        for name, x in task.also.items()
    )
    bounds = f"({percent(task.low)} to {percent(task.high)})"
    return f"{percent(task.value)} {bounds} of {count(task.items)} items, at length {task.length}{also}"


def _not_ranked(records: Iterable[Record]) -> Iterator[Table | Text]:
    """Each mode and reason once, with the places where it happened."""
    places: dict[tuple[str, str, str], list[Record]] = {}
    for record in records:
        if record.status != "ok":
            key = (record.status, mode_of(record), record.reason or "no reason given")
            places.setdefault(key, []).append(record)
    if not places:
        return
    yield Text("\nNot ranked", style="bold")
    table = Table(box=SIMPLE_HEAD, pad_edge=False, show_header=False)
    for column in ("status", "mode", "where", "reason"):
        table.add_column(column, overflow="fold", no_wrap=column in ("status", "mode"))
    for (status, mode, reason), where in sorted(places.items(), key=lambda item: item[0]):
        table.add_row(
            Text(visible(status.replace("_", " "))),
            Text(mode),
            Text(visible(_places(where))),
            Text(visible(reason)),
            style="dim" if status in ("skipped", "unsupported") else "red",
        )
    yield table


def _places(records: Iterable[Record]) -> str:
    """`minilm 16, 128; mlp 64`."""
    lengths: dict[str, list[int]] = {}
    for group in sorted({Group.of(record.cell) for record in records}):
        lengths.setdefault(group.model, []).append(group.length)
    return "; ".join(f"{model} {', '.join(map(str, ls))}" for model, ls in lengths.items())


def _warnings(records: Iterable[Record], known: Facts) -> Iterator[Text]:
    said: dict[str, list[Record]] = {text: [] for text in known.warnings}
    for record in records:
        for text in record.warnings:
            said.setdefault(text, []).append(record)
    if said:
        yield Text("\nWarnings", style="bold")
    for text, where in said.items():
        of = ", ".join(f"{mode_of(r)} ({_places([r])})" for r in where)
        yield Text(visible(f"! {text}" + (f" [{of}]" if of else "")), style="yellow")
