"""What the gate judges beside time: bytes exactly, the task by a paired test, readings if asked."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from bench_core.analysis.gate.launches import holm
from bench_core.analysis.paired import tango
from bench_core.analysis.verdict import BETTER, WITHIN, WORSE, Verdict
from bench_core.record import Interval

TASK_ALPHA = 0.01
"""The chance of calling any task of the suite worse where none lost anything."""


@dataclass(frozen=True)
class Paired:
    """What both sides predicted for the same items, and what is right. Shapes: [items]."""

    base: np.ndarray
    head: np.ndarray
    expected: np.ndarray

    @property
    def gained(self) -> int:
        """Items that only head got right."""
        return int(((self.head == self.expected) & (self.base != self.expected)).sum())

    @property
    def lost(self) -> int:
        """Items that only base got right."""
        return int(((self.base == self.expected) & (self.head != self.expected)).sum())


def artifact(cell: str, base_bytes: int, head_bytes: int, limit: float) -> Verdict:
    """Worse where head ships more than `limit` above base. Bytes are counted: no test."""
    ratio = head_bytes / base_bytes if base_bytes else (math.inf if head_bytes else 1.0)
    kind = WORSE if ratio > 1 + limit else BETTER if ratio < 1 / (1 + limit) else WITHIN
    change = Interval(ratio, ratio, ratio) if math.isfinite(ratio) else None
    reason = f"{base_bytes:,} bytes became {head_bytes:,}"
    return Verdict(cell, "artifact_bytes", kind, change, limit, reason=reason)


def tasks(answers: Mapping[str, Paired]) -> list[Verdict]:
    """Worse where head got fewer items right than base, at 1 % over all cells of the suite.

    McNemar's exact test of each, on the items that only one side got right, by Holm. change:
    of the share of items that came out right, with Tango's bounds, 99 % each.
    Source: McNemar 1947, Psychometrika 12:153.
    """
    losses = {cell: _p_of_loss(pair.lost, pair.gained) for cell, pair in answers.items()}
    gains = {cell: _p_of_loss(pair.gained, pair.lost) for cell, pair in answers.items()}
    worse = holm(losses, TASK_ALPHA, len(losses))
    better = holm(gains, TASK_ALPHA, len(gains))
    found = []
    for cell, pair in answers.items():
        change = tango(pair.gained, pair.lost, pair.expected.size, confidence=1 - 2 * TASK_ALPHA)
        kind = WORSE if cell in worse else BETTER if cell in better else WITHIN
        reason = f"of {pair.expected.size:,} items {pair.lost:,} were lost, {pair.gained:,} gained"
        found.append(Verdict(cell, "task", kind, change, 0.0, reason=reason))
    return found


def readings(
    cell: str, metric: str, base: Sequence[float], head: Sequence[float], limit: float
) -> Verdict:
    """Worse where even head's least reading is more than `limit` above base's greatest.

    A few readings bear no test: this asks them to agree. change: head / base of the medians,
    between the least and the greatest ratio that the readings allow.
    """
    if not min(base):
        return Verdict(cell, metric, WITHIN, limit=limit, launches=len(head), reason="base's is 0")
    low, high = min(head) / max(base), max(head) / min(base)
    kind = WORSE if low > 1 + limit else BETTER if high < 1 / (1 + limit) else WITHIN
    change = Interval(median(head) / median(base), low, high)
    return Verdict(cell, metric, kind, change, limit, launches=len(head))


def _p_of_loss(lost: int, gained: int) -> float:
    """One-sided: the chance of so many losses among the items that differ, were it a fair coin."""
    from scipy.special import bdtrc

    return float(bdtrc(lost - 1, lost + gained, 0.5)) if lost else 1.0
