"""Latency over length as an SVG: both axes logarithmic, a mark per point, a line per curve."""

import math
from collections.abc import Iterator, Sequence
from html import escape

import numpy as np

from bench_core.analysis.lengths.curve import Curve, Point
from bench_core.analysis.lengths.result import LengthsResult
from bench_core.analysis.units import duration, visible

WIDTH, HEIGHT = 860, 480
LEFT, RIGHT, TOP, BOTTOM = 70, 250, 30, 50
"""Room around the axes, in pixels; on the right stand the names."""

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
"""Told apart by who sees fewer of them too. Source: Okabe & Ito 2008, Color Universal Design."""

DASHES = ("none", "7 3", "2 3")
_STEPS = 64


class Axes:
    """Where lengths and latencies lie on the page."""

    def __init__(self, lengths: Sequence[int], points: list[Point]) -> None:
        latencies_s = [point.latency_s for point in points]
        self._lengths = math.log(min(lengths)), math.log(max(lengths))
        self.fastest_s, self.slowest_s = min(latencies_s) / 1.3, max(latencies_s) * 1.3
        self._latencies = math.log(self.fastest_s), math.log(self.slowest_s)

    def x(self, length: float) -> float:
        low, high = self._lengths
        share = (math.log(length) - low) / (high - low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, latency_s: float) -> float:
        low, high = self._latencies
        share = (math.log(latency_s) - low) / (high - low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def ticks_s(self) -> list[float]:
        """1, 2 and 5 of each decade that is shown."""
        decades = range(
            math.floor(math.log10(self.fastest_s)), math.ceil(math.log10(self.slowest_s)) + 1
        )
        ticks_s = [digit * 10.0**decade for decade in decades for digit in (1, 2, 5)]
        return [tick_s for tick_s in ticks_s if self.fastest_s <= tick_s <= self.slowest_s]


def render(result: LengthsResult) -> str | None:
    """The page, or None where nothing was timed."""
    by_mode = result.points()
    points = [point for found in by_mode.values() for point in found]
    if not points:
        return None
    axes, curves = Axes(result.lengths, points), result.curves()
    parts = [*_frame(axes, result)]
    for number, (mode, found) in enumerate(by_mode.items()):
        look = COLOURS[number % len(COLOURS)], DASHES[number // len(COLOURS) % len(DASHES)]
        parts += _mode(axes, mode, found, curves.get(mode), look, number)
    for flip in result.flips:
        x, y = axes.x(flip.length), axes.y(curves[flip.first].latency_s(flip.length))
        title = escape(visible(f"{flip.first} below {flip.length:.0f}, {flip.second} above"))
        parts.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="7" fill="none" stroke="#666">'
            f"<title>{title}; {flip.verdict}</title></circle>"
        )
    return "\n".join([*parts, "</svg>", ""])


def _frame(axes: Axes, result: LengthsResult) -> Iterator[str]:
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif" font-size="12">'
    )
    yield f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
    title = escape(visible(f"{result.model}: latency over {result.axis}, and fitted curves"))
    yield f'<text x="{LEFT}" y="18" font-weight="bold">{title}</text>'
    right, bottom = WIDTH - RIGHT, HEIGHT - BOTTOM
    for tick_s in axes.ticks_s():
        y = axes.y(tick_s)
        yield f'<path d="M{LEFT} {y:.1f}H{right}" stroke="#ddd"/>'
        yield f'<text x="{LEFT - 6}" y="{y + 4:.1f}" text-anchor="end">{duration(tick_s)}</text>'
    for length in result.lengths:
        x = axes.x(length)
        yield f'<path d="M{x:.1f} {TOP}V{bottom}" stroke="#eee"/>'
        yield f'<text x="{x:.1f}" y="{bottom + 16}" text-anchor="middle">{length}</text>'
    axis = escape(visible(result.axis))
    yield f'<text x="{(LEFT + right) / 2:.0f}" y="{HEIGHT - 12}" text-anchor="middle">{axis}</text>'


def _mode(
    axes: Axes,
    mode: str,
    points: list[Point],
    curve: Curve | None,
    look: tuple[str, str],
    number: int,
) -> Iterator[str]:
    colour, dashes = look
    x, y = WIDTH - RIGHT + 14, TOP + 12 + 18 * number
    line = f'stroke="{colour}" stroke-dasharray="{dashes}" stroke-width="1.5" fill="none"'
    yield f'<path d="M{x} {y - 4}h22" {line}/>'
    yield f'<text x="{x + 28}" y="{y}">{escape(visible(mode))}</text>'
    for point in points:
        at = f'cx="{axes.x(point.length):.1f}" cy="{axes.y(point.latency_s):.1f}"'
        title = escape(visible(f"{mode}, {point.length}: {duration(point.latency_s)}"))
        yield f'<circle {at} r="3" fill="{colour}"><title>{title}</title></circle>'
    if curve is not None:
        lengths = np.geomspace(curve.shortest, curve.longest, _STEPS)
        path = "L".join(f"{axes.x(n):.1f} {axes.y(curve.latency_s(n)):.1f}" for n in lengths)
        yield f'<path d="M{path}" {line}/>'
