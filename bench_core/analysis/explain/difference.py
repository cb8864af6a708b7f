"""Two profiles and a duel → what one mode saves and pays against the other."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace

from bench_core.analysis.explain.families import FAMILIES
from bench_core.analysis.explain.layers import layered
from bench_core.analysis.explain.profile import Profile, Row, plain_rows
from bench_core.analysis.statistics import Estimate
from bench_core.record import Interval


@dataclass(frozen=True)
class Times:
    """Seconds per call of A and B in a duel, and by how many B takes longer."""

    a_s: float
    b_s: float
    difference_s: Interval


@dataclass(frozen=True)
class Part:
    """What both modes spend on one thing; a_rows, b_rows: on which operators, the dearest first."""

    name: str
    a_s: float
    b_s: float
    a_rows: tuple[Row, ...] = ()
    b_rows: tuple[Row, ...] = ()

    @property
    def difference_s(self) -> float:
        return self.b_s - self.a_s


@dataclass(frozen=True)
class Explanation:
    """Parts, by family of operators, which with `unexplained_s` add up to the duel's difference.

    drift: by what both profiles' times are multiplied to be as long as the duel's.
    layers: the same parts by layer; empty where one of the two has no names of layers.
    """

    times: Times
    parts: tuple[Part, ...]
    layers: tuple[Part, ...]
    unexplained_s: float
    drift: float

    @property
    def doubtful(self) -> bool:
        """Whether the profiles leave more open than the duel does, and more than a quarter."""
        between = self.times.difference_s
        half_s = (between.high - between.low) / 2
        return abs(self.unexplained_s) > max(half_s, abs(between.value) / 4)


def times(a_median_s: float, b_median_s: float, estimate: Estimate) -> Times:
    """Seconds from a duel's log-ratio r = ln(A / B), about the geometric mean m of its medians.

    A = m·e^(r/2), B = m·e^(−r/2), B − A = −2m·sinh(r/2): swapping A and B turns the sign.
    """
    mean_s = math.sqrt(a_median_s * b_median_s)

    def longer_s(log_ratio: float) -> float:
        return -2 * mean_s * math.sinh(log_ratio / 2)

    half = estimate.log_ratio / 2
    difference = Interval(*map(longer_s, (estimate.log_ratio, estimate.high, estimate.low)))
    return Times(mean_s * math.exp(half), mean_s * math.exp(-half), difference)


def explain(a: Profile, b: Profile, duel: Times) -> Explanation:
    """Scale both profiles alike to the duel's times, and compare them part by part.

    drift = √(A·B / (plain A · plain B)): a machine that is slower in another minute is so for
    both, and one factor leaves their ratio, which is what the profiles must explain, as it was.
    """
    drift = math.sqrt(duel.a_s * duel.b_s / (a.plain_s * b.plain_s))
    a_rows, b_rows = (
        [replace(row, seconds=drift * row.seconds) for row in plain_rows(one)] for one in (a, b)
    )
    by_family = [_grouped(rows) for rows in (a_rows, b_rows)]
    parts = tuple(
        _part(name, *(rows.get(name, []) for rows in by_family))
        for name in FAMILIES
        if any(name in rows for rows in by_family)
    )
    explained_s = math.fsum(part.difference_s for part in parts)
    unexplained_s = duel.difference_s.value - explained_s
    return Explanation(duel, parts, _by_layer(a_rows, b_rows), unexplained_s, drift)


def _grouped(rows: Iterable[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row.family, []).append(row)
    return found


def _by_layer(a_rows: list[Row], b_rows: list[Row]) -> tuple[Part, ...]:
    a_layers, b_layers = layered(a_rows), layered(b_rows)
    if not (a_layers and b_layers):
        return ()
    names = dict.fromkeys((*a_layers, *b_layers))
    return tuple(_part(name, a_layers.get(name, []), b_layers.get(name, [])) for name in names)


def _part(name: str, a_rows: list[Row], b_rows: list[Row]) -> Part:
    return Part(name, _sum(a_rows), _sum(b_rows), _dearest(a_rows), _dearest(b_rows))


def _sum(rows: Iterable[Row]) -> float:
    return math.fsum(row.seconds for row in rows)


def _dearest(rows: list[Row]) -> tuple[Row, ...]:
    """One row per operator, the dearest first."""
    found: dict[str, Row] = {}
    for row in rows:
        before = found.get(row.operator)
        if before is not None:
            seconds, events = before.seconds + row.seconds, before.events + row.events
            row = replace(row, seconds=seconds, events=events)  # noqa: PLW2901
        found[row.operator] = row
    return tuple(sorted(found.values(), key=lambda row: -row.seconds))
