"""The gate's whole schedule, wherever its launches come from: real processes, or a replay."""

import math
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from bench_core.analysis.gate import control
from bench_core.analysis.gate.confirm import at_look
from bench_core.analysis.gate.rule import GateCell, GateRule
from bench_core.analysis.gate.screen import screen, within
from bench_core.analysis.verdict import UNSURE, Verdict

SCREEN, CONFIRM = "screen", "confirm"


@dataclass(frozen=True)
class Launch:
    """One fresh pair of zygotes: log(head / base) of each cell it was asked for.

    A cell without a value has failed. sentinels: base / base, by sentinel cell.
    """

    values: Mapping[str, float]
    sentinels: Mapping[str, float]


Launcher = Callable[[Sequence[str]], Launch]
Progress = Callable[[str, int, int, int], None]
"""Before each launch: the stage, which launch this is, of at most how many, the open cells."""


@dataclass(frozen=True)
class Decision:
    """What became of every cell that did not fail, and the launches that it rests on.

    invalid: why the session's timings count for nothing, or None.
    """

    verdicts: tuple[Verdict, ...]
    screen: dict[str, tuple[float, ...]]
    confirm: dict[str, tuple[float, ...]]
    sentinels: dict[str, tuple[float, ...]]
    invalid: str | None


def decisions(
    rule: GateRule,
    cells: Mapping[str, GateCell],
    launch: Launcher,
    *,
    sentinels: Mapping[str, str],
    progress: Progress = lambda *_: None,
) -> Iterator[Decision]:
    """Screen all cells, confirm those flagged on fresh launches, and end when none is open.

    Yields what is decided after the screen and after each look, so that a gate that is stopped
    keeps it; the last is the outcome.
    launch: called with the open cells, once for each launch; one serves all of them. A cell
        that gives no value is left out from then on, and has no verdict.
    sentinels: the class of each sentinel cell; a launch may leave some out.
    The verdicts come in the order of `cells`. In an invalid session all are `unsure`.
    Raises: ValueError for a launch value that is no finite number; what `launch` raises.
    """
    for cell in cells.values():
        rule.of(cell.threshold)  # A threshold that cannot be is refused before anything runs.
    seen: dict[str, list[float]] = {cell: [] for cell in sentinels}
    verdicts: dict[str, Verdict] = {}
    first = _Stage(SCREEN, rule.screen_launches, cells, launch, progress, seen)
    first.run(rule.screen_launches)
    screened = screen(rule, cells, first.of_open(), _by_class(seen, sentinels))
    verdicts |= {
        cell: within(cell, cells[cell].threshold, found)
        for cell, found in screened.items()
        if not found.flagged
    }
    flagged = [cell for cell, found in screened.items() if found.flagged]
    second = _Stage(CONFIRM, rule.looks[-1], flagged, launch, progress, seen)
    yield _decision(cells, verdicts, first, second, seen)
    for look, launches in enumerate(rule.looks):
        if second.of_open():
            second.run(launches)
            reached = at_look(rule, look, cells, screened, second.of_open())
            second.leave(reached)
            verdicts |= reached
            yield _decision(cells, verdicts, first, second, seen)


def _decision(
    cells: Iterable[str],
    verdicts: Mapping[str, Verdict],
    first: "_Stage",
    second: "_Stage",
    seen: Mapping[str, Sequence[float]],
) -> Decision:
    """What stands now, in the order of `cells`."""
    invalid = control.invalid(seen)
    reached = [verdicts[cell] for cell in cells if cell in verdicts]
    return Decision(
        tuple(map(unjudged, reached) if invalid else reached),
        _frozen(first.values),
        _frozen(second.values),
        _frozen(seen),
        invalid,
    )


class _Stage:
    """The launches of one stage as they come: a cell without a value leaves it."""

    def __init__(
        self,
        name: str,
        most: int,
        cells: Iterable[str],
        launch: Launcher,
        progress: Progress,
        seen: dict[str, list[float]],
    ) -> None:
        self.values: dict[str, list[float]] = {cell: [] for cell in cells}
        self._open = list(self.values)
        self._name, self._most, self._done = name, most, 0
        self._launch, self._progress, self._seen = launch, progress, seen

    def run(self, launches: int) -> None:
        """Until that many were made, or no cell is open."""
        while self._open and self._done < launches:
            self._done += 1
            self._progress(self._name, self._done, self._most, len(self._open))
            fresh = self._launch(tuple(self._open))
            self.leave(set(self._open) - set(fresh.values))
            for cell in self._open:
                self.values[cell].append(_finite(cell, fresh.values[cell]))
            for cell, value in fresh.sentinels.items():
                self._seen[cell].append(_finite(cell, value))

    def of_open(self) -> dict[str, list[float]]:
        return {cell: self.values[cell] for cell in self._open}

    def leave(self, cells: Container[str]) -> None:
        self._open = [cell for cell in self._open if cell not in cells]


def _by_class(
    seen: Mapping[str, Sequence[float]], sentinels: Mapping[str, str]
) -> dict[str, list[float]]:
    """The A/A values of all sentinels of one class together."""
    found: dict[str, list[float]] = {}
    for cell, bound in sentinels.items():
        found.setdefault(bound, []).extend(seen[cell])
    return found


def unjudged(verdict: Verdict) -> Verdict:
    """What a verdict on time comes to in a session that failed its own control."""
    reason = "the session's own control failed: its timings count for nothing"
    return replace(verdict, kind=UNSURE, watch=False, smallest=None, reason=reason)


def _finite(cell: str, value: float) -> float:
    if not math.isfinite(value):
        raise ValueError(f"expected a finite launch value of {cell!r}, found {value!r}")
    return value


def _frozen(values: Mapping[str, Sequence[float]]) -> dict[str, tuple[float, ...]]:
    return {cell: tuple(found) for cell, found in values.items()}
