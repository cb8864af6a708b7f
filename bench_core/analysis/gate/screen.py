"""The first stage: a few launches of every cell, to find those that deserve more."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench_core.analysis.gate.launches import LEVEL, ratios, student
from bench_core.analysis.gate.rule import GateCell, GateRule
from bench_core.analysis.statistics import LaunchSpread, family_spread, pooled_launch_sd
from bench_core.analysis.verdict import WITHIN, Verdict


@dataclass(frozen=True)
class Screened:
    """One cell's log slowdown, its bounds at 99 % each, and whether it must be confirmed.

    spread: of its class, in this session.
    """

    mean: float
    low: float
    high: float
    launches: int
    flagged: bool
    spread: LaunchSpread

    @property
    def slower(self) -> bool:
        """Flagged, and not pointing to faster; a mean of exactly 0 points both ways."""
        return self.flagged and self.mean >= 0

    @property
    def faster(self) -> bool:
        return self.flagged and self.mean <= 0


def screen(
    rule: GateRule,
    cells: Mapping[str, GateCell],
    values: Mapping[str, Sequence[float]],
    sentinels: Mapping[str, Sequence[float]],
) -> dict[str, Screened]:
    """Each cell of `values`, with the spread that its class has in this session.

    values: `rule.screen_launches` of each cell. sentinels: A/A values, by class.
    Flagged is a cell with |mean| > 0.3 · log(1 + t), or whose bounds are not inside
    ± log(1 + t): a machine too noisy for so few launches.
    Raises: ValueError for another number of launches.
    """
    if short := [cell for cell, found in values.items() if len(found) != rule.screen_launches]:
        raise ValueError(f"expected {rule.screen_launches} launches of each, not of {short[0]!r}")
    spreads = _spreads(cells, values, sentinels)
    return {
        cell: _screened(rule.of(cells[cell].threshold), found, spreads[cells[cell].bound])
        for cell, found in values.items()
    }


def within(cell: str, limit: float, found: Screened) -> Verdict:
    """What an unflagged cell comes out as."""
    change = ratios(found.mean, found.low, found.high)
    return Verdict(cell, "latency", WITHIN, change, limit, found.launches)


def _spreads(
    cells: Mapping[str, GateCell],
    values: Mapping[str, Sequence[float]],
    sentinels: Mapping[str, Sequence[float]],
) -> dict[str, LaunchSpread]:
    """By class: the prior, the session's A/A launches, and each cell about its own mean."""
    families: dict[str, list[Sequence[float]]] = {}
    for cell, found in values.items():
        families.setdefault(cells[cell].bound, []).append(found)
    floors = {bound: pooled_launch_sd(sentinels.get(bound, ())) for bound in families}
    return {
        bound: family_spread(floors[bound], family, floors[bound].dof)
        for bound, family in families.items()
    }


def _screened(rule: GateRule, values: Sequence[float], spread: LaunchSpread) -> Screened:
    mean = math.fsum(values) / len(values)
    half = student(spread.dof, LEVEL) * spread.sd / math.sqrt(len(values))
    wide = not (mean + half < rule.log_limit and mean - half > -rule.log_limit)
    flagged = abs(mean) > rule.log_flag or wide
    return Screened(mean, mean - half, mean + half, len(values), flagged, spread)
