"""Writes the final file: whole or not at all."""

import json
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def write_json(path: Path, content: Any) -> None:
    """Put `content` at `path`; readers see the old file or the new one, never a part."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("w") as stream:
            json.dump(content, stream, indent=1, allow_nan=False)
            stream.write("\n")
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def write_raw(path: Path, files: Iterable[tuple[str, Path]]) -> None:
    """Gather the cells' raw samples in one .npz: arrays named <cell id>/<column>."""
    part = path.with_name(f".{path.name}.part")
    try:
        with zipfile.ZipFile(part, "w", zipfile.ZIP_STORED) as whole:
            for cell, file in files:
                with zipfile.ZipFile(file) as one:
                    for name in one.namelist():
                        if name != "cell.npy":
                            whole.writestr(f"{cell}/{name}", one.read(name), zipfile.ZIP_DEFLATED)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def free_name(folder: Path, stem: str) -> Path:
    """folder/stem.json, or with a number where that is taken."""
    for number in range(10_000):
        path = folder / (f"{stem}.json" if number == 0 else f"{stem}_{number}.json")
        if not path.exists():
            return path
    raise FileExistsError(f"{folder} holds 10,000 files called {stem}")
