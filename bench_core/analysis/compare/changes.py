"""What changed between saved runs: two or more of them → verdicts."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

from bench_core.analysis.compare.conditions import differences
from bench_core.analysis.compare.latency import METRIC, Judged, latencies
from bench_core.analysis.compare.match import check_kinds, matched
from bench_core.analysis.compare.saved import SavedCell, SavedRun
from bench_core.analysis.compare.spread import ABSOLUTE, RATIO
from bench_core.analysis.compare.task import task
from bench_core.analysis.gate.beside_time import artifact
from bench_core.analysis.verdict import (
    FAILED,
    GONE,
    NEW,
    SKIPPED,
    UNSURE,
    WORSE,
    Verdict,
    exit_code,
)
from bench_core.errors import Incomparable

BYTES_LIMIT = 0.01


@dataclass(frozen=True)
class Comparison:
    """baselines: files, oldest first. basis: what of a latency is compared.

    differences: in what the runs' conditions differ, a line each.
    revision: what the newest baseline measured; None where its file does not say so, or says
        that there were changes nobody committed (dirty).
    places: of the user's own models, by name, as they were given last.
    """

    baselines: tuple[str, ...]
    candidate: str
    ours: bool
    basis: str
    differences: tuple[str, ...]
    revision: str | None
    dirty: bool
    places: dict[str, str]
    judged: tuple[Judged, ...]

    @property
    def exit_code(self) -> int:
        """4 gone or newly failing, 3 flagged or nothing judged, 0.

        Never 1: a saved file only screens, so what is `worse` in it, bytes and tasks, is
        flagged like the rest and stands as `worse` in the output alone.
        """
        verdicts = (judged.verdict for judged in self.judged)
        return exit_code(replace(v, kind=UNSURE) if v.kind == WORSE else v for v in verdicts)

    def to_json(self) -> dict[str, Any]:
        return {**asdict(self), "exit_code": self.exit_code}


def changes(baselines: Sequence[SavedRun], candidate: SavedRun) -> Comparison:
    """Judge every cell of the candidate and of the baselines, which are given oldest first.

    Under equal conditions seconds are compared, else ratios to the reference in the same run;
    then cells are matched without their threads. The newest baseline that holds a cell says
    what its status, bytes and task were.
    Raises: Incomparable where no honest comparison is possible: ours with another project's,
    or other conditions and no ratio in common; UsageError for one session given twice.
    """
    check_kinds(baselines, candidate)
    found = dict.fromkeys(
        line for run in baselines for line in differences(run.conditions, candidate.conditions)
    )
    if found and not candidate.ours:
        raise Incomparable(
            f"expected {candidate.file} to come from the same machine and Python as the older "
            f"files, found another ({'; '.join(found)}); without a reference timed in the same "
            "run nothing can be compared: run both here"
        )
    basis = RATIO if found else ABSOLUTE
    before = [matched(run, basis) for run in baselines]
    after = matched(candidate, basis)
    judged = tuple(_judge(before, after, basis))
    if basis == RATIO and not any(j.verdict.metric == METRIC and j.verdict.change for j in judged):
        raise Incomparable(
            f"expected seconds measured under equal conditions, found {'; '.join(found)}; "
            "and no cell is ok in both with a ratio to the same reference: run both here, or "
            "let the gate do it"
        )
    newest = baselines[-1]
    return Comparison(
        baselines=tuple(run.file for run in baselines),
        candidate=candidate.file,
        ours=candidate.ours,
        basis=basis,
        differences=tuple(found),
        revision=None if newest.dirty else newest.revision,
        dirty=newest.dirty,
        places=newest.places | candidate.places,
        judged=judged,
    )


def _judge(
    baselines: Sequence[Mapping[str, SavedCell]], after: Mapping[str, SavedCell], basis: str
) -> Iterator[Judged]:
    before = {name: cell for run in baselines for name, cell in run.items()}
    common = []
    for name in dict.fromkeys([*before, *after]):
        status = _status(name, before.get(name), after.get(name))
        if status is not None:
            yield Judged(status)
        else:
            common.append(name)
    yield from latencies(baselines, after, common, basis)
    for name in common:
        yield from _beside_time(name, before[name], after[name])


def _status(name: str, before: SavedCell | None, after: SavedCell | None) -> Verdict | None:
    """None where the cell is ok in both, so that its figures are to be judged."""
    if before is None:
        kind, reason = NEW, None if after is None or after.ok else _failure(after)
    elif after is None:
        kind = GONE if before.ok else SKIPPED
        reason = None if before.ok else f"{_failure(before)}; not in the newer file"
    elif not after.ok:
        kind = FAILED if before.ok else SKIPPED
        reason = _failure(after) if before.ok else f"in both: {_failure(after)}"
    elif not before.ok:
        kind, reason = NEW, f"before: {_failure(before)}"
    else:
        return None
    return Verdict(name, "status", kind, reason=reason)


def _failure(cell: SavedCell) -> str:
    return f"{cell.status}: {cell.reason}" if cell.reason else cell.status


def _beside_time(name: str, before: SavedCell, after: SavedCell) -> Iterator[Judged]:
    old, new = before.artifact_bytes, after.artifact_bytes
    if old is not None and new is not None:
        yield Judged(artifact(name, old, new, BYTES_LIMIT), old, new)
    elif old is not None:
        reason = "no artefact's size now, but one before"
        yield Judged(Verdict(name, "artifact_bytes", UNSURE, reason=reason), old)
    if before.task is not None:
        score = after.task.value if after.task else None
        yield Judged(task(name, before.task, after.task), before.task.value, score)
