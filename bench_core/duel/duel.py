"""A duel from its first block to its interval."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from bench_core.duel.interleave import Block, Interleaving, Launch, Side
from bench_core.duel.stopping import ANOTHER, QUADS_PER_LAUNCH, Look, Rule, SpreadOf, look

Pair = tuple[Side, Side]
Relaunch = Callable[[], AbstractContextManager[Pair]]


@dataclass(frozen=True)
class Duel:
    """All that was measured, and the last look at it."""

    launches: tuple[Launch, ...]
    look: Look
    warmed: dict[str, dict[str, float]]
    confidence: float

    @property
    def blocks(self) -> tuple[Block, ...]:
        return tuple(block for launch in self.launches for block in launch.blocks)

    @property
    def calls_per_sample(self) -> int:
        return max(block.calls for block in self.blocks)

    @property
    def quads(self) -> int:
        return sum(len(launch.quads) for launch in self.launches)

    @property
    def timed_s(self) -> float:
        """Seconds spent inside samples."""
        return sum(float(block.taken_ns.sum()) for block in self.blocks) / 1e9

    def samples_s(self, side: str) -> np.ndarray:
        return np.concatenate([launch.samples_s(side) for launch in self.launches])

    def block_medians_s(self, side: str) -> list[float]:
        return [median for launch in self.launches for median in launch.block_medians_s(side)]


def fight(pair: Pair, relaunch: Relaunch, rule: Rule, spread_of: SpreadOf) -> Duel:
    """Time a pair, and then new pairs of processes of the same two, until the rule is content."""
    start = time.perf_counter()
    first = Interleaving(*pair)
    launches = [first.run(QUADS_PER_LAUNCH)]
    longest_s = time.perf_counter() - start
    while True:
        left_s = rule.budget_s - (time.perf_counter() - start)
        quads = [launch.quads for launch in launches]
        now = look(rule, quads, spread_of, left_s=left_s, next_s=longest_s)
        if now.step != ANOTHER:
            return Duel(tuple(launches), now, first.warmed, rule.confidence)
        begun = time.perf_counter()
        with relaunch() as fresh:
            launches.append(Interleaving(*fresh, len(launches)).run(QUADS_PER_LAUNCH))
        longest_s = max(longest_s, time.perf_counter() - begun)
