"""Where a sweep's wall time goes."""

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Seconds by phase. A phase inside another one counts for itself alone."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._inner_s = [0.0]

    @contextmanager
    def __call__(self, phase: str) -> Iterator[None]:
        start = time.perf_counter()
        self._inner_s.append(0.0)
        try:
            yield
        finally:
            took_s = time.perf_counter() - start
            own_s = took_s - self._inner_s.pop()
            self._inner_s[-1] += took_s
            self.seconds[phase] = self.seconds.get(phase, 0.0) + own_s

    def move(self, phase: str, part: str, seconds: float) -> None:
        """Book `seconds` of a phase under a name of their own."""
        self.seconds[phase] -= seconds
        self.seconds[part] = self.seconds.get(part, 0.0) + seconds
