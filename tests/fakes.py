"""Stand-ins for what a test must control: the time that a block takes."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np


@dataclass
class FakeSide:
    """A contender that logs what it is asked and takes exactly the seconds it is told to."""

    name: str
    log: list[str]
    call_s: Callable[[int], float]
    blocks: int = field(default=0, init=False)

    def warm(self) -> dict[str, float]:
        self.log.append(f"warm {self.name}")
        return {"median_s": self.call_s(0), "threads_busy": 1}

    def block(self, samples: int, calls: int) -> tuple[np.ndarray, list[int]]:
        self.log.append(self.name)
        taken_ns = self.call_s(self.blocks) * calls * 1e9
        self.blocks += 1
        return np.full(samples, taken_ns), [30_000, 30_000]
