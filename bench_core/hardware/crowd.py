"""Who else used the processor while we measured."""

import os
import resource
import time
from pathlib import Path

from bench_core.hardware.processes import descendants

_STAT = Path("/proc/stat")
_BUSY_CORES = 0.1


class Crowd:
    """Counts processor time from its making on. Load averages count our own work too."""

    def __init__(self) -> None:
        self._start = time.monotonic(), *_machine_s(), _own_s()

    def warnings(self) -> list[str]:
        """What other processes, and other machines on the same host, took meanwhile."""
        others, stolen = self._taken()
        found = []
        if others > _BUSY_CORES:
            found.append(
                f"busy: other processes used {others:.1f} of {os.cpu_count()} cores meanwhile; "
                "ratios hold, absolute times are too high"
            )
        if stolen > _BUSY_CORES:
            found.append(f"the host took {stolen:.1f} cores away from this machine meanwhile")
        return found

    @property
    def busy(self) -> bool:
        """Whether anybody else took so much of the cores that it may show."""
        return max(self._taken()) > _BUSY_CORES

    def _taken(self) -> tuple[float, float]:
        """Cores, on average, that other processes and that the host took."""
        start, busy_s, steal_s, own_s = self._start
        wall_s = max(time.monotonic() - start, 1e-3)
        now_busy_s, now_steal_s = _machine_s()
        others = (now_busy_s - busy_s - (_own_s() - own_s)) / wall_s
        return others, (now_steal_s - steal_s) / wall_s


def _machine_s() -> tuple[float, float]:
    """Seconds that all cores were busy, and that the host took from them."""
    fields = [int(field) for field in _STAT.read_text().splitlines()[0].split()[1:9]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = fields
    ticks = os.sysconf("SC_CLK_TCK")
    return (user + nice + system + irq + softirq) / ticks, steal / ticks


def _own_s() -> float:
    """Processor seconds of this process and of all that descend from it, ended or not."""
    ours = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    ended = sum(usage.ru_utime + usage.ru_stime for usage in ours)
    return ended + sum(one.cpu_s for one in descendants())
