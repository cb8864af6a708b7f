"""Intervals for shares of items, and for the paired difference of two of them."""

import math

import numpy as np

from bench_core.record import Interval


def wilson(successes: int, n: int, confidence: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion.

    Raises: ValueError unless 0 ≤ successes ≤ n and n > 0.
    Source: Wilson 1927, JASA 22:209.
    """
    if not 0 <= successes <= n or n == 0:
        raise ValueError(f"expected 0 ≤ successes ≤ n and n > 0, found {successes} of {n}")
    z, share = _z(confidence), successes / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # At 0 and n of n the bound is the share itself, which rounding must not step over.
    low = 0.0 if successes == 0 else middle - half
    return Interval(share, low, 1.0 if successes == n else middle + half)


def tango(b: int, c: int, n: int, confidence: float = 0.95) -> Interval:
    """Tango's score interval of a paired difference of proportions, (b - c) / n.

    b, c: items that only the first, only the second got right, of n.
    The bounds are the δ where |b - c - nδ| = z · √(n (2q + δ(1 - δ))), with q the most likely
    share of c's kind under δ: 2n·q² + (-b - c + (2n - b + c)δ)·q - cδ(1 - δ) = 0.
    Raises: ValueError unless b, c ≥ 0, b + c ≤ n and n > 0.
    Source: Tango 1998, Stat. Med. 17:891, equations 24 to 26.
    """
    if min(b, c) < 0 or b + c > n or n == 0:
        raise ValueError(f"expected b, c ≥ 0, b + c ≤ n and n > 0, found {b}, {c} of {n}")
    z = _z(confidence)
    return Interval((b - c) / n, -_tango_upper(c, b, n, z), _tango_upper(b, c, n, z))


def _tango_upper(b: int, c: int, n: int, z: float) -> float:
    """The largest δ that the score test does not reject, by bisection to the last bit."""
    low, high = (b - c) / n, 1.0
    while low < (middle := (low + high) / 2) < high:
        if n * middle - (b - c) <= z * math.sqrt(n * _tango_variance(b, c, n, middle)):
            low = middle
        else:
            high = middle
    return high


def _tango_variance(b: int, c: int, n: int, delta: float) -> float:
    """Of one pair's difference, where it is `delta` in truth."""
    linear = -b - c + (2 * n - b + c) * delta
    constant = -c * delta * (1 - delta)
    root = math.sqrt(max(0.0, linear * linear - 8 * n * constant))
    # Of the two forms of the larger root, the one that subtracts no near equals.
    q = -2 * constant / (linear + root) if linear > 0 else (root - linear) / (4 * n)
    return max(0.0, 2 * q + delta * (1 - delta))


def macro_scores(
    predicted: np.ndarray,
    expected: np.ndarray,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> dict[str, Interval]:
    """Precision, recall and F1 averaged over classes, each with a bootstrap interval.

    Percentiles over resampled items. A class counts where it occurs, among the expected or
    the predicted; a ratio without a denominator is 0. Where nothing is wrong every resample
    scores 1, and so does the lower bound: read it beside Wilson's of the plain share.
    Shapes: [items], [items].
    """
    if predicted.shape != expected.shape or not expected.size or expected.ndim != 1:
        raise ValueError(
            "expected one prediction per item, found "
            f"{predicted.shape} predictions for {expected.shape} items"
        )
    classes, codes = np.unique(np.concatenate([expected, predicted]), return_inverse=True)
    # A resample of the items is a multinomial draw over the (expected, predicted) pairs seen.
    pairs, counts = np.unique(codes.reshape(2, -1), axis=1, return_counts=True)
    draws = np.random.default_rng(seed).multinomial(
        expected.size, counts / expected.size, size=resamples
    )
    # [1 + resamples, pairs] → [3, 1 + resamples]; the first row is the sample itself.
    scores = _macro(np.vstack([counts, draws]).astype(float), *np.eye(len(classes))[pairs])
    tails = [(1 - confidence) / 2, (1 + confidence) / 2]
    names = ("macro_precision", "macro_recall", "macro_f1")
    return {
        name: Interval(float(score[0]), *(float(q) for q in np.quantile(score[1:], tails)))
        for name, score in zip(names, scores, strict=True)
    }


def _macro(counts: np.ndarray, is_expected: np.ndarray, is_predicted: np.ndarray) -> np.ndarray:
    """Shapes: [draws, pairs], [pairs, classes], [pairs, classes] → [3, draws]."""
    right = counts @ (is_expected * is_predicted)
    of_class, called = counts @ is_expected, counts @ is_predicted
    occurs = np.maximum((of_class + called > 0).sum(axis=1), 1)
    tops = np.stack([right, right, 2 * right])
    bottoms = np.stack([called, of_class, of_class + called])
    ratios = np.divide(tops, bottoms, out=np.zeros_like(tops), where=bottoms > 0)
    macro: np.ndarray = ratios.sum(axis=2) / occurs
    return macro


def _z(confidence: float) -> float:
    """Two-sided quantile of the normal distribution."""
    from scipy.special import ndtri

    return float(ndtri((1 + confidence) / 2))
