"""Draws an explanation on a terminal."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench_core.analysis.evidence import in_words
from bench_core.analysis.explain.difference import Explanation
from bench_core.analysis.explain.profile import Profile
from bench_core.analysis.explain.roofline import Roofline
from bench_core.analysis.explain.roofline_report import roofline_parts
from bench_core.analysis.explain.scaling import Scaling
from bench_core.analysis.explain.tables import layers_table, parts_table
from bench_core.analysis.explain.words import scaled, sentence
from bench_core.analysis.remarks import warnings
from bench_core.analysis.report import PIPE_WIDTH, header
from bench_core.analysis.session import facts
from bench_core.analysis.units import duration, percent, visible

_BESIDE = 1.02
"""Clocks are cut off and rounded: a sum that is 2 % above the whole says nothing yet."""


@dataclass(frozen=True)
class Side:
    """One of the two modes: its profile, its scaling if there is any, and its evidence."""

    name: str
    profile: Profile
    scaling: Scaling | None
    not_engaged: str | None
    evidence: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Found:
    """All that is known of modes A and B. roofline: None where no layers are known."""

    explanation: Explanation
    a: Side
    b: Side
    roofline: Roofline | None

    @property
    def sentence(self) -> str:
        return sentence(self.explanation, self.a.name, self.b.name)


def render(found: Found, session: dict[str, Any], console: Console) -> None:
    """Print the answer, then what it rests on. Where it is no terminal nothing is cut off."""
    if not console.is_terminal:
        console.width = max(console.width, PIPE_WIDTH)
    known = facts(session)
    for part in (*_parts(found), *header(known), *warnings((), known)):
        console.print(part, soft_wrap=not console.is_terminal and isinstance(part, Text))


def _parts(found: Found) -> Iterator[Table | Text]:
    sides, names = (found.a, found.b), (found.a.name, found.b.name)
    yield Text(visible(found.sentence), style="bold")
    for side in sides:
        for warning in _warnings(side):
            yield Text(warning, style="yellow")
        if known := in_words(side.evidence):
            yield Text(visible(f"{side.name}: {'; '.join(known)}"))
    yield Text()
    yield parts_table(found.explanation, names)
    if found.explanation.layers:
        yield Text()
        yield layers_table(found.explanation.layers, names)
    yield Text()
    for side in sides:
        if side.scaling is not None:
            yield Text(visible(scaled(side.name, side.scaling)))
    if found.roofline is not None:
        times = found.explanation.times
        taken_s = times.a_s, times.b_s
        yield from roofline_parts(found.roofline, list(zip(names, taken_s, strict=True)))
        yield Text()
    for line in _grounds(found):
        yield Text(visible(line), style="dim")


def _warnings(side: Side) -> Iterator[str]:
    name = visible(side.name)
    if side.not_engaged is not None:
        yield f"{name} did not do what its name says: {visible(side.not_engaged)}"
    if side.profile.overlap > _BESIDE:
        yield (
            f"{name}: its operators add up to {percent(side.profile.overlap)} of the call, so some "
            "ran beside each other; their times are shortened alike until they fit"
        )


def _grounds(found: Found) -> Iterator[str]:
    for side in (found.a, found.b):
        one = side.profile
        within_s, around_s = one.event_cost_s
        yield (
            f"{side.name}: {one.profiler} adds {duration(one.cost_s)} to a call of "
            f"{duration(one.plain_s)}; {duration(within_s)} are taken from each operator that "
            f"it saw and {duration(around_s)} from that one's caller"
        )
    yield (
        f"the profiles' times are multiplied by {found.explanation.drift:.2f}, the same for both, "
        "to be as long as the duel's"
    )
