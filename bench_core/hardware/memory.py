"""Memory of this process and of the machine."""

import os
import resource
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")
_OUT_OF_MEMORY = (
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "failed to allocate memory",
    "bad_alloc",
    "std::bad_array_new_length",
    "thread creation failed: resource temporarily unavailable",
    "can't start new thread",
)
"""Runtimes' words for it, in lower case: torch, glibc, ONNX Runtime, C++, libgomp, Python.
The last two mean it because a thread's stack counts as address space, which `limit_growth` bounds.
"""


def total_bytes() -> int:
    """Of the machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def available_bytes() -> int:
    """What may be taken before the kernel must kill: of the machine, and of its cgroup."""
    free = _field(Path("/proc/meminfo"), "MemAvailable:") * 1024
    try:
        limit = int((_CGROUP / "memory.max").read_text())
        return min(free, limit - _field(_CGROUP / "memory.stat", "anon"))
    except (OSError, ValueError):  # no cgroup of version 2, or one with the limit "max"
        return free


def limit_growth(extra_bytes: int) -> None:
    """Let this process, and those it starts, map that much more than it maps now.

    Allocations beyond fail where they are made, instead of waking the kernel's killer.
    """
    limit = _status_bytes("VmSize") + extra_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    resource.setrlimit(resource.RLIMIT_AS, (limit, hard))


def says_out_of_memory(text: str) -> bool:
    """Whether a runtime's last words tell of memory that it did not get."""
    return any(words in text.lower() for words in _OUT_OF_MEMORY)


def restart_peak() -> int:
    """Make the peak count from now on, and return what is resident now.

    `ru_maxrss` survives exec and so reports a parent's peak; VmHWM can be reset.
    """
    Path("/proc/self/clear_refs").write_text("5")
    return _status_bytes("VmRSS")


def peak_bytes(pid: int | None = None) -> int:
    """The most that was resident since the start, or since `restart_peak`; ours, or `pid`'s."""
    return _status_bytes("VmHWM", pid)


def oom_kills() -> int:
    """Processes that the kernel has killed for want of memory since it started."""
    for line in Path("/proc/vmstat").read_text().splitlines():
        if line.startswith("oom_kill "):
            return int(line.split()[1])
    return 0


def _status_bytes(field: str, pid: int | None = None) -> int:
    return _field(Path(f"/proc/{pid or 'self'}/status"), f"{field}:") * 1024


def _field(file: Path, name: str) -> int:
    for line in file.read_text().splitlines():
        key, *rest = line.split()
        if key == name:
            return int(rest[0])
    raise OSError(f"{file} has no {name}")
