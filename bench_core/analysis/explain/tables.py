"""The tables of an explanation: parts and layers, what each mode spends on them."""

import math
from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from bench_core.analysis.explain.difference import Explanation, Part
from bench_core.analysis.explain.profile import Row
from bench_core.analysis.explain.words import bare, change
from bench_core.analysis.units import count, duration, visible

MOST_LAYERS = 6
_MOST_OPERATORS = 2


def columns(first: str, names: Sequence[str]) -> Table:
    """One to read by, and one of numbers for each of `names`."""
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(first, overflow="fold")
    for name in names:
        table.add_column(Text(visible(name)), justify="right", overflow="fold")
    return table


def parts_table(found: Explanation, names: Sequence[str]) -> Table:
    table = columns("where the time goes", [*names, "difference"])
    table.add_column("operators of either", overflow="fold")
    there = [part for part in found.parts if part.a_s or part.b_s]
    for part in sorted(there, key=lambda part: -abs(part.difference_s)):
        table.add_row(*map(Text, (bare(part.name), *_times(part), _operators(part))))
    table.add_row("unexplained", "", "", change(found.unexplained_s), "", style="dim")
    times = found.times
    total = change(times.difference_s.value)
    table.add_section()
    table.add_row("a call, by the duel", duration(times.a_s), duration(times.b_s), total, "")
    return table


def layers_table(layers: Sequence[Part], names: Sequence[str]) -> Table:
    table = columns("layers that differ most", [*names, "difference"])
    ordered = sorted(layers, key=lambda part: -abs(part.difference_s))
    for part in ordered[:MOST_LAYERS]:
        table.add_row(*map(Text, (visible(part.name), *_times(part))))
    if rest := ordered[MOST_LAYERS:]:
        a_s, b_s = math.fsum(one.a_s for one in rest), math.fsum(one.b_s for one in rest)
        table.add_row(*map(Text, (f"{len(rest)} others", *_times(Part("", a_s, b_s)))), style="dim")
    return table


def _times(part: Part) -> tuple[str, str, str]:
    return duration(part.a_s), duration(part.b_s), change(part.difference_s)


def _operators(part: Part) -> str:
    """The dearest of either side: "MatMul ×48 | MatMulIntegerToFloat ×36"."""
    sides = [", ".join(map(_named, rows[:_MOST_OPERATORS])) for rows in (part.a_rows, part.b_rows)]
    return sides[0] if sides[0] == sides[1] else " | ".join(side or "none" for side in sides)


def _named(row: Row) -> str:
    return visible(row.operator) + (f" ×{count(row.events)}" if row.events > 1 else "")
