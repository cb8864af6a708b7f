"""Writes the final file: whole or not at all."""

import json
import os
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench_core.errors import UsageError, explained

_PART = ".part"
_TRIAL_BYTES = 1024


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A file to write beside `path`, then moved there: readers see the old one or the new one.

    Raises: OSError that names `path`; the system names a file only where it cannot be opened.
    """
    part = path.with_name(f".{path.name}{_PART}")
    try:
        yield part
        with part.open("rb") as stream:
            os.fsync(stream.fileno())
        part.replace(path)
    except OSError as error:
        error.filename = str(path)
        raise
    finally:
        part.unlink(missing_ok=True)


def write_json(path: Path, content: Any) -> None:
    """Put `content` at `path`."""
    text = json.dumps(content, indent=1, allow_nan=False)
    with whole(path) as part:
        part.write_text(f"{text}\n")


def write_raw(path: Path, files: Iterable[tuple[str, Path]]) -> None:
    """Gather the cells' raw samples in one .npz: arrays named <cell id>/<column>."""
    with whole(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as gathered:
        for cell, file in files:
            with zipfile.ZipFile(file) as one:
                for name in one.namelist():
                    if name != "cell.npy":
                        gathered.writestr(f"{cell}/{name}", one.read(name), zipfile.ZIP_DEFLATED)


def check_writable(folder: Path) -> None:
    """Make `folder` if need be, and write there what no one will see.

    Raises: UsageError, before hours are spent on what could not be kept.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(_TRIAL_BYTES))
    except OSError as error:
        error.filename = str(folder)
        raise UsageError(f"expected to write files there: {explained(error)}") from None


def drop_parts(folder: Path) -> None:
    """Remove what a run that was killed while writing has left. One sweep at a time runs here."""
    for part in folder.rglob(f".*{_PART}"):
        part.unlink()


def now() -> str:
    """Date and time for people to read; no duration is taken from them."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def free_name(folder: Path, before: str = "", after: str = "") -> Path:
    """folder/<before><now><after>.json, or with a number where that is taken."""
    stem = f"{before}{datetime.now(UTC):%Y%m%dT%H%M%SZ}{after}"
    for number in range(10_000):
        path = folder / (f"{stem}.json" if number == 0 else f"{stem}_{number}.json")
        if not path.exists():
            return path
    raise FileExistsError(f"{folder} holds 10,000 files called {stem}")
