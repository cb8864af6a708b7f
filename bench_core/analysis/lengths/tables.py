"""The tables of a study of lengths: modes by lengths."""

from collections.abc import Iterator, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from bench_core.analysis.columns import ABSENT, mode_of
from bench_core.analysis.lengths.padding import Padding, mean_cost, padded_length
from bench_core.analysis.lengths.result import LengthsResult
from bench_core.analysis.units import duration, percent, visible
from bench_core.cell import Cell

COLUMN_WIDTH = 12
"""Of one length: the bounds of a ratio with two digits after the point, and the gap."""

POOR_FIT = 0.1
"""A curve that is off by more is no account of its points: other kernels run at some of them."""


def latencies(result: LengthsResult, width: int) -> Iterator[Table | Text]:
    """A row per mode, a column per length: latency, speed-up, and its bounds."""
    ratios = {
        (mode_of(record), Cell.parse(record.cell).length): record.speedup
        for record in result.records
    }
    rows: dict[str, dict[int, Text]] = {}
    for mode, points in result.points().items():
        for point in points:
            found = ratios.get((mode, point.length))
            below = _ratio(found.ratio, found.low, found.high) if found else Text("reference")
            text = Text(f"{duration(point.latency_s)}\n").append_text(below)
            rows.setdefault(mode, {})[point.length] = text
    heads = {length: str(length) for length in result.lengths}
    title = f"{result.model} over {result.axis}: latency, and speed-up against {result.reference}"
    yield from _tables(title, rows, heads, width)


def curves(result: LengthsResult) -> Iterator[Table | Text]:
    """A row per mode: the three terms of its curve, and how far its points lie from it."""
    found = result.curves()
    if not found:
        return
    formula = f"fixed + linear · n + square · n², n in {result.axis}"
    yield Text(f"\nFitted: {visible(formula)}", style="bold")
    table = _empty()
    for head in ("fixed", "linear", "square", "off by at most"):
        table.add_column(head, justify="right", overflow="fold")
    for mode, curve in found.items():
        terms = (curve.fixed_s, curve.linear_s, curve.square_s)
        off = Text(percent(curve.off_by), style="yellow" if curve.off_by > POOR_FIT else "")
        table.add_row(Text(mode), *map(duration, terms), off)
    yield table


def padding(result: LengthsResult, width: int) -> Iterator[Table | Text]:
    """A row per mode, a column per length, and the mean over all of them."""
    if result.bucket is None:
        return
    by_mode: dict[str, list[Padding]] = {}
    for one in result.padding:
        by_mode.setdefault(one.mode, []).append(one)
    rows = {mode: {one.length: _cost(one) for one in found} for mode, found in by_mode.items()}
    for mode, found in by_mode.items():
        mean = mean_cost(found) if len(found) == len(result.lengths) else None
        if mean:
            rows[mode][0] = _ratio(mean.value, mean.low, mean.high, above="red", below="green")
    heads = {n: f"{n}→{padded_length(n, result.bucket)}" for n in result.lengths} | {0: "mean"}
    title = f"Padding to a multiple of {result.bucket}: padded / exact"
    yield from _tables(title, rows, heads, width)


def _cost(one: Padding) -> Text:
    if one.cost is None:
        return Text(ABSENT if one.reason else "1")
    return _ratio(one.cost.ratio, one.cost.low, one.cost.high, above="red", below="green")


def _ratio(value: float, low: float, high: float, above: str = "green", below: str = "red") -> Text:
    """Two lines. above, below: the colour where the interval is wholly on that side of 1."""
    style = above if low > 1 else below if high < 1 else ""
    return Text(f"{value:.2f}×\n{low:.2f}–{high:.2f}", style=style)


def _tables(
    title: str, rows: Mapping[str, Mapping[int, Text]], heads: Mapping[int, str], width: int
) -> Iterator[Table | Text]:
    """The columns named by `heads`, in as many tables as the width asks for."""
    if not rows:
        return
    yield Text(f"\n{visible(title)}", style="bold")
    columns = list(heads)
    most = max(1, (width - max(map(len, rows))) // COLUMN_WIDTH)
    for start in range(0, len(columns), most):
        yield _table(rows, {column: heads[column] for column in columns[start : start + most]})


def _table(rows: Mapping[str, Mapping[int, Text]], heads: Mapping[int, str]) -> Table:
    table = _empty()
    for head in heads.values():
        table.add_column(head, justify="right", overflow="fold")
    for number, (mode, row) in enumerate(rows.items(), 1):
        cells: Sequence[Text] = [row.get(column, Text(ABSENT)) for column in heads]
        table.add_row(Text(visible(mode)), *cells, end_section=number < len(rows))
    return table


def _empty() -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("mode", overflow="fold")
    return table
