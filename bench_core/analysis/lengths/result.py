"""What a study of lengths has found so far, and what follows from it.

Schema history: 1 — first.
"""

import math
from dataclasses import asdict, dataclass
from itertools import combinations, pairwise
from statistics import median
from typing import Any

from bench_core.analysis.columns import mode_of
from bench_core.analysis.lengths.curve import LEAST_LENGTHS, Curve, Point, crossings, fit
from bench_core.analysis.lengths.flip import Flip
from bench_core.analysis.lengths.padding import Padding
from bench_core.cell import Cell
from bench_core.record import Record

SCHEMA = 1


@dataclass(frozen=True)
class CompiledCall:
    """The first call at one length, of an untimed pass over all of them in one process.

    frames: how many Dynamo compiled for it. recompiles: of those that it had compiled for
    another length, the guard that failed. graphs_run: compiled ones in another call there; past
    its recompile limit Dynamo runs a frame eagerly, and says so in a log alone.
    seconds: of the whole call, one reading.
    """

    length: int
    frames: int
    recompiles: tuple[str, ...]
    graphs_run: int
    seconds: float


@dataclass(frozen=True)
class CompilePass:
    """name: how torch.compile was asked. limit: Dynamo's recompile limit. reason: why no calls."""

    name: str
    limit: int | None = None
    calls: tuple[CompiledCall, ...] = ()
    reason: str | None = None


@dataclass(frozen=True)
class LengthsResult:
    """session: under what conditions. axis: what a length counts. reference: a mode, by name.

    records: of every mode but the reference, at every length.
    """

    session: dict[str, Any]
    model: str
    axis: str
    reference: str
    lengths: tuple[int, ...]
    bucket: int | None = None
    records: tuple[Record, ...] = ()
    flips: tuple[Flip, ...] = ()
    padding: tuple[Padding, ...] = ()
    compile_passes: tuple[CompilePass, ...] = ()
    interrupted: str | None = None

    def to_json(self) -> dict[str, Any]:
        """All of it, and the curves, which follow from the records."""
        curves = {mode: asdict(curve) for mode, curve in self.curves().items()}
        return {"lengths": {"schema": SCHEMA, **asdict(self), "curves": curves}}

    def points(self) -> dict[str, list[Point]]:
        """By mode, the reference first: its latency at each length where it is right.

        A mode's is the reference's divided by the ratio of their duel: what the machine did
        from one duel to the next is in both sides of each, and so in no ratio. The reference's
        is the median over its duels at that length.
        """
        readings_s: dict[int, list[float]] = {}
        for record in self.records:
            if record.speedup:
                readings = readings_s.setdefault(Cell.parse(record.cell).length, [])
                readings.append(record.speedup.reference_median_s)
        reference_s = {length: median(found) for length, found in sorted(readings_s.items())}
        found = {self.reference: [Point(n, seconds, 0.0) for n, seconds in reference_s.items()]}
        for record in self.records:
            ratio = record.speedup
            if ratio and record.status == "ok" and record.right is not False:
                length = Cell.parse(record.cell).length
                half_width = math.log(ratio.high / ratio.low) / 2
                point = Point(length, reference_s[length] / ratio.ratio, half_width)
                found.setdefault(mode_of(record), []).append(point)
        return found

    def curves(self) -> dict[str, Curve]:
        """By mode, where it was timed at enough lengths."""
        return {
            mode: fit(points)
            for mode, points in self.points().items()
            if len(points) >= LEAST_LENGTHS
        }

    def crossings(self) -> list[Flip]:
        """Where curves cross, between lengths at which both modes were timed.

        On either side stands the nearest length at which the points say the same as the curves:
        a mode may jump, to other kernels, where its curve climbs.
        First come those nearest to the fastest mode there: what somebody would run changes at them.
        """
        points = {mode: {p.length: p.latency_s for p in own} for mode, own in self.points().items()}
        curves, found = self.curves(), []
        for one, other in combinations(curves, 2):
            for crossing in crossings(curves[one], curves[other]):
                first, second = (one, other) if crossing.first_below else (other, one)
                gains = {
                    n: points[second][n] - points[first][n]
                    for n in points[first]
                    if n in points[second]
                }
                below = {n: gain for n, gain in gains.items() if n < crossing.length}
                above = {n: -gain for n, gain in gains.items() if n > crossing.length}
                if below and above:
                    sides = max(_agreeing(below)), min(_agreeing(above))
                    found.append(Flip(first, second, crossing.length, *sides))

        def behind(flip: Flip) -> float:
            fastest_s = min(curve.latency_s(flip.length) for curve in curves.values())
            return curves[flip.first].latency_s(flip.length) / fastest_s

        return sorted(found, key=behind)

    def fastest(self) -> list[tuple[str, float, float]]:
        """Which mode's curve is the lowest, from which length to which.

        A curve counts from the shortest to the longest length that it was fitted to.
        """
        curves = self.curves()
        ends = {float(end) for curve in curves.values() for end in (curve.shortest, curve.longest)}
        ends |= {flip.length for flip in self.crossings()}
        found: list[tuple[str, float, float]] = []
        for start, end in pairwise(sorted(ends)):
            middle = (start + end) / 2
            able = [m for m, curve in curves.items() if curve.shortest < middle < curve.longest]
            best = min(able, key=lambda mode: curves[mode].latency_s(middle), default=None)
            if best is None:
                continue
            goes_on = bool(found) and (found[-1][0], found[-1][2]) == (best, start)
            found.append((best, found.pop()[1] if goes_on else start, end))
        return found


def _agreeing(gains: dict[int, float]) -> list[int]:
    """Lengths with a gain above 0; all of them where there is none."""
    return [length for length, gain in gains.items() if gain > 0] or list(gains)
