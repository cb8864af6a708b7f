"""One verdict in words, the same on a terminal, in a pull request and in a test report."""

from collections.abc import Callable, Iterable, Sequence

from bench_core.analysis.units import MINUS, visible
from bench_core.analysis.verdict import (
    BETTER,
    FAILED,
    GONE,
    NEW,
    SKIPPED,
    UNSURE,
    WITHIN,
    WORSE,
    Verdict,
)
from bench_core.cell import Cell
from bench_core.errors import UsageError

ABSENT = "–"
WATCH = "watch"
_ORDER = (WORSE, GONE, FAILED, UNSURE, BETTER, WATCH, NEW, SKIPPED, WITHIN)
METRICS = {  # what `Verdict.metric` can be, as people call it
    "status": "status",
    "latency": "latency",
    "artifact_bytes": "artefact",
    "task": "task",
    "peak_rss_bytes": "peak RSS",
    "ready_s": "ready",
}


def in_order(verdicts: Iterable[Verdict]) -> list[Verdict]:
    """What must be read first, first; of one kind, the largest change."""
    return sorted(verdicts, key=lambda v: (_ORDER.index(kind(v)), -size_of_change(v)))


def kind(verdict: Verdict) -> str:
    """The verdict's own, but "watch" for a real change that stays within its limit."""
    return WATCH if verdict.kind == WITHIN and verdict.watch else verdict.kind


def place(cell: str) -> str:
    """A cell as people say it: `minilm 128 · ort_all_online`. What is no cell id stays as it is."""
    try:
        known = Cell.parse(cell)
    except UsageError:
        return visible(cell)
    batch = f" batch {known.batch}" if known.batch != 1 else ""
    where = [name for name in dict.fromkeys((known.device, known.provider)) if name != "cpu"]
    on = f" ({', '.join(where)})" if where else ""
    return visible(f"{known.model} {known.length}{batch} · {known.mode}{on}")


def metric(verdict: Verdict) -> str:
    return METRICS[verdict.metric]


def change(verdict: Verdict) -> str:
    """`+5.8 % (+4.1 to +7.6)`: with its bounds, unless it is exact."""
    found = verdict.change
    if found is None:
        return ABSENT
    less = 0 if verdict.metric == "task" else 1
    unit = "points" if verdict.metric == "task" else "%"
    value, low, high = (each - less for each in (found.value, found.low, found.high))
    if low == value == high:
        return f"{signed(value)} {unit}"
    widest = max(abs(low), abs(value), abs(high))
    value_text, *bounds = (signed(each, widest) for each in (value, low, high))
    return f"{value_text} {unit} ({' to '.join(bounds)})"


def size_of_change(verdict: Verdict) -> float:
    """How far from no change, as a share, either way; 0 where nothing was measured."""
    if verdict.change is None:
        return 0.0
    return abs(verdict.change.value - (0 if verdict.metric == "task" else 1))


def signed(share: float, widest: float | None = None) -> str:
    """In hundredths: two digits below 1, and no sign for what shows as nothing.

    widest: the share, above 0, whose digits it takes on, so that bounds agree with a value.

    >>> signed(0.0583), signed(-0.0042), signed(-0.0042, 0.02), signed(-0.00001), signed(22.5)
    ('+5.8', '−0.42', '−0.4', '0.00', '+2,250')
    """
    hundredths = abs(100 * share)
    scale = abs(100 * (share if widest is None else widest))
    digits = 2 if scale < 0.995 else 1 if scale < 999.95 else 0
    # Beyond a million only its size is of interest, and 300 digits would break every table.
    text = f"{hundredths:,.{digits}f}" if hundredths < 1e6 else f"{hundredths:.1e}"
    shows = any(c in "123456789inf" for c in text)
    return f"{(MINUS if share < 0 else '+') if shows else ''}{text}"


def limit(verdict: Verdict) -> str:
    """`5 %`; of a task that may lose nothing, `any loss`."""
    if verdict.limit is None:
        return ABSENT
    if verdict.metric == "task":
        return f"{100 * verdict.limit:.3g} points" if verdict.limit else "any loss"
    return plain(verdict.limit)


def plain(share: float) -> str:
    """A limit as it was asked for.

    >>> plain(0.05), plain(0.07), plain(0.005)
    ('5 %', '7 %', '0.5 %')
    """
    return f"{100 * share:.3g} %"


def note(verdict: Verdict, quote: Callable[[str], str] = visible) -> str:
    """Why: the verdict's own reason, quoted, and what an unsure one could not have found."""
    said = [quote(verdict.reason)] if verdict.reason else []
    if verdict.kind == UNSURE:
        if not said:
            at = f" at {limit(verdict)}" if verdict.limit is not None else ""
            said.append(f"cannot be gated{at} on this machine")
        if verdict.smallest is not None:
            said.append(f"smallest change it could have found: {plain(verdict.smallest)}")
    if verdict.watch:
        below = kind(verdict) == WATCH
        said.append("a real change, below the limit" if below else "a real change of some size")
    return "; ".join(said)


def within(verdicts: Sequence[Verdict]) -> str:
    """`latency 22 (largest change +1.2 %), artefact 24 (largest change 0.00 %)`; "" if none is."""
    found: dict[str, list[Verdict]] = {}
    for verdict in verdicts:
        if kind(verdict) == WITHIN:
            found.setdefault(verdict.metric, []).append(verdict)
    return ", ".join(_largest(of_metric) for of_metric in found.values())


def _largest(verdicts: Sequence[Verdict]) -> str:
    largest = max(verdicts, key=size_of_change)
    said = f"{metric(largest)} {len(verdicts)}"
    if largest.change is None:
        return said
    value = change(largest).partition(" (")[0]
    return f"{said} (largest change {value})"
