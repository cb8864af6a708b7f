"""The timed loop. Nothing runs inside it but the clock and the call."""

import gc
import os
from collections.abc import Callable, Sequence
from itertools import cycle, islice
from statistics import median
from time import perf_counter_ns
from typing import Any

import numpy as np

SINGLE_CALL_S = 50e-6
"""Calls shorter than this are timed several at once: one reading costs about 0.1 µs."""
BATCH_S = 100e-6
BLOCK_S = 25e-3
BLOCK_MIN_CALLS = 3
_REWARM_S = 2e-3

Call = Callable[[Any], Any]


class OwnLoop:
    """The timed loop of a model that lives in this process."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self.pid = os.getpid()

    def warm_up(self, feeds: Sequence[Any]) -> float:
        return warm_up(self._call, feeds)

    def block(
        self, feeds: Sequence[Any], samples: int, calls: int
    ) -> tuple[np.ndarray, tuple[int, int]]:
        return timed_block(self._call, feeds, samples, calls)


def warm_up(call: Call, feeds: Sequence[Any]) -> float:
    """Call until it stops getting faster; returns the median of the last calls, in seconds.

    At least 10 calls and 50 ms (a rule of calls alone ends after 0.4 ms for the smallest),
    at most 5 s.
    """
    times: list[int] = []
    start = perf_counter_ns()
    for feed in cycle(feeds):
        before = perf_counter_ns()
        call(feed)
        now = perf_counter_ns()
        times.append(now - before)
        if len(times) % 5 == 0 and len(times) >= 10 and now - start >= 50e6:
            settled = median(times[-5:]) > 0.98 * median(times[-10:-5])
            if settled or now - start > 5e9:
                return median(times[-10:]) / 1e9
    raise ValueError("a contender needs at least one input")


def slowed(call: Call, spin_s: float) -> Call:
    """`call`, made longer by a spin of so many seconds: what a regression would look like."""
    spin_ns, clock = int(spin_s * 1e9), perf_counter_ns

    def longer(feed: Any) -> Any:
        output = call(feed)
        end = clock() + spin_ns
        while clock() < end:
            pass
        return output

    return longer


def shape_of_block(reference_s: float, mode_s: float) -> tuple[int, int, int]:
    """Calls per sample (of both sides), samples per block of the reference and of the mode."""
    fastest = min(reference_s, mode_s)
    calls = 1 if fastest >= SINGLE_CALL_S else int(np.ceil(BATCH_S / fastest))
    samples = [
        max(BLOCK_MIN_CALLS, int(np.ceil(BLOCK_S / (one * calls)))) for one in (reference_s, mode_s)
    ]
    return calls, samples[0], samples[1]


def canary_ns() -> int:
    """Time for some fixed arithmetic of about 30 µs: what the machine itself does just now."""
    before = perf_counter_ns()
    total = 0
    for number in range(1000):
        total += number
    return perf_counter_ns() - before


def timed_block(
    call: Call, feeds: Sequence[Any], samples: int, calls: int
) -> tuple[np.ndarray, tuple[int, int]]:
    """One block: re-warmed, between two canaries, the garbage collector off.

    Returns: ns of each sample (of `calls` calls), and the canaries before and after.
    """
    gc.disable()
    try:
        start = perf_counter_ns()
        for feed in islice(cycle(feeds), 100):
            call(feed)
            if perf_counter_ns() - start > _REWARM_S * 1e9:
                break
        before = canary_ns()
        if calls == 1:
            taken = one_by_one(call, feeds, samples)
        else:
            taken = several_at_once(call, feeds, samples, calls)
        after = canary_ns()
        return np.array(taken, dtype=np.int64), (before, after)
    finally:
        gc.enable()


def one_by_one(call: Call, feeds: Sequence[Any], samples: int) -> list[int]:
    """A sample is one call. A list, since an append costs half of a store into an array."""
    clock = perf_counter_ns
    taken: list[int] = []
    keep = taken.append
    for feed in islice(cycle(feeds), samples):
        before = clock()
        call(feed)
        keep(clock() - before)
    return taken


def several_at_once(call: Call, feeds: Sequence[Any], samples: int, calls: int) -> list[int]:
    """A sample is `calls` of them."""
    clock = perf_counter_ns
    taken = []
    inputs = list(islice(cycle(feeds), calls))
    for _ in range(samples):
        before = clock()
        for feed in inputs:
            call(feed)
        taken.append(clock() - before)
    return taken
