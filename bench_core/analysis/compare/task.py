"""What a model's task lost from one saved run to another."""

import math

from bench_core.analysis.paired import wilson
from bench_core.analysis.verdict import BETTER, UNSURE, WITHIN, WORSE, Verdict
from bench_core.record import Interval, TaskScore

METRIC = "task"
LEVEL = 0.99
"""Of each bound by itself. Not divided by the cells: unchanged code gets the same items right."""
_RECORDED = 0.95
"""Of both bounds together, in a record."""


def task(name: str, before: TaskScore, after: TaskScore | None) -> Verdict:
    """Worse where the lower 99 % limit of the loss is above 0.

    Which items came out right is not in a file. Where both runs compared their mode with the
    same float scores, the difference of the two paired changes counts, else that of the two
    shares as if their items had nothing to do with each other; both are wider than a paired
    comparison of the two would be, so small losses pass.
    """
    if after is None:
        return Verdict(name, METRIC, UNSURE, reason="no task score now, but one before")
    measured_on = [(t.name, t.corpus_sha256, t.items, t.length) for t in (before, after)]
    if measured_on[0] != measured_on[1]:
        return Verdict(name, METRIC, UNSURE, reason="not the same task, corpus or length as before")
    change = _paired(before, after) or _independent(before, after)
    kind = WORSE if change.high < 0 else BETTER if change.low > 0 else WITHIN
    return Verdict(name, METRIC, kind, change, limit=0.0)


def _paired(before: TaskScore, after: TaskScore) -> Interval | None:
    """Of both changes against float, if float got the same share of the items right."""
    first, second = _against_float(before), _against_float(after)
    if first is None or second is None:
        return None
    same = math.isclose(before.value - first.value, after.value - second.value, abs_tol=1e-9)
    return _difference(second, first) if same else None


def _against_float(score: TaskScore) -> Interval | None:
    """With 99 % bounds. An inherited score is float's own."""
    from scipy.special import ndtri

    if score.inherited_from is not None:
        return Interval(0.0, 0.0, 0.0)
    if score.change is None:
        return None
    wider = float(ndtri(LEVEL) / ndtri((1 + _RECORDED) / 2))
    value, low, high = score.change.value, score.change.low, score.change.high
    return Interval(value, value - wider * (value - low), value + wider * (high - value))


def _independent(before: TaskScore, after: TaskScore) -> Interval:
    """Newcombe's hybrid score interval, from Wilson's of each share."""
    shares = [
        wilson(min(score.items, round(score.value * score.items)), score.items, 2 * LEVEL - 1)
        for score in (before, after)
    ]
    return _difference(shares[1], shares[0])


def _difference(second: Interval, first: Interval) -> Interval:
    """Its bounds from those of the two, each as far off on its own side.

    Source: Newcombe 1998, Stat. Med. 17:873, method 10; Zou & Donner 2008, Stat. Med. 27:1693.
    """
    value = second.value - first.value
    low = value - math.hypot(second.value - second.low, first.high - first.value)
    high = value + math.hypot(second.high - second.value, first.value - first.low)
    return Interval(value, low, high)
