"""What is done is on disk at once: a line per finished cell, and its raw samples beside it."""

import hashlib
import json
import os
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from bench_core.duel.duel import Duel
from bench_core.duel.interleave import spoilt
from bench_core.sweep.results import whole

_BLOCK_COLUMNS = ("launch", "quad", "position", "side", "calls", "samples")


@dataclass
class Journal:
    """An append-only file of JSON lines: {"kind", "name", "key", "data"}.

    Of lines with the same kind and name the last one counts.
    """

    folder: Path
    lines: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict, init=False)

    @property
    def _file(self) -> Path:
        return self.folder / "journal.jsonl"

    def open(self, *, resume: bool) -> None:
        """Start empty, or with what an earlier run left."""
        if not resume:
            self.clear()
        self.folder.mkdir(parents=True, exist_ok=True)
        if not self._file.exists():
            return
        text = self._file.read_text(errors="replace")
        for one in text.split("\n"):
            try:
                line = json.loads(one)
                self.lines[line["kind"], line["name"]] = line
            except (ValueError, KeyError, TypeError):
                continue  # the machine died while this line was written
        if not text.endswith("\n"):
            with self._file.open("a") as stream:
                stream.write("\n")  # what is written next must not join the torn line

    def write(self, kind: str, name: str, key: str, data: Any) -> None:
        """Append a line; it is on the disk when this returns.

        Where the file has gone meanwhile, all that is known is written anew.
        Raises: OSError, naming the file, which then holds what it held before.
        """
        line = {"kind": kind, "name": name, "key": key, "data": data}
        self.lines[kind, name] = line
        lines = [line] if self._file.exists() or len(self.lines) == 1 else self.lines.values()
        text = "".join(json.dumps(one) + "\n" for one in lines).encode()
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._file.open("ab", buffering=0) as stream:
            before = stream.seek(0, os.SEEK_END)
            try:
                while text:
                    text = text[stream.write(text) :]
                os.fsync(stream.fileno())
            except OSError as error:
                stream.truncate(before)  # a torn line would swallow the next one
                error.filename = str(self._file)
                raise

    def read(self, kind: str, name: str, key: str) -> Any | None:
        """What was written under this name, if it was for the same key."""
        line = self.lines.get((kind, name))
        return line["data"] if line and line["key"] == key else None

    def write_raw(self, cell: str, duel: Duel) -> None:
        """Keep every sample of a duel, in columns."""
        blocks = duel.blocks
        table = np.array(
            [
                (b.launch, b.quad, b.position, "AB".index(b.side), b.calls, len(b.taken_ns))
                for b in blocks
            ],
            dtype=np.int32,
        )
        with whole(self.raw_file(cell)) as part, part.open("wb") as stream:
            np.savez_compressed(
                stream,
                cell=np.array(cell),
                columns=np.array(_BLOCK_COLUMNS),
                blocks=table,
                taken_ns=np.concatenate([b.taken_ns for b in blocks]),
                canary_ns=np.array([b.canary_ns for b in blocks], dtype=np.int32),
                spoilt=spoilt(blocks),
            )

    def raw_file(self, cell: str) -> Path:
        """Where a cell's raw samples are kept until the run ends."""
        return self.folder / f"{hashlib.sha256(cell.encode()).hexdigest()[:24]}.npz"

    def clear(self) -> None:
        """Forget all: the final file holds it now, or another run begins."""
        self.lines.clear()
        if self.folder.exists():
            shutil.rmtree(self.folder)
