"""The second stage: fresh launches of the flagged cells, tested at looks fixed beforehand.

Only launches that the screen never saw are tested, so that flagging cannot bias the test. At
each look the cells flagged slower are one family, those flagged faster another; the chance of
one false verdict in a family is what the look may spend, and over the looks it adds up to alpha.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import replace

from bench_core.analysis.gate.launches import (
    TrimmedMean,
    at_least_the_machines,
    holm,
    log_bounds,
    p_above,
    ratio,
    ratios,
    steadied,
    student,
    yuen,
)
from bench_core.analysis.gate.rule import GateCell, GateRule
from bench_core.analysis.gate.screen import Screened
from bench_core.analysis.verdict import BETTER, UNSURE, WITHIN, WORSE, Verdict

POWER = 0.95
"""With which `smallest` would have been found."""


def at_look(
    rule: GateRule,
    look: int,
    cells: Mapping[str, GateCell],
    screened: Mapping[str, Screened],
    values: Mapping[str, Sequence[float]],
) -> dict[str, Verdict]:
    """The verdicts that a look, the first is 0, reaches among the open cells.

    values: `rule.looks[look]` fresh launches of each open cell. screened: of all cells; as
        many as it flags slower (faster) are the hypotheses of that family at every look.
    `worse`: Holm rejects "the slowdown is at most 1 + t/5" by Yuen's t. `better` mirrors it.
    `within`: neither, and both bounds, 99 % each, are inside ± log(1 + t): by the cell's own
        spread, or by that drawn towards its class's (`steadied`). A cell that truly is slower
        by t passes so at two looks in 100 at most, if it spreads as its class does.
    A cell that is none of these stays open; after the last look it is `unsure`.
    `watch`: within or unsure, but 0 is not between those bounds: a change that is
        real, at 99 % either way for this one cell, not corrected for how many there are.
    Raises: ValueError for another number of launches.
    """
    if short := [cell for cell, found in values.items() if len(found) != rule.looks[look]]:
        raise ValueError(f"expected {rule.looks[look]} launches of each, not of {short[0]!r}")
    estimates = {cell: at_least_the_machines(yuen(found)) for cell, found in values.items()}
    slower = {cell for cell, found in screened.items() if found.slower}
    faster = {cell for cell, found in screened.items() if found.faster}
    worse = _beyond_null(rule, look, cells, estimates, slower)
    mirrored = {cell: replace(e, mean=-e.mean) for cell, e in estimates.items()}
    better = _beyond_null(rule, look, cells, mirrored, faster)
    kinds = dict.fromkeys(better, BETTER) | dict.fromkeys(worse, WORSE)
    verdicts = {}
    for cell, estimate in estimates.items():
        own = rule.of(cells[cell].threshold)
        either = (estimate, steadied(estimate, screened[cell].spread))
        inside = next((one for one in either if _inside(one, own.log_limit)), None)
        if cell in kinds:
            verdicts[cell] = _verdict(cell, kinds[cell], own, look, estimate)
        elif inside is not None:
            verdicts[cell] = _verdict(cell, WITHIN, own, look, inside)
        elif look == len(rule.looks) - 1:
            family = max(len(names) for names in (slower, faster) if cell in names)
            verdicts[cell] = _unsure(cell, own, estimate, screened[cell], family)
    return verdicts


def _beyond_null(
    rule: GateRule,
    look: int,
    cells: Mapping[str, GateCell],
    estimates: Mapping[str, TrimmedMean],
    family: AbstractSet[str],
) -> frozenset[str]:
    """The cells of a family that are slower than their null, as far as the look may spend."""
    if not rule.alpha_at(look):
        return frozenset()
    p_values = {
        cell: p_above(estimate, rule.of(cells[cell].threshold).log_null)
        for cell, estimate in estimates.items()
        if cell in family
    }
    return holm(p_values, rule.alpha_at(look), len(family))


def _inside(estimate: TrimmedMean, log_limit: float) -> bool:
    low, high = log_bounds(estimate)
    return -log_limit < low and high < log_limit


def _verdict(cell: str, kind: str, own: GateRule, look: int, estimate: TrimmedMean) -> Verdict:
    low, high = log_bounds(estimate)
    return Verdict(
        cell,
        "latency",
        kind,
        ratios(estimate.mean, low, high),
        own.threshold,
        own.looks[look],
        watch=kind in (WITHIN, UNSURE) and (low > 0 or high < 0),
    )


def _unsure(
    cell: str, own: GateRule, estimate: TrimmedMean, screened: Screened, family: int
) -> Verdict:
    smallest = _smallest(own, estimate, family)
    verdict = _verdict(cell, UNSURE, own, len(own.looks) - 1, estimate)
    return replace(
        verdict, smallest=smallest, reason=_why_unsure(own, estimate, screened, smallest)
    )


def _smallest(own: GateRule, estimate: TrimmedMean, family: int) -> float:
    """The smallest slowdown, a share, that the last look finds with 95 % power.

    log: null + δ · se, δ the non-centrality at which t is beyond t(1 - alpha / family) in 95
    of 100: as if this cell alone were slower.
    """
    from scipy.special import nctdtrinc

    alpha = own.alpha_at(len(own.looks) - 1) / family
    delta = float(nctdtrinc(estimate.dof, 1 - POWER, student(estimate.dof, 1 - alpha)))
    return ratio(own.log_null + delta * estimate.se) - 1


def _why_unsure(own: GateRule, estimate: TrimmedMean, screened: Screened, smallest: float) -> str:
    low, high = log_bounds(estimate)
    limit = f"{100 * own.threshold:.3g} %"
    if (low > 0 and not screened.slower) or (high < 0 and not screened.faster):
        ways = ("faster", "slower") if low > 0 else ("slower", "faster")
        return f"flagged as {ways[0]}, but {ways[1]} on fresh launches: run it again"
    if smallest >= own.threshold:
        return f"cannot be gated at {limit} on this machine"
    null = f"{100 * own.null_share * own.threshold:.3g} %"
    return f"neither beyond {null} nor inside {limit} for sure: a change between them may be real"
