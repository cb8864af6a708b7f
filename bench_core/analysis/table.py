"""One table: the cells of one model and length, fastest first."""

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from bench_core.analysis.columns import ABSENT, Layout, columns, is_reference, mode_of
from bench_core.record import Record

LAYOUTS = (Layout(2, True, False), Layout(2, False, False), Layout(1, False, False))
NARROWEST = Layout(1, False, True)


def roomiest(groups: Sequence[Sequence[Record]], console: Console) -> Layout:
    """The most detailed layout in which all the groups' tables fit the console."""
    # A measure is never above the width it is asked for, hence the unlimited one.
    unlimited = console.options.update(width=10**6)

    def fits(layout: Layout) -> bool:
        tables = (duel_table(records, layout) for records in groups)
        widths = (Measurement.get(console, unlimited, table).maximum for table in tables)
        return all(width <= console.width for width in widths)

    return next((layout for layout in LAYOUTS if fits(layout)), NARROWEST)


def duel_table(records: Sequence[Record], layout: Layout) -> Table:
    """The `ok` cells of one group. Set apart below: those that must not be advised."""
    table = Table(
        box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, layout.gap - 1, 0, 0)
    )
    shown = [
        column
        for column in columns(records, layout)
        if any(str(column.cell(record)) != ABSENT for record in records)
    ]
    table.add_column("mode", overflow="fold", no_wrap=not layout.stacked)
    for column in shown:
        table.add_column(
            Text(column.header), justify="right", overflow="fold", no_wrap=not layout.stacked
        )
    ranked = sorted((r for r in records if r.right is not False), key=_by_speed)
    below = sorted((r for r in records if r.right is False), key=_by_speed)
    for record in [*ranked, *below]:
        style = "bold" if is_reference(record) else "dim" if record.right is False else ""
        last = bool(below) and bool(ranked) and record is ranked[-1]
        # As Text, or rich would read markup in them.
        cells = [Text.assemble(column.cell(record)) for column in shown]
        table.add_row(Text(mode_of(record)), *cells, style=style, end_section=last)
    return table


def _by_speed(record: Record) -> float:
    return -record.speedup.ratio if record.speedup is not None else -1.0
