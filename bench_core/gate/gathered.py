"""The file that a calibration adds up in, a line per launch or suite."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench_core.analysis.gate import calibration
from bench_core.hardware import cpu
from bench_core.sweep.results import now


class Gathered:
    """This machine's lines of one condition, read at each count and appended to.

    check: raises where the condition did not hold, so that no line says that it did.
    """

    def __init__(
        self, path: Path, condition: str, check: Callable[[], None] = lambda: None
    ) -> None:
        self.condition = condition
        self._path, self._check = path, check
        self._machine = str(cpu.facts()["model"])

    def count(self, kind: str, cells: int | None = None) -> int:
        """How many there are of a kind; of suites, with so many cells."""
        lines = calibration.read(self._path)
        return sum(
            line["machine"] == self._machine
            and (line["kind"], line["condition"]) == (kind, self.condition)
            and cells in (None, line["cells"])
            for line in lines
        )

    def add(self, kind: str, **data: Any) -> None:
        self._check()
        known = {"kind": kind, "condition": self.condition, "machine": self._machine}
        with self._path.open("a") as stream:
            stream.write(json.dumps({**known, **data, "at": now()}) + "\n")
