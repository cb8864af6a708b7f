"""A saved run as it is compared: one of ours, or a pytest-benchmark file of any project."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bench_core.analysis.compare.conditions import of_machine_info, of_session
from bench_core.analysis.load import content, named, parse, results
from bench_core.analysis.session import facts
from bench_core.cell import Cell
from bench_core.errors import UsageError
from bench_core.record import Record, Speedup, TaskScore, read

SHORTEST_S, LONGEST_S = 1e-12, 1e9
"""Seconds per call outside of these are no measurement."""
_REVISION = re.compile(r"[0-9a-f]{7,64}", re.ASCII)


@dataclass(frozen=True)
class SavedCell:
    """One of our cells by its id, or one benchmark of another project by its `fullname`.

    median_s: seconds per call; None where the file has none above 0.
    """

    name: str
    status: str
    reason: str | None = None
    median_s: float | None = None
    speedup: Speedup | None = None
    artifact_bytes: int | None = None
    task: TaskScore | None = None

    @property
    def ok(self) -> bool:
        return self.status == "ok"


@dataclass(frozen=True)
class SavedRun:
    """ours: whether `bench run` wrote it. revision: of git, where the file names one.

    places: of the user's own models, by name, as they were given to it.
    """

    file: str
    ours: bool
    conditions: dict[str, str]
    revision: str | None
    dirty: bool
    cells: dict[str, SavedCell]
    places: dict[str, str] = field(default_factory=dict)


def load_saved(path: Path) -> SavedRun:
    """Read a saved run.

    Raises: UsageError if it is missing, empty, torn, or neither ours nor pytest-benchmark's.
    """
    with named(path):
        return saved(content(path), str(path))


def saved(text: bytes, file: str) -> SavedRun:
    """The run that a file of that name holds.

    Raises: UsageError or ValueError if it holds none.
    """
    data = parse(text)
    if not isinstance(data, dict) or not ("bench" in data or "benchmarks" in data):
        raise UsageError(
            "expected a run saved by `bench run` or `pytest --benchmark-json` (key 'bench' or "
            "'benchmarks'), found neither key"
        )
    return _ours(data, file) if "bench" in data else _plain(data, file)


def _ours(data: dict[str, Any], file: str) -> SavedRun:
    run = results(data)
    git = run.session.get("git") or {}
    cells = [_cell(record) for record in run.cells]
    return SavedRun(
        file=file,
        ours=True,
        conditions=of_session(run.session),
        revision=_revision(git.get("revision")),
        dirty=bool(git.get("dirty")),
        cells={cell.name: cell for cell in cells},
        places=facts(run.session).places,
    )


def _cell(record: Record) -> SavedCell:
    where = f"cell {record.cell}"
    latency, bytes_ = record.latency_s, record.artifact_bytes
    if bytes_ is not None and bytes_ < 0:
        raise UsageError(f"{where}: expected artifact_bytes of 0 or more, found {bytes_}")
    if record.speedup is not None:
        _check_speedup(record.speedup, where)
    if record.task is not None:
        _check_task(record.task, where)
    return SavedCell(
        name=str(Cell.parse(record.cell)),
        status=record.status,
        reason=record.reason,
        median_s=None if latency is None else _seconds(latency.median, f"{where}: median"),
        speedup=record.speedup,
        artifact_bytes=bytes_,
        task=record.task,
    )


def _check_speedup(speedup: Speedup, where: str) -> None:
    ordered = 0 < speedup.low <= speedup.ratio <= speedup.high
    if not (ordered and speedup.low >= 1e-9 and speedup.high <= 1e9):
        raise UsageError(f"{where}: expected a speed-up within its bounds, all above 0")
    if not 0.5 <= speedup.confidence < 1:
        raise UsageError(f"{where}: expected a confidence of 0.5 to 1, found {speedup.confidence}")


def _check_task(task: TaskScore, where: str) -> None:
    if not (0 <= task.value <= 1 and task.items > 0):
        raise UsageError(f"{where}: expected a task's score as a share of at least one item")
    change = task.change
    if change is not None and not -1 <= change.low <= change.value <= change.high <= 1:
        raise UsageError(f"{where}: expected the task's change within its bounds, all of a share")


def _plain(data: dict[str, Any], file: str) -> SavedRun:
    """Its tests that failed are not in it: pytest-benchmark drops them."""
    benchmarks = read(tuple[dict[str, Any], ...], data["benchmarks"], "benchmarks")
    cells: dict[str, SavedCell] = {}
    for number, entry in enumerate(benchmarks):
        where = f"benchmarks[{number}]"
        name = read(str, entry.get("fullname"), f"{where}.fullname")
        stats = read(dict[str, Any], entry.get("stats"), f"{where}.stats")
        median = read(float, stats.get("median"), f"{where}.stats.median")
        if name in cells:
            raise UsageError(f"expected every benchmark once, found {name!r:.200} twice")
        cells[name] = SavedCell(name, "ok", median_s=_seconds(median, f"{where}.stats.median"))
    commit = read(dict[str, Any], data.get("commit_info") or {}, "commit_info")
    return SavedRun(
        file=file,
        ours=False,
        conditions=of_machine_info(data.get("machine_info") or {}),
        revision=_revision(commit.get("id")),
        dirty=bool(commit.get("dirty")),
        cells=cells,
    )


def _seconds(median: float, where: str) -> float | None:
    """A clock that is too coarse reads 0 s: that is no time, but no broken file either."""
    if median == 0:
        return None
    if not SHORTEST_S <= median <= LONGEST_S:
        raise UsageError(f"{where}: expected seconds per call, found {median:g}")
    return median


def _revision(text: object) -> str | None:
    """Files are untrusted, and this goes into a command line."""
    return text if isinstance(text, str) and _REVISION.fullmatch(text) else None
