"""What a gate shows while it runs: where it is, and how long this stage can still take."""

import sys
import time
from typing import Self

from bench_core.analysis.units import duration, visible
from bench_core.sweep.terminal import rewrite

_MOST = 150
"""Characters: a line that wraps could not be taken back."""


class Progress:
    """Told of launches and steps: a line each, on a terminal one that changes and goes in the end.

    No thread of its own redraws it: that would take a core from whoever is timed.
    """

    def __init__(self) -> None:
        self._stage = ""
        self._begun: tuple[float, int] | None = None
        self._per_cell_s: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.say("")

    def step(self, what: str) -> None:
        """Something begins that can last, beside the launches."""
        self._stage, self._begun = "", None
        self.say(what)
        self._print(what)

    def launch(self, stage: str, launch: int, most: int, cells: int) -> None:
        """A launch of so many cells begins, of at most `most` in this stage."""
        now = time.monotonic()
        if self._begun is not None:
            began, of_cells = self._begun
            self._per_cell_s = (now - began) / max(1, of_cells)
        self._begun = now, cells
        self._stage = f"{stage}: launch {launch} of {'' if stage == 'screen' else 'at most '}{most}"
        self._stage += f", {cells} cell{'s' if cells != 1 else ''}"
        if self._per_cell_s is not None:
            left_s = self._per_cell_s * cells * (most - launch + 1)
            self._stage += f", {'' if stage == 'screen' else 'at most '}{duration(left_s)} left"
        self._print(self._stage)

    def say(self, what: str) -> None:
        """What is being done just now, on a terminal alone."""
        if sys.stdout.isatty():
            line = f"{self._stage}: {what}" if self._stage and what else what
            rewrite(visible(line)[:_MOST])

    def _print(self, line: str) -> None:
        """Where lines stay, as in the log of a CI: it is read while the gate runs."""
        if not sys.stdout.isatty():
            sys.stdout.write(f"{visible(line)}\n")
            sys.stdout.flush()
