"""What a study shows while it runs: which step of how many, and how long they can still take."""

import sys
import time
from typing import Self

from bench_core.analysis.units import duration, visible
from bench_core.sweep.terminal import rewrite

_MOST = 150
"""Characters: a line that wraps could not be taken back."""


class Progress:
    """Told of stages and steps: a line each, on a terminal one that changes and goes in the end."""

    def __init__(self) -> None:
        self._stage, self._steps, self._done = "", 0, 0
        self._began = time.monotonic()
        self._said = ""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if sys.stdout.isatty():
            rewrite("")

    def stage(self, name: str, steps: int) -> None:
        """So many steps of one kind follow."""
        self._stage, self._steps, self._done = name, steps, 0
        self._began = time.monotonic()

    def step(self, what: str) -> None:
        """The next of them begins."""
        left = ""
        if self._done:
            mean_s = (time.monotonic() - self._began) / self._done
            left = f", about {duration(mean_s * (self._steps - self._done))} left"
        self._done += 1
        self._said = f"{self._stage} [{self._done}/{self._steps}{left}] {what}"
        if sys.stdout.isatty():
            self.say("")
        else:
            sys.stdout.write(f"{visible(self._said)}\n")
            sys.stdout.flush()

    def say(self, what: str) -> None:
        """What is being done just now, on a terminal alone."""
        if sys.stdout.isatty():
            rewrite(visible(f"{self._said}: {what}" if what else self._said)[:_MOST])
