"""Draws a study of lengths on a terminal."""

from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench_core.analysis.columns import mode_of
from bench_core.analysis.lengths import tables, words
from bench_core.analysis.lengths.result import LengthsResult
from bench_core.analysis.remarks import not_ranked, warnings
from bench_core.analysis.report import PIPE_WIDTH, header
from bench_core.analysis.session import facts
from bench_core.analysis.units import visible

RECOMPILES = "Recompiles: all lengths in turn in one process, untimed; seconds are single readings"


def render(result: LengthsResult, console: Console) -> None:
    """Print latencies, curves, flips, padding and recompiles, then what else must be known.

    A console that is no terminal is widened to 200 columns; nothing is cut off.
    """
    if not console.is_terminal:
        console.width = max(console.width, PIPE_WIDTH)
    for part in _parts(result, console.width):
        # A line stays one line in a pipe, for grep.
        console.print(part, soft_wrap=not console.is_terminal and isinstance(part, Text))


def _parts(result: LengthsResult, width: int) -> Iterator[Table | Text]:
    known = facts(result.session)
    yield from header(known)
    yield from tables.latencies(result, width)
    yield from _dim(_apart(result))
    yield from tables.curves(result)
    yield from _dim(_no_curves(result))
    yield from _paragraph("Where the ranking flips", words.flips(result))
    yield from tables.padding(result, width)
    yield from _dim(_unpadded(result))
    yield from _paragraph(RECOMPILES, words.compile_passes(result))
    yield from not_ranked(result.records)
    yield from warnings(result.records, known)
    if result.interrupted:
        yield Text(f"\nstopped by {result.interrupted}: what was done until then", style="yellow")
    yield from (Text(f"\n{line}", style="bold") for line in words.fastest(result))


def _paragraph(title: str, lines: Iterable[str]) -> Iterator[Text]:
    said = [Text(line) for line in lines]
    if said:
        yield Text(f"\n{title}", style="bold")
    yield from said


def _dim(lines: Iterable[str]) -> Iterator[Text]:
    return (Text(line, style="dim") for line in lines)


def _apart(result: LengthsResult) -> Iterator[str]:
    apart = {mode_of(r) for r in result.records if r.status == "ok" and r.right is False}
    if apart:
        why = "stochastic, or the task lost more than a point"
        yield f"set apart ({why}): {', '.join(sorted(apart))}"


def _no_curves(result: LengthsResult) -> Iterator[str]:
    curves = result.curves()
    for mode, points in result.points().items():
        if mode not in curves and points:
            yield f"{mode}: no curve, timed at {len(points)} of {len(result.lengths)} lengths"


def _unpadded(result: LengthsResult) -> Iterator[str]:
    for one in result.padding:
        if one.reason:
            yield visible(f"{one.mode}, {one.length} padded to {one.padded}: {one.reason}")
