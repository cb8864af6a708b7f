"""Draws a run, finished or in progress, on a terminal."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench_core.analysis.advice import sentences
from bench_core.analysis.group import Group
from bench_core.analysis.load import Results
from bench_core.analysis.remarks import not_ranked, notes, warnings
from bench_core.analysis.session import Facts, NoiseFloor, facts
from bench_core.analysis.table import duel_table, roomiest
from bench_core.analysis.units import percent, visible
from bench_core.record import Record

PIPE_WIDTH = 200
"""Columns assumed where the output is no terminal and so has no width."""
HEADLINE = ("python", "torch", "onnxruntime", "openvino", "tensorrt")
"""Versions shown above the tables; the file holds all."""


def render(results: Results, console: Console) -> None:
    """Print the tables, what was not ranked and why, warnings, and last the advice.

    A console that is no terminal is widened to 200 columns; nothing is cut off.
    """
    if not console.is_terminal:
        console.width = max(console.width, PIPE_WIDTH)
    known = facts(results.session)
    parts = (
        *header(known),
        *_tables(results.cells, known, console),
        *not_ranked(results.cells),
        *warnings(results.cells, known),
        *_advice(results),
    )
    for part in parts:
        # A line stays one line in a pipe, for grep.
        console.print(part, soft_wrap=not console.is_terminal and isinstance(part, Text))


def header(known: Facts) -> Iterator[Text]:
    """The machine, versions and noise that the numbers hold for."""
    threads = f"{known.threads} thread{'s' if known.threads != 1 else ''}" if known.threads else ""
    versions = (f"{name} {known.versions[name]}" for name in HEADLINE if name in known.versions)
    revision = f"git {known.revision}" if known.revision else ""
    said = [part for part in (known.machine, threads, ", ".join(versions), revision) if part]
    if said:
        yield Text(visible(" · ".join(said)), style="dim")
    if known.noise:
        floors = "; ".join(_floor(name, floor) for name, floor in sorted(known.noise.items()))
        yield Text(visible(f"A/A noise, sd from launch to launch: {floors}"), style="dim")


def _floor(name: str, floor: NoiseFloor) -> str:
    if floor.sd is None:
        return f"{name} not measured, {percent(floor.pooled_sd)} assumed"
    launches = f"{floor.launches} launch{'es' if floor.launches != 1 else ''}"
    return f"{name} {percent(floor.sd)} in {launches}, {percent(floor.pooled_sd)} with the prior"


def _tables(records: Sequence[Record], known: Facts, console: Console) -> Iterator[Table | Text]:
    """Every group's table, all in the roomiest layout that fits the widest of them."""
    groups: dict[Group, list[Record]] = {}
    for record in records:
        if record.status == "ok":
            groups.setdefault(Group.of(record.cell), []).append(record)
    layout = roomiest([_measured(group) for group in groups.values()], console)
    for group, found in sorted(groups.items()):
        measured = _measured(found)
        if measured:
            yield Text(f"\n{_title(group, measured, known)}", style="bold")
            yield duel_table(measured, layout)
        for line in notes(found, measured):
            yield Text(visible(line), style="dim")


def _measured(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record.alias_of is None]


def _title(group: Group, records: Sequence[Record], known: Facts) -> str:
    parts = [group.model, f"{group.length} {known.length_axes.get(group.model, '')}".rstrip()]
    if group.batch != 1:
        parts.append(f"batch {group.batch}")
    references = {r.speedup.reference for r in records if r.speedup is not None}
    parts += [f"against {name}" for name in sorted(references)]
    return visible(" · ".join(parts))


def _advice(results: Results) -> Iterator[Text]:
    said = sentences(results)
    if said:
        yield Text("\nAdvice", style="bold")
    for sentence in said:
        yield Text(sentence)
