"""Draws an explanation on a terminal."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench_core.analysis.explain.difference import Explanation, Part
from bench_core.analysis.explain.profile import Profile, Row
from bench_core.analysis.explain.scaling import Scaling
from bench_core.analysis.explain.words import bare, change, scaled, sentence
from bench_core.analysis.remarks import warnings
from bench_core.analysis.report import PIPE_WIDTH, header
from bench_core.analysis.session import facts
from bench_core.analysis.units import count, duration, percent, visible

_MOST_LAYERS = 6
_MOST_OPERATORS = 2
_BESIDE = 1.02
"""Clocks are cut off and rounded: a sum that is 2 % above the whole says nothing yet."""


@dataclass(frozen=True)
class Side:
    """One of the two modes: its profile, its scaling where there is any, and what to warn of."""

    name: str
    profile: Profile
    scaling: Scaling | None
    not_engaged: str | None


def render(found: Explanation, session: dict[str, Any], a: Side, b: Side, console: Console) -> None:
    """Print the answer, then what it rests on. Where it is no terminal nothing is cut off."""
    if not console.is_terminal:
        console.width = max(console.width, PIPE_WIDTH)
    known = facts(session)
    for part in (*_parts(found, a, b), *header(known), *warnings((), known)):
        console.print(part, soft_wrap=not console.is_terminal and isinstance(part, Text))


def _parts(found: Explanation, a: Side, b: Side) -> Iterator[Table | Text]:
    yield Text(sentence(found, visible(a.name), visible(b.name)), style="bold")
    for side in (a, b):
        for warning in _warnings(side):
            yield Text(warning, style="yellow")
    yield Text()
    yield _table(found, a, b)
    if found.layers:
        yield Text()
        yield _layers(found.layers, a, b)
    yield Text()
    for side in (a, b):
        if side.scaling is not None:
            yield Text(scaled(visible(side.name), side.scaling))
    for line in _grounds(found, a, b):
        yield Text(line, style="dim")


def _warnings(side: Side) -> Iterator[str]:
    name = visible(side.name)
    if side.not_engaged is not None:
        yield f"{name} did not do what its name says: {visible(side.not_engaged)}"
    if side.profile.overlap > _BESIDE:
        yield (
            f"{name}: its operators add up to {percent(side.profile.overlap)} of the call, so some "
            "ran beside each other; their times are shortened alike until they fit"
        )


def _columns(first: str, a: Side, b: Side) -> Table:
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(first, overflow="fold")
    for name in (a.name, b.name, "difference"):
        table.add_column(Text(visible(name)), justify="right", no_wrap=name == "difference")
    return table


def _table(found: Explanation, a: Side, b: Side) -> Table:
    table = _columns("where the time goes", a, b)
    table.add_column("operators of either", overflow="fold")
    for part in sorted(found.parts, key=lambda part: -abs(part.difference_s)):
        table.add_row(*map(Text, (bare(part.name), *_times(part), _operators(part))))
    table.add_row("unexplained", "", "", change(found.unexplained_s), "", style="dim")
    times = found.times
    total = change(times.difference_s.value)
    table.add_section()
    table.add_row("a call, by the duel", duration(times.a_s), duration(times.b_s), total, "")
    return table


def _layers(layers: Sequence[Part], a: Side, b: Side) -> Table:
    table = _columns("layers that differ most", a, b)
    ordered = sorted(layers, key=lambda part: -abs(part.difference_s))
    for part in ordered[:_MOST_LAYERS]:
        table.add_row(*map(Text, (visible(part.name), *_times(part))))
    if rest := ordered[_MOST_LAYERS:]:
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


def _grounds(found: Explanation, a: Side, b: Side) -> Iterator[str]:
    for side in (a, b):
        one = side.profile
        within_s, around_s = one.event_cost_s
        yield (
            f"{visible(side.name)}: {visible(one.profiler)} made a call "
            f"{percent(one.overhead)} longer ({duration(one.plain_s)} became "
            f"{duration(one.profiled_s)}); {change(within_s)} are taken from each operator that it "
            f"saw and {change(around_s)} from that operator's caller"
        )
    yield (
        f"the profiles' times are multiplied by {found.drift:.2f}, the same for both, to be as "
        "long as the duel's"
    )
