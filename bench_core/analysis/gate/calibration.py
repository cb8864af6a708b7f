"""What a calibration has gathered, and the table that it comes to."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from bench_core.analysis.gate.replay import Launches, Tally, rate, replay
from bench_core.analysis.gate.rule import rule_for
from bench_core.analysis.units import duration, visible
from bench_core.errors import UsageError

QUIET, LOADED = "quiet", "loaded"
CONDITIONS = (QUIET, LOADED)
SUITE_CELLS = 24
NULL_SUITES, SLOWED_SUITES = 2000, 500


@dataclass(frozen=True)
class Plan:
    """One row: replays of suites in which `slowed` cells of 24 are slower by `slowdown`."""

    threshold: float
    slowdown: float
    slowed: int
    suites: int
    compute_alone: bool = False


PLANS = (
    Plan(0.05, 0.0, 0, NULL_SUITES),
    Plan(0.05, 0.02, 2, SLOWED_SUITES),
    Plan(0.05, 0.05, 2, SLOWED_SUITES),
    Plan(0.05, 0.10, 1, 300),
    Plan(0.02, 0.02, 2, SLOWED_SUITES, compute_alone=True),
)


def read(path: Path) -> list[dict[str, Any]]:
    """The lines of the machine that measured last. Raises: UsageError for a line that is none."""
    lines: list[dict[str, Any]] = []
    for number, text in enumerate(path.read_text().splitlines(), 1) if path.exists() else ():
        try:
            lines.append(dict(json.loads(text)))
        except (ValueError, TypeError):
            raise UsageError(f"{path}, line {number}: expected a JSON object") from None
    return [line for line in lines if line["machine"] == lines[-1]["machine"]]


def launches(lines: Sequence[Mapping[str, Any]], condition: str) -> Launches:
    """The pairs of one condition, as replays take them."""
    pairs = [line for line in lines if line["kind"] == "pair" and line["condition"] == condition]
    if len(pairs) < 2:
        raise UsageError(f"expected at least 2 {condition} launches, found {len(pairs)}")
    names, sentinels = list(pairs[0]["cells"]), list(pairs[0]["sentinels"])

    def column(field: str) -> np.ndarray:
        return np.array([[pair["cells"][name][field] for pair in pairs] for name in names])

    return Launches(
        condition,
        tuple(pairs[0]["cells"][name]["bound"] for name in names),
        column("value"),
        column("mean_s"),
        column("min_s"),
        tuple(pairs[0]["sentinels"][name]["bound"] for name in sentinels),
        np.array([[pair["sentinels"][name]["value"] for pair in pairs] for name in sentinels]),
    )


def only(measured: Launches, bound: str) -> Launches:
    """Its cells of one class."""
    chosen = [i for i, one in enumerate(measured.bounds) if one == bound]
    return replace(
        measured,
        bounds=(bound,) * len(chosen),
        values=measured.values[chosen],
        means=measured.means[chosen],
        minima=measured.minima[chosen],
    )


def table(lines: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: replays of both conditions, then the real suites. Takes a minute."""
    measured = {condition: launches(lines, condition) for condition in CONDITIONS}
    found = ["| | " + " | ".join(CONDITIONS) + " |", "|---|---|---|"]
    for plan in PLANS:
        tallies = [
            replay(
                rule_for(plan.threshold),
                only(one, "compute") if plan.compute_alone else one,
                suites=plan.suites,
                cells=SUITE_CELLS,
                slowed=plan.slowed,
                slowdown=plan.slowdown,
            )
            for one in measured.values()
        ]
        found += _rows(plan, tallies)
    found += _real(lines)
    pairs = ", ".join(f"{one.values.shape[1]} {name}" for name, one in measured.items())
    machine = visible(str(lines[-1]["machine"]))
    found += ["", f"Of {len(measured[QUIET].bounds)} cells on {machine}: {pairs} launches."]
    return "\n".join(found)


def _rows(plan: Plan, tallies: Sequence[Tally]) -> Iterator[str]:
    if not plan.slowed:
        yield _row(f"false alarms, of {plan.suites:,} unchanged suites", _rates(tallies, "alarms"))
        yield _row("… left unsure", _rates(tallies, "unsure"))
        yield _row("… by `mean:5%` of pytest-benchmark", _rates(tallies, "mean_alarms"))
        yield _row("… by its `min:5%`", _rates(tallies, "min_alarms"))
        yield _row("… launches of a suite", [f"{tally.launches:.1f}" for tally in tallies])
        return
    cells = "compute-bound cells" if plan.compute_alone else "cells"
    option = f" with `--threshold {100 * plan.threshold:g}%`" if plan.threshold != 0.05 else ""
    what = f"{100 * plan.slowdown:g} % slower {cells} found, of {tallies[0].slowed:,}{option}"
    yield _row(what, _rates(tallies, "found", of="slowed"))
    if plan.threshold == plan.slowdown == 0.05:
        yield _row("… by `mean:5%`", _rates(tallies, "mean_found", of="slowed"))
        yield _row("… by `min:5%`", _rates(tallies, "min_found", of="slowed"))


def _real(lines: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """The suites that were really run."""
    suites = [line for line in lines if line["kind"] == "suite"]
    for cells in sorted({line["cells"] for line in suites}):
        ran = [
            [line for line in suites if line["cells"] == cells and line["condition"] == condition]
            for condition in CONDITIONS
        ]
        texts = [_outcomes(of_condition) for of_condition in ran]
        yield _row(f"real unchanged suites of {cells} cells", texts)


def _outcomes(suites: Sequence[Mapping[str, Any]]) -> str:
    if not suites:
        return "none"
    alarms = sum(line["exit_code"] in (1, 4) for line in suites)
    unsure = sum(line["exit_code"] == 3 for line in suites)
    walls = sorted(line["wall_s"] for line in suites)
    return (
        f"{len(suites)}: {alarms} false alarms (≤ {rate(alarms, len(suites)).high:.0%}), "
        f"{unsure} unsure; {duration(walls[len(walls) // 2])}, at most {duration(walls[-1])}"
    )


def _rates(tallies: Sequence[Tally], field: str, of: str = "suites") -> list[str]:
    found = []
    for tally in tallies:
        share = rate(getattr(tally, field), getattr(tally, of))
        low, value, high = (_digits(100 * x) for x in (share.low, share.value, share.high))
        found.append(f"{value} % ({low} to {high})")
    return found


def _digits(percents: float) -> str:
    """Two below 10, three above: 0.15, 1.2, 98.6, 100."""
    return f"{percents:.2g}" if percents < 9.95 else f"{percents:.3g}"


def _row(what: str, texts: Sequence[str]) -> str:
    return f"| {what} | {' | '.join(texts)} |"
