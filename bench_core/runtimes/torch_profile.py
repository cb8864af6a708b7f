"""PyTorch's own profiler around the calls of a runner."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import cycle, islice
from time import perf_counter_ns
from typing import Any

from bench_core.runner import Inputs, ProfiledCall, Profiler
from bench_core.runtimes.inductor import GRAPH_CALL
from bench_core.runtimes.nesting import Span, nested

WARM_UP = 5
"""Calls that are recorded and dropped: the profiler sets up its buffers in the first."""

_CALL = "a call, as bench_core marks it"


def torch_profiler(call: Callable[[Any], Any], feed: Callable[[Inputs], Any]) -> Profiler:
    """Whatever `call` does, operator by operator; it knows no nodes."""
    return Profiler("torch.profiler", record=partial(_record, call, feed))


def _record(
    call: Callable[[Any], Any],
    feed: Callable[[Inputs], Any],
    inputs: Sequence[Inputs],
    calls: int,
    settle: Callable[[], object],
) -> list[ProfiledCall]:
    from torch.profiler import ProfilerActivity, profile, record_function

    settle()
    feeds, clock = [feed(one) for one in inputs], perf_counter_ns
    took_ns = []
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        for one in islice(cycle(feeds), WARM_UP + calls):
            with record_function(_CALL):
                start = clock()
                call(one)
                took_ns.append(clock() - start)
    by_call = _by_call(recorded.events() or [])
    profiled = [ProfiledCall(ns, nested(spans)) for ns, spans in zip(took_ns, by_call, strict=True)]
    return profiled[WARM_UP:]


def _by_call(events: Iterable[Any]) -> list[list[Span]]:
    """What ran within each of our marks, in their order."""
    spans = [
        Span(
            GRAPH_CALL if event.name.startswith(GRAPH_CALL) else event.name,
            "",
            event.thread,
            round(event.time_range.start * 1e3),
            round(event.time_range.elapsed_us() * 1e3),
        )
        for event in events
    ]
    marks = sorted((span for span in spans if span.operator == _CALL), key=lambda s: s.start_ns)
    starts = [mark.start_ns for mark in marks]
    found: list[list[Span]] = [[] for _ in marks]
    for span in spans:
        at = bisect_right(starts, span.start_ns) - 1
        if span.operator == _CALL or at < 0:
            continue
        if span.start_ns < marks[at].start_ns + marks[at].took_ns:
            found[at].append(span)
    return found
