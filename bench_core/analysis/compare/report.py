"""Draws what changed between saved runs on a terminal."""

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench_core.analysis.compare.changes import Comparison
from bench_core.analysis.compare.duel_offer import duel_offer
from bench_core.analysis.compare.latency import METRIC
from bench_core.analysis.compare.spread import (
    ABSOLUTE,
    ASSUMED_SD,
    MIN_SESSIONS,
    found_from,
    quantile,
)
from bench_core.analysis.compare.table import change_table, change_text, distance, label
from bench_core.analysis.report import PIPE_WIDTH
from bench_core.analysis.units import percent, visible
from bench_core.analysis.verdict import (
    BETTER,
    CANNOT_JUDGE,
    FAILED,
    GONE,
    GONE_OR_FAILED,
    NEW,
    OK,
    UNSURE,
    WITHIN,
    WORSE,
    Verdict,
)

MOST_WITHIN = 30
"""Unchanged rows that are shown; more are counted."""


def render_comparison(comparison: Comparison, console: Console) -> None:
    """Print the conditions, the table with the changed cells first, and last the outcome.

    A console that is no terminal is widened to 200 columns; nothing is cut off.
    """
    if not console.is_terminal:
        console.width = max(console.width, PIPE_WIDTH)
    for part in (*_header(comparison), *_rows(comparison), *_ending(comparison)):
        # A line stays one line in a pipe, and a command can be copied from a terminal.
        console.print(part, soft_wrap=isinstance(part, Text))


def _header(comparison: Comparison) -> Iterator[Text]:
    older = ", ".join(comparison.baselines)
    yield Text(visible(f"{older} → {comparison.candidate}"), style="bold")
    if comparison.differences:
        yield Text(
            "Other conditions, so ratios to the reference in the same run are compared, and cells "
            "matched without their threads; such a ratio may differ because these do:"
        )
    for line in comparison.differences:
        yield Text(visible(f"  {line}"), style="dim")
    judged = [v for v in _of(comparison, METRIC) if v.limit is not None and v.change is not None]
    if judged:
        yield Text(_threshold(judged, comparison.basis), style="dim")


def _threshold(judged: Sequence[Verdict], basis: str) -> str:
    limits = sorted(verdict.limit or 0.0 for verdict in judged)
    bounds = " to ".join(dict.fromkeys(percent(limit) for limit in (limits[0], limits[-1])))
    stored = max(verdict.launches for verdict in judged)
    files = f"{stored} saved file{'s' if stored != 1 else ''}"
    sd = 100 * ASSUMED_SD[basis]
    why = f"{quantile(len(judged)):.2f} · {sd:.2f} % · √(1 + 1/N), N = {files}"
    if stored >= MIN_SESSIONS:
        why += ", or their own prediction interval where that is narrower"
    if basis != ABSOLUTE:
        why += ", and at least what the runs' own intervals allow"
    return (
        f"Flagged from {bounds} ({why}; 1 % chance over {len(judged)} cells, each way); "
        f"found 95 times in 100 only from {percent(max(map(found_from, judged)))}"
    )


def _of(comparison: Comparison, metric: str) -> list[Verdict]:
    return [j.verdict for j in comparison.judged if j.verdict.metric == metric]


def _rows(comparison: Comparison) -> Iterator[Table | Text]:
    within = [j for j in comparison.judged if j.verdict.kind == WITHIN]
    shown = [j for j in comparison.judged if j.verdict.kind != WITHIN]
    if len(within) <= MOST_WITHIN:
        shown += within
    if shown:
        yield change_table(shown, comparison)
    if len(within) > MOST_WITHIN:
        furthest = max(within, key=lambda j: distance(j.verdict))
        change = change_text(furthest.verdict)
        where = f", the furthest {label(furthest.verdict.cell, comparison)} ({change})"
        yield Text(visible(f"{len(within)} figures are within their limits{where}"), style="dim")


def _ending(comparison: Comparison) -> Iterator[Text]:
    doubted = [j.verdict for j in comparison.judged if j.verdict.kind in (UNSURE, WORSE)]
    flagged = [verdict for verdict in doubted if verdict.change or verdict.kind == WORSE]
    if flagged:
        yield Text("")
        yield from duel_offer(comparison, flagged)
    style = {OK: "green", GONE_OR_FAILED: "red"}.get(comparison.exit_code, "yellow")
    outcome = _outcome(comparison, len(flagged), len(doubted) - len(flagged))
    yield Text(f"\n{outcome} (exit {comparison.exit_code}).", style=f"bold {style}")


def _outcome(comparison: Comparison, flagged: int, unjudged: int) -> str:
    """What it comes to, in one sentence."""
    kinds = [judged.verdict.kind for judged in comparison.judged]
    counts = (
        (kinds.count(GONE), "gone"),
        (kinds.count(FAILED), "newly failing"),
        (flagged, "for a duel to confirm"),
        (unjudged, "without figures to compare"),
        (kinds.count(BETTER), "better"),
        (kinds.count(NEW), "new"),
        (kinds.count(WITHIN), "within their limits"),
    )
    said = ", ".join(f"{count} {what}" for count, what in counts if count)
    if comparison.exit_code == GONE_OR_FAILED:
        return f"Gone or failing: {said}"
    if flagged:
        return f"Flagged, for a saved file only screens: {said}"
    if comparison.exit_code == CANNOT_JUDGE:
        return f"Could not judge: {said or 'there is no cell'}"
    return f"Nothing flagged: {said}; a saved file only screens"
