"""What a gate as a whole came to, in sentences that every output shares.

quote: how that output makes names and words of others harmless; unless told, for one line of text.
"""

import math
from collections.abc import Callable, Iterator, Sequence

from bench_core.analysis.gate.result import GateResult
from bench_core.analysis.gate.words import ABSENT, change, place, plain, size_of_change
from bench_core.analysis.report import HEADLINE
from bench_core.analysis.session import facts
from bench_core.analysis.units import MINUS, duration, percent, visible
from bench_core.analysis.verdict import (
    A_WORSE,
    BETTER,
    CANNOT_JUDGE,
    FAILED,
    GONE,
    GONE_OR_FAILED,
    OK,
    UNSURE,
    WORSE,
    Verdict,
)
from bench_core.interruption import SIGNALS, exit_code_of

Quote = Callable[[str], str]

_MOST_SENTINELS = 6
"""Named; there is one for each of three classes."""
_HEADS = {
    OK: "ok",
    A_WORSE: "worse",
    GONE_OR_FAILED: "gone or failing",
    CANNOT_JUDGE: "could not judge",
    **{exit_code_of(name): "interrupted" for name in SIGNALS},
}
_WORSE = {
    "status": ("status is worse", "statuses are worse"),
    "latency": ("cell is slower", "cells are slower"),
    "artifact_bytes": ("artefact is larger", "artefacts are larger"),
    "task": ("task gets less right", "tasks get less right"),
    "peak_rss_bytes": ("cell needs more memory", "cells need more memory"),
    "ready_s": ("cell takes longer to be ready", "cells take longer to be ready"),
}


def head(result: GateResult) -> str:
    """The outcome in a word or three."""
    return _HEADS[result.exit_code]


def outcome(result: GateResult, quote: Quote = visible) -> str:
    """The outcome's counts, and the code that the command ends with, in one sentence.

    It does not say "by more than 5 %" of what is worse: the test rejects a slowdown of at
    most a fifth of the limit, and 5 % is the size at which it has its power.
    """
    said = "; ".join(_findings(result, quote)) or "nothing was judged"
    return f"{said} (exit code {result.exit_code})"


def _findings(result: GateResult, quote: Quote) -> Iterator[str]:
    base, code = quote(result.base.name), result.exit_code
    of_kind: dict[str, list[Verdict]] = {}
    for verdict in result.verdicts:
        of_kind.setdefault(verdict.kind, []).append(verdict)
    if code == OK:
        yield f"{_count(result.cells, 'cell')}, none found worse than {base}"
    yield from _worse(of_kind.get(WORSE, ()), base)
    if gone := of_kind.get(GONE):
        yield f"{_count(len(gone), 'cell')} of {base} {_is(gone)} gone"
    if failed := of_kind.get(FAILED):
        fails = "fails" if len(failed) == 1 else "fail"
        yield f"{_count(len(failed), 'cell')} {fails} that did not in {base}"
    if unsure := of_kind.get(UNSURE):
        allowed = ", as --allow-unsure lets pass" if code == OK else ""
        yield f"{_count(len(unsure), 'verdict')} {_is(unsure)} unsure{allowed}"
    if faster := of_kind.get(BETTER):
        yield f"{_count(len(faster), 'verdict')} {_is(faster)} better"
    if result.interrupted:
        yield f"interrupted by {result.interrupted} before every cell was judged"
    if result.stopped is not None:
        yield f"stopped: {quote(result.stopped)}"
    if result.invalid is not None:
        yield "no timing was judged, since the session failed its own control"


def _worse(verdicts: Sequence[Verdict], base: str) -> Iterator[str]:
    by_metric: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        by_metric.setdefault(verdict.metric, []).append(verdict)
    for name, found in by_metric.items():
        said = _WORSE[name][len(found) > 1]
        largest = change(max(found, key=size_of_change)).partition(" (")[0].lstrip(f"+{MINUS}")
        by = "" if largest == ABSENT else f", by {'up to ' * (len(found) > 1)}{largest}"
        yield f"{len(found)} {said} than {base}{by}"


def conditions(result: GateResult, quote: Quote = visible) -> Iterator[str]:
    """Where, between what, and how long."""
    known = facts(result.session)
    versions = (f"{name} {known.versions[name]}" for name in HEADLINE if name in known.versions)
    threads = _count(known.threads, "thread") if known.threads else ""
    said = [part for part in (known.machine, threads, ", ".join(versions)) if part]
    if said:
        yield quote(" · ".join(said))
    yield _sides(result, quote)
    took = f" · {duration(result.wall_s)}" if result.wall_s else ""
    yield f"{_count(result.cells, 'cell')} · latency limit {plain(result.threshold)}{took}"


def _sides(result: GateResult, quote: Quote) -> str:
    """What both ran under is told once where it is the same."""
    base, head = result.base, result.head
    said = [f"{side.name} {side.revision[:10]}{', dirty' * side.dirty}" for side in (base, head)]
    shared = base.environment == head.environment
    if not shared:
        said = [
            f"{text} ({side.environment})" for text, side in zip(said, (base, head), strict=True)
        ]
    both = f" · {quote(base.environment)}" if shared and base.environment else ""
    return f"base {quote(said[0])} → head {quote(said[1])}{both}"


def sentinels(result: GateResult, quote: Quote = visible) -> str:
    """How far base differed from itself: √(Σ value² / launches), the true value being 0."""
    measured = {cell: values for cell, values in result.sentinels.items() if values}
    if not measured:
        return "A/A today: not measured"
    spreads = [
        f"{quote(place(cell))} {percent(math.hypot(*values) / math.sqrt(len(values)))}"
        for cell, values in list(measured.items())[:_MOST_SENTINELS]
    ]
    if len(measured) > _MOST_SENTINELS:
        spreads.append(f"{len(measured) - _MOST_SENTINELS} more")
    return f"A/A today, base against base from launch to launch: {', '.join(spreads)}"


def caveats(result: GateResult, quote: Quote = visible) -> Iterator[str]:
    """What the reader must know to believe no more than was shown."""
    if result.invalid is not None:
        yield (
            "every timing is unsure, since base against itself did not hold still: "
            f"{quote(result.invalid)}"
        )
        yield "what is gone, fails, grew in bytes or lost in its task stands: no timing is in it"
    if result.injected:
        low, high = min(result.injected.values()), max(result.injected.values())
        asked = "" if result.slowdown is None else f"asked for {plain(result.slowdown)}, "
        achieved = " to ".join(dict.fromkeys((percent(low), percent(high))))
        yield f"injected slowdown: {asked}achieved {achieved}"
    yield (
        f"a true slowdown between {plain(result.threshold / 5)} and {plain(result.threshold)} "
        "may come out as any of worse, within or unsure"
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"


def _is(found: Sequence[object]) -> str:
    return "is" if len(found) == 1 else "are"
