"""Draws a finished gate on a terminal."""

from collections.abc import Iterator, Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench_core.analysis.gate import outcome as of_all
from bench_core.analysis.gate import words
from bench_core.analysis.gate.result import GateResult
from bench_core.analysis.remarks import warnings
from bench_core.analysis.report import PIPE_WIDTH
from bench_core.analysis.session import facts
from bench_core.analysis.verdict import (
    A_WORSE,
    BETTER,
    FAILED,
    GONE,
    GONE_OR_FAILED,
    NEW,
    OK,
    SKIPPED,
    UNSURE,
    WITHIN,
    WORSE,
    Verdict,
)

FEW_CELLS = 30
"""Up to as many, each has a row though nothing is to be said of it."""
_STYLES = {
    WORSE: "red",
    GONE: "red",
    FAILED: "red",
    UNSURE: "yellow",
    BETTER: "green",
    words.WATCH: "yellow",
    NEW: "dim",
    SKIPPED: "dim",
    WITHIN: "",
}
_CODE_STYLES = {OK: "bold green", A_WORSE: "bold red", GONE_OR_FAILED: "bold red"}


def render(result: GateResult, console: Console) -> None:
    """Print the verdicts, gravest first, what they rest on, and last the outcome.

    A console that is no terminal is widened to 200 columns; nothing is cut off.
    """
    if not console.is_terminal:
        console.width = max(console.width, PIPE_WIDTH)
    for part in _parts(result):
        # A line stays one line in a pipe, for grep.
        console.print(part, soft_wrap=not console.is_terminal and isinstance(part, Text))


def _parts(result: GateResult) -> Iterator[Table | Text]:
    for line in of_all.conditions(result):
        yield Text(line, style="dim")
    if shown := words.in_order(v for v in result.verdicts if _has_row(v, result.cells)):
        yield Text()
        yield _table(shown)
    yield Text()
    if inside := words.within(result.verdicts):
        yield Text(f"within their limits: {inside}")
    yield Text(of_all.sentinels(result))
    for line in of_all.caveats(result):
        yield Text(line, style="dim" if result.invalid is None else "yellow")
    yield from warnings((), facts(result.session))
    style = _CODE_STYLES.get(result.exit_code, "bold yellow")
    yield Text(f"\n{of_all.head(result)}: {of_all.outcome(result)}", style=style)


def _has_row(verdict: Verdict, cells: int) -> bool:
    """Whether it is more than one of those that are counted."""
    return words.kind(verdict) != WITHIN or (cells <= FEW_CELLS and verdict.metric == "latency")


def _table(verdicts: Sequence[Verdict]) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("verdict", no_wrap=True)
    table.add_column("cell", overflow="fold")
    table.add_column("metric", overflow="fold")
    table.add_column("change (99 %)", justify="right", overflow="fold")
    table.add_column("limit", justify="right", overflow="fold")
    table.add_column("launches", justify="right", overflow="fold")
    table.add_column("", overflow="fold")
    for verdict in verdicts:
        row = (
            words.kind(verdict),
            words.place(verdict.cell),
            words.metric(verdict),
            words.change(verdict),
            words.limit(verdict),
            str(verdict.launches or words.ABSENT),
            words.note(verdict),
        )
        # As Text, or rich would read markup in them.
        table.add_row(*map(Text, row), style=_STYLES[words.kind(verdict)])
    return table
