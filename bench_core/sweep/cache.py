"""Where artefacts, cold readings and answers to tasks are kept between sweeps."""

import hashlib
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

from bench_core.cell import Cell
from bench_core.sweep.fingerprint import making_key
from bench_core.sweep.origin import OURS, Origin

_MADE = "made-"
_LONGEST_NAME = 200
"""A file system takes 255 bytes; artefacts and parts of them add some of their own."""


def model_folder(cache: Path, model: str, origin: Origin = OURS) -> Path:
    """All that was made of one model, by that code and these versions, on such a machine."""
    folder = cache / f"{_MADE}{making_key(model, origin.package, origin.beside, origin.python)}"
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    return folder


def cell_folder(cache: Path, cell: Cell, origin: Origin = OURS) -> Path:
    """What one cell made."""
    return model_folder(cache, cell.model, origin) / file_name(str(cell))


def file_name(text: str) -> str:
    """`text`, or its beginning and its hash where it is longer than a file's name may be."""
    if len(text) <= _LONGEST_NAME:
        return text
    return f"{text[: _LONGEST_NAME - 17]}-{hashlib.sha256(text.encode()).hexdigest()[:16]}"


def drop_stale(cache: Path) -> None:
    """Remove what was made of models, by versions or on machines not swept for 30 days."""
    for part in cache.glob(f"{_MADE}*/part-*"):
        part.unlink()  # of a build that was killed: one sweep at a time runs here
    drop_unused(cache.glob(f"{_MADE}*"))


def drop_unused(folders: Iterable[Path], keep_days: float = 30.0) -> None:
    """Remove those that nobody has touched for so long."""
    for folder in folders:
        if time.time() - folder.stat().st_mtime > keep_days * 86_400:
            shutil.rmtree(folder)
