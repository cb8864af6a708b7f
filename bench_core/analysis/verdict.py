"""What became of a cell from base to head, and what a command that found it exits with."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from bench_core.record import Interval, read

BETTER, WORSE, WITHIN, UNSURE = "better", "worse", "within", "unsure"
NEW, GONE, FAILED, SKIPPED = "new", "gone", "failed", "skipped"
KINDS = (BETTER, WORSE, WITHIN, UNSURE, NEW, GONE, FAILED, SKIPPED)

OK, A_WORSE, USAGE, CANNOT_JUDGE, GONE_OR_FAILED = 0, 1, 2, 3, 4


@dataclass(frozen=True)
class Verdict:
    """One metric of one cell, base against head.

    metric: "status" (only new, gone, failed, skipped), "latency", "artifact_bytes", "task",
        "peak_rss_bytes" or "ready_s".
    change: head / base with its 99 % bounds, above 1 is slower or larger; of the task the
        change of the share of items that came out right, below 0 is a loss.
    limit: the change that is judged: 0.05 is 5 %, of the task a share.
    launches: how many the verdict rests on.
    smallest: of an unsure one, the smallest change that this machine could have found: 0.08 is
        8 %.
    watch: a real change, but one below the limit.
    """

    cell: str
    metric: str
    kind: str
    change: Interval | None = None
    limit: float | None = None
    launches: int = 0
    smallest: float | None = None
    watch: bool = False
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Verdict":
        """Raises: ValueError, naming the field, where `data` is not one."""
        verdict: Verdict = read(cls, data, "verdict")
        if verdict.kind not in KINDS:
            raise ValueError(f"verdict.kind: expected one of {KINDS}, found {verdict.kind!r:.20}")
        return verdict


def exit_code(
    verdicts: Iterable[Verdict], *, session_valid: bool = True, allow_unsure: bool = False
) -> int:
    """What the command ends with, the gravest first: 1 worse, 4 gone or failed, 3 unjudged.

    session_valid: whether the session's own control held; where it did not, every timing is
        unsure already. allow_unsure: the unsure of a valid session is not held against it.
    """
    kinds = [verdict.kind for verdict in verdicts]
    if WORSE in kinds:
        return A_WORSE
    if GONE in kinds or FAILED in kinds:
        return GONE_OR_FAILED
    judged = any(kind in (BETTER, WITHIN) for kind in kinds)
    unsure = UNSURE in kinds and not (allow_unsure and session_valid)
    if not session_valid or unsure or not (judged or UNSURE in kinds):
        return CANNOT_JUDGE
    return OK
