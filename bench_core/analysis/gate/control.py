"""Whether the session can be believed: base against base, in every launch."""

import math
from collections.abc import Mapping, Sequence

from bench_core.analysis.gate.launches import LEVEL, holm, p_above, yuen

LARGEST_MEAN = 0.015
LARGEST_SD = 0.03


def invalid(sentinels: Mapping[str, Sequence[float]]) -> str | None:
    """Why no timing of the session may be judged, or None.

    sentinels: A/A launch values by cell, whose true mean is 0. The session is invalid where
    the 99 % lower limit of |mean| exceeds 1.5 % (Yuen's t) or that of the launch sd exceeds
    3 % (χ²), each by Holm over the sentinels. A single value shows neither.
    """
    known = {cell: values for cell, values in sentinels.items() if len(values) > 1}
    shifted = _rejected({cell: _p_mean(values) for cell, values in known.items()})
    scattered = _rejected({cell: _p_sd(values) for cell, values in known.items()})
    found = [
        f"{cell} against itself differed by {100 * abs(yuen(known[cell]).mean):.1f} %, "
        f"expected at most {100 * LARGEST_MEAN:.1f} %"
        for cell in shifted
    ] + [
        f"{cell} against itself spread by {100 * _sd(known[cell]):.1f} % from launch to launch, "
        f"expected at most {100 * LARGEST_SD:.1f} %"
        for cell in scattered
    ]
    return "; ".join(found) or None


def _rejected(p_values: Mapping[str, float]) -> list[str]:
    return sorted(holm(p_values, 1 - LEVEL, len(p_values)))


def _p_mean(values: Sequence[float]) -> float:
    """One-sided p of "|mean| is at most 1.5 %", in the direction that was seen."""
    estimate = yuen(values)
    side = values if estimate.mean >= 0 else [-value for value in values]
    return p_above(yuen(side), LARGEST_MEAN)


def _p_sd(values: Sequence[float]) -> float:
    """One-sided p of "the sd is at most 3 %": (n - 1) s² / σ² beyond χ² of n - 1."""
    from scipy.special import chdtrc

    dof = len(values) - 1
    return float(chdtrc(dof, dof * (_sd(values) / LARGEST_SD) ** 2))


def _sd(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1))
