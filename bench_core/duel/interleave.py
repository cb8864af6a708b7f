"""Times two contenders in turn, in quads of blocks: A B B A, then B A A B.

Drift that is linear in time cancels inside a quad; the mirrored order of every second one
cancels what is left of a favour to whoever comes first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from bench_core.analysis.statistics import quad_log_ratios
from bench_core.worker.timing import shape_of_block

ORDERS = ("ABBA", "BAAB")
SPOILT = 1.10
"""A block is marked, never dropped, when a canary beside it took this much over the floor."""


class Side(Protocol):
    """What the interleaving needs of a contender."""

    def warm(self) -> dict[str, float]: ...
    def block(self, samples: int, calls: int) -> tuple[np.ndarray, list[int]]: ...


@dataclass(frozen=True)
class Block:
    """ns of each sample of `calls` calls by side A (the reference) or B (the mode)."""

    launch: int
    quad: int
    position: int
    side: str
    calls: int
    taken_ns: np.ndarray
    canary_ns: tuple[int, int]


@dataclass(frozen=True)
class Launch:
    """What one pair of processes has shown so far."""

    blocks: tuple[Block, ...]

    @property
    def quads(self) -> np.ndarray:
        """One log-ratio per finished quad, above 0 where the mode is faster."""
        by_side = {
            side: np.array(
                [np.median(b.taken_ns) / b.calls for b in self.blocks if b.side == side]
            ).reshape(-1, 2)
            for side in "AB"
        }
        return quad_log_ratios(by_side["A"], by_side["B"])

    def samples_s(self, side: str) -> np.ndarray:
        """Seconds per call of every sample of one side."""
        return np.concatenate([b.taken_ns / b.calls for b in self.blocks if b.side == side]) / 1e9

    def block_medians_s(self, side: str) -> list[float]:
        return [float(np.median(b.taken_ns)) / b.calls / 1e9 for b in self.blocks if b.side == side]


class Interleaving:
    """A pair of contenders, warmed up, whose quads are asked for a few at a time."""

    def __init__(self, reference: Side, mode: Side, launch: int = 0) -> None:
        self._sides = {"A": reference, "B": mode}
        self._launch = launch
        self._blocks: list[Block] = []
        self.warmed = {side: contender.warm() for side, contender in self._sides.items()}
        self.calls, a_samples, b_samples = shape_of_block(
            self.warmed["A"]["median_s"], self.warmed["B"]["median_s"]
        )
        self._samples = {"A": a_samples, "B": b_samples}

    def run(self, until_quads: int) -> Launch:
        """Go on until that many quads are done, counting those done before."""
        done = len(self._blocks) // 4
        for quad in range(done, until_quads):
            self._blocks += self._quad(quad)
        return Launch(tuple(self._blocks))

    def _quad(self, quad: int) -> Iterator[Block]:
        for position, side in enumerate(ORDERS[quad % 2]):
            taken_ns, canary_ns = self._sides[side].block(self._samples[side], self.calls)
            first, last = canary_ns
            yield Block(self._launch, quad, position, side, self.calls, taken_ns, (first, last))


def spoilt(blocks: tuple[Block, ...]) -> np.ndarray:
    """Which blocks ran while the machine itself was slow, by their canaries.

    Each side is held against its own floor: a canary in C++ is another than one in Python.
    """
    canaries = np.array([max(block.canary_ns) for block in blocks])
    sides = np.array([block.side for block in blocks])
    marked = np.zeros(len(blocks), bool)
    for side in np.unique(sides):
        own = canaries[sides == side]
        marked[sides == side] = own > SPOILT * np.quantile(own, 0.05)
    return marked
