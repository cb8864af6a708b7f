"""A mode's score on the model's real task, and what it lost against float."""

from dataclasses import replace

import numpy as np

from bench_core.analysis.paired import macro_scores, tango, wilson
from bench_core.record import TaskScore

MAX_LOSS = 0.01
"""Of the share of items that come out right: 1 point."""


def score(
    task_name: str,
    length: int,
    predicted: np.ndarray,
    expected: np.ndarray,
    corpus_sha256: str,
    macro: bool,
) -> TaskScore:
    """The share of items predicted as expected, with its 95 % Wilson interval.

    macro: also precision, recall and F1, averaged over classes.
    Shapes: [items], [items].
    """
    right = _right(predicted, expected)
    share = wilson(int(right.sum()), right.size)
    return TaskScore(
        name=task_name,
        value=share.value,
        low=share.low,
        high=share.high,
        items=right.size,
        length=length,
        corpus_sha256=corpus_sha256,
        inherited_from=None,
        change=None,
        also=macro_scores(predicted, expected) if macro else {},
    )


def against(
    reference_predicted: np.ndarray, predicted: np.ndarray, expected: np.ndarray, score: TaskScore
) -> TaskScore:
    """`score` with its change against float's predictions for the same items.

    change: of the share, below 0 where the mode lost some; Tango's 95 % interval on the items
    that only one of the two got right.
    """
    before, after = _right(reference_predicted, expected), _right(predicted, expected)
    gained, lost = int((after & ~before).sum()), int((before & ~after).sum())
    return replace(score, change=tango(gained, lost, expected.size))


def inherit(score: TaskScore, reference_mode: str) -> TaskScore:
    """The reference's score, for a mode whose outputs are the reference's but for rounding."""
    return replace(score, inherited_from=reference_mode, change=None)


def is_right(score: TaskScore) -> bool:
    """Whether the upper limit of the loss is at most 1 point; an inherited score lost nothing.

    Raises: ValueError for a score that is neither inherited nor compared with float.
    """
    if score.inherited_from is not None:
        return True
    if score.change is None:
        raise ValueError(
            f"expected a {score.name} that is inherited or has its change against float; "
            "call `against` first"
        )
    return score.change.low >= -MAX_LOSS


def _right(predicted: np.ndarray, expected: np.ndarray) -> np.ndarray:
    """Which items came out right; refuses shapes that numpy would broadcast."""
    if predicted.shape != expected.shape or expected.ndim != 1:
        raise ValueError(
            "expected one prediction per item, found "
            f"{predicted.shape} predictions for {expected.shape} items"
        )
    right: np.ndarray = predicted == expected
    return right
