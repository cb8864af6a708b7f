"""Memory of this process and of the machine."""

import os
from pathlib import Path


def total_bytes() -> int:
    """Of the machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


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
    for line in Path(f"/proc/{pid or 'self'}/status").read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1]) * 1024
    raise OSError(f"/proc/…/status has no {field}")
