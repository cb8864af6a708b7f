"""Puts each thread of a contender on a core of its own.

A mask of several cores is not enough: the two sides may then sit on different cores for a
whole launch, and cores differ by up to 1.8x (spread of A/A ratios with two threads, mask →
placed: 19.9 → 0.35 % for a small model).
"""

import os
from collections.abc import Sequence
from pathlib import Path


def thread_ids(pid: int) -> list[int]:
    """Of a process, in the order of their making: the main thread first."""
    main = pid
    others = sorted(int(entry.name) for entry in _tasks(pid).iterdir() if int(entry.name) != main)
    return [main, *others]


def place_threads(pid: int, cores: Sequence[int]) -> list[int]:
    """The main thread on the first core, the others in turn on the rest.

    A runtime makes its pool at one go, so in turn is one thread of each pool a core.
    Returns: the threads placed. One that ended meanwhile is left out.
    """
    main, *others = thread_ids(pid)
    os.sched_setaffinity(main, {cores[0]})
    rest = cores[1:] or cores[:1]
    placed = [main]
    for index, thread in enumerate(others):
        try:
            os.sched_setaffinity(thread, {rest[index % len(rest)]})
        except ProcessLookupError:
            continue
        placed.append(thread)
    return placed


def cpu_time_ns(pid: int) -> dict[int, int]:
    """Nanoseconds that each thread has run."""
    times = {}
    for thread in thread_ids(pid):
        try:
            times[thread] = int((_tasks(pid) / str(thread) / "schedstat").read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue
    return times


def _tasks(pid: int) -> Path:
    return Path(f"/proc/{pid}/task")
