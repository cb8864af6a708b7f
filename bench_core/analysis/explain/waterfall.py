"""From one mode's time to the other's, part by part, as a picture."""

from collections.abc import Iterator
from html import escape
from itertools import accumulate

from bench_core.analysis.explain.difference import Explanation
from bench_core.analysis.explain.words import bare, change, sentence
from bench_core.analysis.units import duration, visible

_ROW, _LEFT, _BARS, _RIGHT, _TOP = 26, 250, 420, 110, 46
_TOTAL, _SAVED, _PAID, _OPEN = "#52606d", "#2f8f5b", "#c2453b", "#b8a13a"
_LEAST_SHARE = 0.005
"""Of the longer call; parts below it are put together."""


def waterfall(found: Explanation, a: str, b: str) -> str:
    """An SVG: A's call, what B saves and pays against it, and B's call; a, b: their names."""
    times = found.times
    steps = list(_steps(found))
    ends_s = list(accumulate((change_s for _, change_s, _ in steps), initial=times.a_s))
    most_s = max(*ends_s, times.b_s)
    rows = [(visible(a), 0.0, times.a_s, _TOTAL, duration(times.a_s))]
    rows += [
        (name, min(start_s, end_s), max(start_s, end_s), colour, change(change_s))
        for (name, change_s, colour), start_s, end_s in zip(steps, ends_s, ends_s[1:], strict=False)
    ]
    rows.append((visible(b), 0.0, times.b_s, _TOTAL, duration(times.b_s)))
    width, height = _LEFT + _BARS + _RIGHT, _TOP + _ROW * len(rows) + 10
    title = escape(sentence(found, visible(a), visible(b)))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="13">',
        f"<title>{title}</title>",
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f'<text x="10" y="26" font-size="15">{escape(visible(f"from {a} to {b}"))}</text>',
        *(line for at, row in enumerate(rows) for line in _bar(at, *row, most_s)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _steps(found: Explanation) -> Iterator[tuple[str, float, str]]:
    """Name, seconds and colour of each part that can be seen, the largest first; the rest last."""
    least_s = _LEAST_SHARE * max(found.times.a_s, found.times.b_s)
    ordered = sorted(found.parts, key=lambda part: -abs(part.difference_s))
    rest_s = 0.0
    for part in ordered:
        if abs(part.difference_s) < least_s:
            rest_s += part.difference_s
        else:
            colour = _PAID if part.difference_s > 0 else _SAVED
            yield bare(part.name), part.difference_s, colour
    if rest_s:
        yield "all else", rest_s, _PAID if rest_s > 0 else _SAVED
    yield "unexplained", found.unexplained_s, _OPEN


def _bar(
    at: int, name: str, start_s: float, end_s: float, colour: str, said: str, most_s: float
) -> Iterator[str]:
    y = _TOP + _ROW * at
    left, right = (_LEFT + _BARS * max(0.0, value_s) / most_s for value_s in (start_s, end_s))
    short = name if len(name) <= 36 else f"{name[:35]}…"
    yield f'<text x="{_LEFT - 10}" y="{y + 17}" text-anchor="end">{escape(short)}</text>'
    yield (
        f'<rect x="{left:.1f}" y="{y + 4}" width="{max(1.0, right - left):.1f}" '
        f'height="{_ROW - 8}" fill="{colour}"/>'
    )
    yield f'<text x="{right + 6:.1f}" y="{y + 17}">{escape(said)}</text>'
