"""ONNX Runtime's own profile of a session, which it writes into a file. Imports no torch."""

import json
import tempfile
from bisect import bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any

from bench_core.errors import BenchError
from bench_core.runner import Inputs, ProfiledCall, Profiler
from bench_core.runtimes.nesting import Span, nested

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Ways = tuple[Callable[[Inputs], Any], Callable[[Any], Any]]
"""How inputs are made ready for a session, and how it is then called."""

WARM_UP = 5
_OF_A_NODE = "_kernel_time"
_HALF_ITS_UNIT_NS = 500
"""It counts whole microseconds and cuts off the rest: half of one, on average."""


def session_profiler(
    reopen: "Callable[[Path], InferenceSession]", ways: "Callable[[InferenceSession], Ways]"
) -> Profiler:
    """Node by node what a session runs.

    reopen: the same session, to write its profile into a file of that beginning.
    """
    return Profiler("ONNX Runtime's profile", record=partial(_record, reopen, ways))


def _record(
    reopen: "Callable[[Path], InferenceSession]",
    ways: "Callable[[InferenceSession], Ways]",
    inputs: Sequence[Inputs],
    calls: int,
    settle: Callable[[], object],
) -> list[ProfiledCall]:
    clock = perf_counter_ns
    took_ns = []
    with tempfile.TemporaryDirectory() as folder:
        session = reopen(Path(folder) / "profile")
        feed, call = ways(session)
        feeds = [feed(one) for one in inputs]
        settle()
        for one in islice(cycle(feeds), WARM_UP + calls):
            start = clock()
            call(one)
            took_ns.append(clock() - start)
        text = Path(session.end_profiling()).read_text()
    spans = runs(text)[-calls:]
    if len(spans) != calls:
        raise BenchError(f"expected {calls} runs in ONNX Runtime's profile, found {len(spans)}")
    return [
        ProfiledCall(ns, nested(nodes, _HALF_ITS_UNIT_NS))
        for ns, nodes in zip(took_ns[WARM_UP:], spans, strict=True)
    ]


def runs(text: str) -> list[list[Span]]:
    """The nodes of each run that a profile tells of."""
    events = json.loads(text)
    starts = sorted(event["ts"] for event in events if event["name"] == "model_run")
    found: list[list[Span]] = [[] for _ in starts]
    for event in events:
        if event["cat"] != "Node" or not event["name"].endswith(_OF_A_NODE):
            continue
        at = bisect_right(starts, event["ts"]) - 1
        if at >= 0:
            name = event["name"].removesuffix(_OF_A_NODE)
            times = event["ts"] * 1000, event["dur"] * 1000
            found[at].append(Span(event["args"]["op_name"], name, event["tid"], *times))
    return found
