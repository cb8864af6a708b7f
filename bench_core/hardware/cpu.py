"""The processor: which cores may be used, what they are, and what makes them unsteady."""

import os
import platform
from pathlib import Path

_CPUINFO = Path("/proc/cpuinfo")
_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")


def usable_cores() -> list[int]:
    """The cores that this process may run on, no more than its cgroup's quota pays for."""
    cores = sorted(os.sched_getaffinity(0))
    quota = _quota_cores()
    return cores if quota is None else cores[: max(1, int(quota))]


def _quota_cores() -> float | None:
    try:
        quota, period = _CGROUP_QUOTA.read_text().split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else int(quota) / int(period)


def facts() -> dict[str, object]:
    """What the processor says of itself; `flags` decide which kernels a runtime picks."""
    first: dict[str, str] = {}
    for line in _CPUINFO.read_text().split("\n\n", 1)[0].splitlines():
        key, _, value = line.partition(":")
        first[key.strip()] = value.strip()
    flags = first.get("flags", "").split()
    return {
        "model": first.get("model name", platform.processor()),
        "architecture": platform.machine(),
        "cores": os.cpu_count(),
        "usable_cores": usable_cores(),
        "flags": sorted(flag for flag in flags if flag.startswith(("avx", "amx", "fma", "sse4"))),
        "virtual": "hypervisor" in flags,
    }


def warnings() -> list[str]:
    """What makes timings on this machine less sure than they could be."""
    found = []
    if facts()["virtual"]:
        found.append(
            "a virtual machine: neighbours slow it unseen; trust ratios before absolute times"
        )
    governor = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    if governor.exists() and (name := governor.read_text().strip()) != "performance":
        found.append(f"the frequency governor is {name!r}, not 'performance'")
    return found
