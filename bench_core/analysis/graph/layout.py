"""Where boxes stand: in rows, each below all that it reads, with few crossings.

Source: Sugiyama, Tagawa, Toda 1981, "Methods for Visual Understanding of Hierarchical System
Structures": rows by longest path, lines over several rows as chains of points, order within a row
by the mean of the neighbours.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench_core.analysis.graph.boxes import Box

GAP = 0.15
"""Between neighbours of a row, in widths of a box."""

POINT_WIDTH = 0.1
SWEEPS = 4


@dataclass(eq=False)
class Spot:
    """A place in a row: a box, or (None) where a line passes through.

    above, below: what it is joined to in the rows next to it. x: of its middle, in widths of a box.
    """

    row: int
    box: int | None
    above: list["Spot"]
    below: list["Spot"]
    x: float = 0.0

    @property
    def width(self) -> float:
        return POINT_WIDTH if self.box is None else 1.0


def place(boxes: Sequence[Box]) -> list[list[Spot]]:
    """The rows, top to bottom, each from left to right; x starts at 0."""
    rows = _rows(boxes)
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            row.sort(key=lambda spot: _mean(spot.above if down else spot.below, spot.x))
            _spread(row, [spot.x for spot in row])
    for sweep in range(SWEEPS):
        down = sweep % 2 == 0
        for row in rows if down else reversed(rows):
            _spread(row, [_mean(spot.above if down else spot.below, spot.x) for spot in row])
    left = min((spot.x - spot.width / 2 for row in rows for spot in row), default=0.0)
    for row in rows:
        for spot in row:
            spot.x -= left
    return rows


def _rows(boxes: Sequence[Box]) -> list[list[Spot]]:
    spots: list[Spot] = []
    chains: list[list[Spot]] = []  # of each box, itself and its line's points in the rows below
    for at, box in enumerate(boxes):
        row = 1 + max((spots[read].row for read in box.reads), default=-1)
        spot = Spot(row, at, [], [])
        for read in box.reads:
            chain = chains[read]
            while chain[-1].row < row - 1:
                chain.append(_joined(chain[-1], Spot(chain[-1].row + 1, None, [], [])))
            _joined(chain[row - 1 - chain[0].row], spot)
        spots.append(spot)
        chains.append([spot])
    depth = 1 + max((spot.row for spot in spots), default=-1)
    rows: list[list[Spot]] = [[] for _ in range(depth)]
    for chain in chains:
        for spot in chain:
            rows[spot.row].append(spot)
    for side in rows:
        _spread(side, [0.0] * len(side))
    return rows


def _joined(above: Spot, below: Spot) -> Spot:
    above.below.append(below)
    below.above.append(above)
    return below


def _mean(spots: Sequence[Spot], default: float) -> float:
    return sum(spot.x for spot in spots) / len(spots) if spots else default


def _spread(row: Sequence[Spot], wanted: Sequence[float]) -> None:
    """As near to what each wants as their order and widths allow.

    The mean of what pushing to the right and pushing to the left come to: both keep the gaps.
    """
    gaps = [(one.width + two.width) / 2 + GAP for one, two in pairwise(row)]
    rightward, leftward = list(wanted), list(wanted)
    for at, gap in enumerate(gaps):
        rightward[at + 1] = max(rightward[at + 1], rightward[at] + gap)
    for at, gap in reversed(list(enumerate(gaps))):
        leftward[at] = min(leftward[at], leftward[at + 1] - gap)
    for spot, right, left in zip(row, rightward, leftward, strict=True):
        spot.x = (right + left) / 2
