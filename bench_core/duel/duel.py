"""A duel from its first block to its interval."""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from bench_core.analysis.statistics import LaunchSpread
from bench_core.duel.interleave import Block, Interleaving, Launch, Side
from bench_core.duel.stopping import FIRST_LOOK_QUADS, MORE_LAUNCHES, MORE_QUADS, Look, Rule, look

Pair = tuple[Side, Side]
FreshPair = Callable[[], AbstractContextManager[Pair]]


@dataclass(frozen=True)
class Duel:
    """All that was measured, and the last look at it."""

    launches: tuple[Launch, ...]
    look: Look
    seconds: float
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


def fight(
    pair: Pair, fresh_pair: FreshPair, rule: Rule, spread: LaunchSpread, launch_start_s: float
) -> Duel:
    """Time a pair until the rule is content; later launches are fresh pairs of processes.

    launch_start_s: what starting a fresh pair is expected to take.
    """
    start = time.perf_counter()
    interleaving = Interleaving(*pair)
    warmed = interleaving.warmed
    warm_s = time.perf_counter() - start
    launches = [interleaving.run(FIRST_LOOK_QUADS)]
    while True:
        spent_s = time.perf_counter() - start
        quad_s = (spent_s - warm_s) / _quads(launches)
        launch_s = launch_start_s + warm_s + FIRST_LOOK_QUADS * quad_s
        now = look(
            rule,
            [launch.quads for launch in launches],
            spread,
            spent_s=spent_s,
            quad_s=quad_s,
            launch_s=launch_s,
        )
        if now.step == MORE_QUADS:
            launches[-1] = interleaving.run(2 * len(launches[-1].quads))
        elif now.step == MORE_LAUNCHES:
            with fresh_pair() as fresh:
                launches.append(Interleaving(*fresh, len(launches)).run(FIRST_LOOK_QUADS))
        else:
            return Duel(tuple(launches), now, spent_s, warmed, rule.confidence)


def _quads(launches: Sequence[Launch]) -> int:
    return sum(len(launch.quads) for launch in launches)
