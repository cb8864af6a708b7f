"""What a gate shows while it runs: where it is, and how long this stage can still take."""

import sys
import time

from bench_core.analysis.units import duration, visible

_ERASE_LINE = "\r\x1b[2K"


class Progress:
    """Told of stages and steps. On a terminal one line that changes, elsewhere one per launch.

    No thread of its own redraws it: that would take a core from whoever is timed.
    """

    def __init__(self) -> None:
        self._stage = ""
        self._begun: tuple[float, int] | None = None
        self._per_cell_s: float | None = None

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
        if not sys.stdout.isatty():
            sys.stdout.write(f"{self._stage}\n")
            sys.stdout.flush()

    def say(self, what: str) -> None:
        """What is being done just now; "" takes the line away."""
        if sys.stdout.isatty():
            line = f"{self._stage}: {visible(what)}" if self._stage and what else visible(what)
            sys.stdout.write(f"{_ERASE_LINE}{line[:150]}")
            sys.stdout.flush()
