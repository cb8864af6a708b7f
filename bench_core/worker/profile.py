"""What runs in a contender's calls: under its profiler, between plain ones of the same process."""

import time
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from typing import Any

import numpy as np

from ..wire import Message
from .timing import one_by_one

SETTLING_S = 0.1
"""Longer than any runtime spins after a call: the profiled session of ONNX Runtime is another
than the plain one, and its threads would have to share the cores."""
WANTED_S, LEAST_CALLS, MOST_CALLS = 0.3, 7, 60


def profile(
    runner: Any,
    profiler: Any,
    inputs: Sequence[Any],
    feeds: Sequence[Any],
    settle: Callable[[], object],
) -> tuple[Message, list[np.ndarray]]:
    """Calls of `runner`: half of the plain ones, those under `profiler`, the other half.

    Returns: the rows, [operator, caller, leaf, node] each; and, in ns, what the plain calls took
    [calls], the profiled ones [calls], each row's own time in each of those [calls, rows], and
    how many events it has in one call [rows].
    """
    first_ns = one_by_one(runner.call, feeds, LEAST_CALLS)
    wanted = WANTED_S * 1e9 / (2 * max(1.0, float(np.median(first_ns))))
    calls = int(min(MOST_CALLS, max(LEAST_CALLS, wanted)))
    plain_ns = one_by_one(runner.call, feeds, calls)
    time.sleep(SETTLING_S)
    profiled = profiler.record(inputs, calls, settle)
    time.sleep(SETTLING_S)
    for one in islice(cycle(feeds), LEAST_CALLS):
        runner.call(one)
    plain_ns += one_by_one(runner.call, feeds, calls)
    rows = dict.fromkeys(tuple(event[:4]) for call in profiled for event in call.events)
    column = {row: at for at, row in enumerate(rows)}
    own_ns = np.zeros((calls, len(rows)))
    events = np.zeros(len(rows))
    for at, call in enumerate(profiled):
        for event in call.events:
            own_ns[at, column[event[:4]]] += event[4]
            events[column[event[:4]]] += 1
    taken_ns = np.array([call.took_ns for call in profiled], float)
    answer = {"profiler": profiler.name, "rows": [*map(list, rows)]}
    return answer, [np.array(plain_ns, float), taken_ns, own_ns, events / calls]
