"""All of one gate on paper: what was compared, every verdict, and the launches under them."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from bench_core.analysis.gate.words import METRICS
from bench_core.analysis.session import facts
from bench_core.analysis.verdict import CANNOT_JUDGE, OK, Verdict, exit_code
from bench_core.errors import UsageError
from bench_core.interruption import SIGNALS, exit_code_of
from bench_core.record import read

SCHEMA = 1
STAGES = ("screen", "confirm")


@dataclass(frozen=True)
class Side:
    """One of the two revisions.

    name: as it was asked for, "origin/main". dirty: with changes that nobody committed.
    environment: which interpreter and lock it ran under.
    """

    name: str
    revision: str
    dirty: bool
    environment: str


@dataclass(frozen=True)
class GateResult:
    """Everything that a terminal, a pull request, a test report and a file are made from.

    session: as a run's (`session.facts`), with wall_s: phase → seconds, which add up to all.
    threshold: of latency, for cells that have none of their own: 0.05 is 5 %.
    launches: cell → stage ("screen", "confirm") → log slowdowns, above 0 is slower.
    sentinels: cell → log ratios of base against base.
    invalid: why the session's timings can fail nothing, or None.
    interrupted: the signal, one of SIGNALS, that ended it before all was judged, or None.
    stopped: what else kept the gate from judging all that it was to judge, or None.
    slowdown: the share that --slowdown asked for; injected: cell → the share that it achieved.
    """

    session: dict[str, Any]
    base: Side
    head: Side
    threshold: float
    verdicts: tuple[Verdict, ...]
    launches: dict[str, dict[str, tuple[float, ...]]]
    sentinels: dict[str, tuple[float, ...]]
    invalid: str | None = None
    slowdown: float | None = None
    injected: dict[str, float] = field(default_factory=dict)
    interrupted: str | None = None
    stopped: str | None = None
    allow_unsure: bool = False

    @property
    def exit_code(self) -> int:
        """The signal's where one came, 3 for 0 where it was stopped, else the verdicts' own."""
        if self.interrupted:
            return exit_code_of(self.interrupted)
        code = exit_code(
            self.verdicts, session_valid=self.invalid is None, allow_unsure=self.allow_unsure
        )
        return CANNOT_JUDGE if self.stopped is not None and code == OK else code

    @property
    def cells(self) -> int:
        """How many there are verdicts of."""
        return len({verdict.cell for verdict in self.verdicts})

    @property
    def wall_s(self) -> float:
        """From its start to its end. Raises: UsageError where the phases are no durations."""
        phases = self.session.get("wall_s") or {}
        try:
            total = math.fsum(phases.values())
        except (AttributeError, TypeError, ValueError, OverflowError):
            total = math.nan
        if not 0 <= total < math.inf:
            raise UsageError(f"session 'wall_s': expected phase → seconds, found {phases!r:.40}")
        return total

    def to_json(self) -> dict[str, Any]:
        """The content of the file."""
        return {"gate": {"schema": SCHEMA, **asdict(self)}}

    @classmethod
    def from_json(cls, data: Any) -> "GateResult":
        """Read a file's content back; it is untrusted.

        Raises: UsageError or ValueError, naming what is wrong, where it is not one of ours.
        """
        gate = data.get("gate") if isinstance(data, dict) else None
        if not isinstance(gate, dict):
            raise UsageError("expected the key 'gate' of a file saved by `bench gate`, found none")
        fields = dict(gate)
        if (schema := fields.pop("schema", None)) != SCHEMA:
            raise UsageError(
                f"expected schema {SCHEMA}, found {schema!r:.20}; "
                "read it with the bench_core that wrote it"
            )
        result: GateResult = read(cls, fields, "gate")
        _check(result)
        return result


def _check(result: GateResult) -> None:
    """What the types do not say."""
    facts(result.session)
    _ = result.wall_s
    if result.interrupted not in (None, *SIGNALS):
        raise ValueError(
            f"interrupted: expected one of {SIGNALS}, found {result.interrupted!r:.20}"
        )
    seen: set[tuple[str, str]] = set()
    for verdict in result.verdicts:
        Verdict.from_json(verdict.to_json())
        if verdict.metric not in METRICS:
            raise ValueError(
                f"verdict.metric: expected one of {tuple(METRICS)}, found {verdict.metric!r:.20}"
            )
        what = verdict.cell, verdict.metric
        if what in seen:
            raise ValueError(f"expected every metric of a cell once, found {what!r:.80} twice")
        seen.add(what)
    for cell, stages in result.launches.items():
        if unknown := sorted(set(stages) - set(STAGES)):
            raise ValueError(f"launches of {cell!r:.60}: expected {STAGES}, found {unknown[0]!r}")
