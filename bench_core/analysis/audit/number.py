"""A number in a file, and all that it may stand for: 12.3 was typed for 12.25 to 12.35."""

import math
from dataclasses import dataclass

ROUNDING = 1e-9
"""Relative: a hundred roundings of a float64 come to 1e-14."""


@dataclass(frozen=True)
class Range:
    """Bounds, in SI units. Arithmetic is that of quantities, which are never below 0."""

    low: float
    high: float

    def __mul__(self, other: "Range") -> "Range":
        return Range(max(0.0, self.low) * max(0.0, other.low), self.high * other.high)

    def __truediv__(self, other: "Range") -> "Range":
        """Of a divisor that may be 0 nothing but a lower bound follows; of one below 0, nothing."""
        if other.high <= 0:
            return Range(0.0, math.inf)
        high = self.high / other.low if other.low > 0 else math.inf
        return Range(max(0.0, self.low) / other.high, high)

    def meets(self, other: "Range") -> bool:
        """Whether both may be the same value."""
        gap = max(self.low - other.high, other.low - self.high)
        return gap <= ROUNDING * max(abs(self.low), abs(other.low))

    def holds_whole(self) -> bool:
        """Whether a whole number is in it, 1 or more."""
        high = self.high * (1 + ROUNDING)
        return math.isinf(high) or math.floor(high) >= max(1.0, self.low * (1 - ROUNDING))


@dataclass(frozen=True)
class Number(Range):
    """As it is written in `column`, of which 1 is `scale` in SI units."""

    column: str
    text: str
    scale: float = 1.0

    def __str__(self) -> str:
        return f"{self.column} {self.text}"

    def same_unit(self, must: Range) -> str:
        """What it must be, in its own column's unit."""
        return span(must.low / self.scale, must.high / self.scale)


def exact(column: str, value: float) -> Number:
    """A number that a program wrote, to the last digit."""
    return Number(value, value, column, f"{value:.9g}")


def span(low: float, high: float) -> str:
    """With as many digits as tell the bounds apart, up to nine.

    >>> span(49.876, 50.126), span(0.25, 0.25), span(1200.0, float("inf"))
    ('49.9 to 50.1', '0.25', '1200 or more')
    """
    if math.isinf(high):
        return f"{low:.9g} or more"
    for digits in range(3, 10):
        if (one := f"{low:.{digits}g}") != (other := f"{high:.{digits}g}"):
            return f"{one} to {other}"
    return f"{low:.9g}"
