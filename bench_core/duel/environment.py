"""What a contender runs under: an interpreter, and where it finds modules and files."""

import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Environment:
    """python: the interpreter. path: its `sys.path`. folder: where relative names start."""

    python: str
    path: tuple[str, ...]
    folder: Path


def here() -> Environment:
    """Our own."""
    return Environment(sys.executable, tuple(sys.path), Path.cwd())
