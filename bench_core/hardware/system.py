"""Which system we run on: the one place that asks."""

import platform

from bench_core.errors import UsageError


def require_linux() -> None:
    """Raises: UsageError elsewhere, where nothing of this was ever run."""
    found = platform.system()
    if found != "Linux":
        raise UsageError(
            "bench-core measures on Linux, by whose means it places threads, limits memory and "
            f"ends processes; found {found or 'a system without a name'}: run it in a Linux "
            "container or virtual machine"
        )
