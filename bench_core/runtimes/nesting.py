"""Which operator called which, from when they ran."""

from collections.abc import Iterable
from itertools import groupby
from typing import NamedTuple

from bench_core.runner import Event


class Span(NamedTuple):
    """An operator as a profiler wrote it down: when it began on which thread, and how long."""

    operator: str
    node: str
    thread: int
    start_ns: int
    took_ns: int


def nested(spans: Iterable[Span], least_ns: int = 0) -> list[Event]:
    """The spans of one call, each with its own time: without what began within it on its thread.

    least_ns: added to each own time, where a clock cuts off twice as much at most.
    """
    found: list[Event] = []
    by_thread = sorted(spans, key=lambda span: (span.thread, span.start_ns, -span.took_ns))
    for _, on_thread in groupby(by_thread, key=lambda span: span.thread):
        found += _of_thread(list(on_thread), least_ns)
    return found


def _of_thread(spans: list[Span], least_ns: int) -> list[Event]:
    own_ns = [span.took_ns for span in spans]
    parents = [-1] * len(spans)
    open_: list[int] = []
    for at, span in enumerate(spans):
        while open_ and span.start_ns >= spans[open_[-1]].start_ns + spans[open_[-1]].took_ns:
            open_.pop()
        if open_:
            parents[at] = open_[-1]
            own_ns[open_[-1]] -= span.took_ns
        open_.append(at)
    callers = set(parents)
    return [
        Event(
            span.operator,
            spans[parents[at]].operator if parents[at] >= 0 else "",
            at not in callers,
            span.node,
            max(0, own_ns[at]) + least_ns,
        )
        for at, span in enumerate(spans)
    ]
