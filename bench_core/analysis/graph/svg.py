"""A graph as an SVG: boxes in rows, what one graph has and the other has not in colour."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from bench_core.analysis.graph.boxes import Box
from bench_core.analysis.graph.layout import Spot, place
from bench_core.analysis.units import visible

WIDTH, HEIGHT, ROW = 180, 34, 64
"""Of a box, and from one row to the next, in pixels."""

MARGIN, HEAD = 20, 64
LETTERS, SMALL_LETTERS = 27, 34
"""So many fit a box, of its title and of what stands below."""

LINE = "#9aa5b1"


@dataclass(frozen=True)
class Look:
    """How boxes look that the other graph has not, and what that means."""

    fill: str
    stroke: str
    meaning: str


KEPT = Look("#f5f7fa", "#7b8794", "")
GONE = Look("#fde8d7", "#d55e00", "gone in the other graph")
NEW = Look("#d9f2e6", "#009e73", "new against the other graph")
"""Orange and green that are told apart by those who see fewer colours too (Okabe & Ito 2008)."""


def draw(boxes: Sequence[Box], title: str, look: Look) -> str:
    """The page. title: the graph's; look: of what the other graph has not."""
    rows = place(boxes)
    spots = [spot for row in rows for spot in row]
    across = max(spot.x + spot.width / 2 for spot in spots)
    width, height = max(480, across * WIDTH + 2 * MARGIN), HEAD + len(rows) * ROW + MARGIN
    changed, nodes = sum(box.changed for box in boxes), sum(box.nodes for box in boxes)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" '
        f'viewBox="0 0 {width:.0f} {height}" font-family="sans-serif" font-size="12">',
        f"<title>{_text(title)}</title>",
        f'<rect width="{width:.0f}" height="{height}" fill="#ffffff"/>',
        f'<text x="{MARGIN}" y="26" font-size="15">{_text(title)}</text>',
        f'<rect x="{MARGIN}" y="37" width="12" height="12" rx="2" fill="{look.fill}" '
        f'stroke="{look.stroke}" stroke-width="2"/>',
        f'<text x="{MARGIN + 20}" y="48">{look.meaning}: {changed} of {nodes} nodes</text>',
        *(line for spot in spots for line in _lines(spot)),
        *(line for spot in spots if spot.box is not None for line in _box(spot, boxes, look)),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _x(spot: Spot) -> float:
    return MARGIN + spot.x * WIDTH


def _lines(spot: Spot) -> Iterator[str]:
    """From what is above it to here, and through where it is only passed."""
    top = HEAD + spot.row * ROW
    for above in spot.above:
        start, middle = top - ROW + HEIGHT, top - (ROW - HEIGHT) / 2
        yield (
            f'<path d="M{_x(above):.1f} {start}C{_x(above):.1f} {middle} {_x(spot):.1f} {middle} '
            f'{_x(spot):.1f} {top}" fill="none" stroke="{LINE}"/>'
        )
    if spot.box is None:
        yield f'<path d="M{_x(spot):.1f} {top}v{HEIGHT}" stroke="{LINE}"/>'


def _box(spot: Spot, boxes: Sequence[Box], look: Look) -> Iterator[str]:
    box = boxes[spot.box or 0]
    shown, thickness = (look, 2) if box.changed else (KEPT, 1)
    left, top = _x(spot) - WIDTH / 2, HEAD + spot.row * ROW
    said = f"{box.title}: {box.note}" if box.note else box.title
    if box.nodes > 1:
        said += f"; {box.nodes} nodes, {box.changed} {look.meaning}"
    yield f"<g><title>{_text(said)}</title>"
    yield (
        f'<rect x="{left:.1f}" y="{top}" width="{WIDTH}" height="{HEIGHT}" rx="4" '
        f'fill="{shown.fill}" stroke="{shown.stroke}" stroke-width="{thickness}"/>'
    )
    rows = [_end(box.title)]
    if box.nodes > 1:
        rows.append(_start(f"{box.changed} of {box.nodes}: {box.note}"))
    for number, row in enumerate(rows):
        y = top + HEIGHT / 2 + 4 + 13 * (number - (len(rows) - 1) / 2)
        size = 12 if number == 0 else 10
        yield (
            f'<text x="{_x(spot):.1f}" y="{y:.1f}" text-anchor="middle" font-size="{size}">'
            f"{_text(row)}</text>"
        )
    yield "</g>"


def _end(text: str) -> str:
    """What tells layers apart, where not all fits."""
    return text if len(text) <= LETTERS else f"…{text[1 - LETTERS :]}"


def _start(text: str) -> str:
    return text if len(text) <= SMALL_LETTERS else f"{text[: SMALL_LETTERS - 1]}…"


def _text(text: str) -> str:
    return escape(visible(text))
