"""Where what is worth keeping between runs lies."""

import os
from pathlib import Path


def default_cache() -> Path:
    """The user's own, as the XDG directories say."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "bench-core"
