"""What the kernel does for processes that outlive whoever started them."""

import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_ENDING_LIMIT_S = 5.0


def die_with_parent(number: signal.Signals = signal.SIGKILL) -> None:
    """Have the kernel send this process a signal when its parent ends.

    SIGKILL ends even a stopped process, and one that holds the interpreter's lock for ever.
    """
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose own parent ends, a daemon's too."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1)


@dataclass(frozen=True)
class Process:
    """cpu_s: processor seconds of its own and of its children that it has seen end."""

    pid: int
    parent: int
    cpu_s: float


def children() -> set[int]:
    """This process's own, those that have ended and wait to be reaped too."""
    return {one.pid for one in _all() if one.parent == os.getpid()}


def end_children(but: Collection[int] = ()) -> None:
    """Kill every child that is not one of `but`, and what these leave to `adopt_orphans`.

    One may fork meanwhile: so until there are none, or the time is up.
    """
    deadline = time.monotonic() + _ENDING_LIMIT_S
    while (left := children() - set(but)) and time.monotonic() < deadline:
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        for pid in left:
            os.waitpid(pid, 0)


def descendants() -> list[Process]:
    """Children, their children and so on, of this process."""
    by_parent: dict[int, list[Process]] = {}
    for one in _all():
        by_parent.setdefault(one.parent, []).append(one)
    found = by_parent.get(os.getpid(), [])
    for one in found:  # grows meanwhile
        found += by_parent.get(one.pid, [])
    return found


def _all() -> Iterator[Process]:
    tick_s = 1 / os.sysconf("SC_CLK_TCK")
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                # After the name, which may itself hold brackets and blanks.
                text = (entry / "stat").read_text(errors="replace").rsplit(")", 1)[1].split()
                ticks = sum(map(int, text[11:15]))
                yield Process(int(entry.name), int(text[1]), ticks * tick_s)
