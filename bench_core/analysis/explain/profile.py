"""What a profiler saw in a mode's calls, and what of it would be there without the profiler."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench_core.analysis.explain.families import DISPATCH, family

BETWEEN = "between operators"


@dataclass(frozen=True)
class Row:
    """One operator of a call, or several alike: how often, and its own time.

    inside: the operator that called it, "" for none; leaf: it calls none itself.
    node: what a graph calls it, "" where there is no graph.
    """

    operator: str
    inside: str
    leaf: bool
    node: str
    events: float
    seconds: float

    @property
    def family(self) -> str:
        if self.operator == BETWEEN:
            return DISPATCH
        return family(self.operator, self.inside, leaf=self.leaf)


@dataclass(frozen=True)
class Profile:
    """A mode's calls under a profiler, and plain ones made before and after in the same process.

    profiled_s, plain_s: what a call took in either way. cost_s: what the profiler itself adds.
    """

    profiler: str
    rows: tuple[Row, ...]
    profiled_s: float
    plain_s: float
    cost_s: float = 0.0

    @property
    def overlap(self) -> float:
        """The rows' time as a share of the call's: above 1 where some ran beside each other."""
        return math.fsum(row.seconds for row in self.rows) / self.profiled_s

    @property
    def event_cost_s(self) -> tuple[float, float]:
        """What one event costs within its own time, and around it.

        Together cost / events. Within are at most the cheapest event's seconds: it did next to
        nothing. (ONNX Runtime ends a node's time after writing its shapes down, some 2 µs;
        PyTorch's cheapest operators take 0.05 µs.)
        """
        counted = [row for row in self.rows if row.events]
        if not counted:
            return 0.0, 0.0
        each_s = self.cost_s / math.fsum(row.events for row in counted)
        within_s = min(each_s, *(row.seconds / row.events for row in counted))
        return within_s, each_s - within_s


def read(reply: dict[str, Any], arrays: Sequence[np.ndarray]) -> Profile:
    """A worker's answer to `profile`.

    The profiler's cost is the fastest profiled call less the fastest plain one: it is the same in
    every call, and what disturbs one makes it no smaller. Every other time is the mean over the
    faster half of the calls. Were each the median over all of them,
    rows would no longer add up to the call: what disturbs it strikes another row each time, and
    would all be found between the rows.
    """
    plain_ns, profiled_ns, own_ns, events = arrays
    half = np.argsort(profiled_ns)[: (len(profiled_ns) + 1) // 2]
    row_s = own_ns[half].mean(axis=0) / 1e9
    rows = tuple(
        Row(operator, inside, leaf, node, float(count), float(seconds))
        for (operator, inside, leaf, node), count, seconds in zip(
            reply["rows"], events, row_s, strict=True
        )
    )
    plain_half_ns = np.sort(plain_ns)[: (len(plain_ns) + 1) // 2]
    profiled_s, plain_s = (float(ns.mean()) / 1e9 for ns in (profiled_ns[half], plain_half_ns))
    cost_s = max(0.0, float(profiled_ns.min() - plain_ns.min()) / 1e9)
    return Profile(reply["profiler"], rows, profiled_s, plain_s, cost_s)


def together(profiles: Sequence[Profile]) -> Profile:
    """The mean of several of one mode; a row that one of them lacks took no time in it."""
    share = 1 / len(profiles)
    found: dict[tuple[str, str, bool, str], Row] = {}
    for row in (row for profile in profiles for row in profile.rows):
        key = row.operator, row.inside, row.leaf, row.node
        before = found.get(key) or replace(row, events=0.0, seconds=0.0)
        found[key] = replace(
            row,
            events=before.events + share * row.events,
            seconds=before.seconds + share * row.seconds,
        )
    profiled_s = share * math.fsum(profile.profiled_s for profile in profiles)
    plain_s = share * math.fsum(profile.plain_s for profile in profiles)
    cost_s = share * math.fsum(profile.cost_s for profile in profiles)
    return Profile(profiles[0].profiler, tuple(found.values()), profiled_s, plain_s, cost_s)


def plain_rows(profile: Profile) -> tuple[Row, ...]:
    """The rows as they would be without the profiler, and a last one of what lies between them.

    Each event's cost is taken from its own time and from its caller's, as `event_cost_s` has it.
    None is made negative; what is then too much, and what ran beside each other, is taken from all
    alike, so that the rows add up to the plain call.
    """
    within_s, around_s = profile.event_cost_s
    called = _called(profile.rows)
    own_s = [
        max(0.0, row.seconds - within_s * row.events - around_s * events)
        for row, events in zip(profile.rows, called, strict=True)
    ]
    outer = math.fsum(row.events for row in profile.rows) - math.fsum(called)
    between_s = profile.profiled_s - math.fsum(row.seconds for row in profile.rows)
    between_s = max(0.0, between_s - around_s * outer)
    left_s = math.fsum([*own_s, between_s])
    if not left_s:
        between_s = left_s = profile.plain_s
    scale = profile.plain_s / left_s
    rows = [
        replace(row, seconds=scale * one_s) for row, one_s in zip(profile.rows, own_s, strict=True)
    ]
    return (*rows, Row(BETWEEN, "", False, "", 0.0, scale * between_s))


def _called(rows: Sequence[Row]) -> list[float]:
    """How many events each row called: those that name it, shared among rows of one name."""
    callees: defaultdict[str, float] = defaultdict(float)
    callers: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        callees[row.inside] += row.events
        if not row.leaf:
            callers[row.operator] += row.events
    return [
        callees[row.operator] * row.events / callers[row.operator]
        if row.events and not row.leaf
        else 0.0
        for row in rows
    ]
