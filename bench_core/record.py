"""All of one cell on paper. SI units, the unit at the end of a name.

Schema history: 1 — first.
"""

import sys
import types
from dataclasses import MISSING, asdict, dataclass, fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

SCHEMA = 1


@dataclass(frozen=True)
class Latency:
    """Seconds per call, of all samples of the mode's side of its duel.

    A percentile is null where too few samples were taken to have seen one beyond it, or
    where a sample is the mean of several calls.
    """

    median: float
    p50: float
    p90: float | None
    p95: float | None
    p99: float | None
    samples: int
    calls_per_sample: int


@dataclass(frozen=True)
class Speedup:
    """reference / mode, above 1 is faster. `low` and `high` bound it at `confidence`.

    launch_values: the log-ratio that each launch gave. launch_sd: their spread, pooled over
    the cells of the same class and family that were run before.
    """

    reference: str
    reference_median_s: float
    ratio: float
    low: float
    high: float
    confidence: float
    quads: int
    launches: int
    launch_sd: float
    launch_values: tuple[float, ...]
    limited_by: str


@dataclass(frozen=True)
class Ready:
    """Seconds until the first output, from nothing. `source` is worker or probe.

    cold: with empty compiler caches, taken once per cell, versions and machine.
    warm: with what the cold start left behind.
    import_half_width_s: at 95 %, from the launches that the imports were measured in.
    """

    source: str
    import_s: float | None
    load_s: float
    build_cold_s: float | None
    build_warm_s: float
    first_call_s: float
    cold_measured_on: str | None
    import_half_width_s: float | None = None

    @property
    def warm_s(self) -> float:
        return (self.import_s or 0.0) + self.load_s + self.build_warm_s + self.first_call_s

    @property
    def cold_s(self) -> float:
        build = self.build_warm_s if self.build_cold_s is None else self.build_cold_s
        return self.warm_s - self.build_warm_s + build


@dataclass(frozen=True)
class BreakEven:
    """Calls after which the mode's dearer start is paid for; `reason` where there is none."""

    value: float | None
    low: float | None
    high: float | None
    reason: str | None


@dataclass(frozen=True)
class Peak:
    """The most memory held at once. `source` is worker or probe."""

    value: int
    source: str


@dataclass(frozen=True)
class Fidelity:
    """How near the outputs are to the oracle's. sqnr_db is null where they are equal."""

    oracle: str
    rmse_ratio_to_eager: float | None
    cosine: float | None
    sqnr_db: float | None
    max_abs: float
    top1_agreement: float | None


@dataclass(frozen=True)
class Interval:
    """A value and its 95 % bounds."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class TaskScore:
    """Share of the task's items that came out right, and its paired change against float."""

    name: str
    value: float
    low: float
    high: float
    items: int
    length: int
    corpus_sha256: str
    inherited_from: str | None
    change: Interval | None
    also: dict[str, Interval]


@dataclass(frozen=True)
class Work:
    """Operations of one call, and how near the machine's measured peak they ran."""

    flops: float
    peak_flops_per_s: float
    fraction_of_peak: float


@dataclass(frozen=True)
class Record:
    """One cell. Only `ok` ones are ranked; the others say why in `reason`."""

    cell: str
    family: str
    lossy: bool
    status: str
    reason: str | None = None
    right: bool | None = None
    alias_of: str | None = None
    latency_s: Latency | None = None
    throughput_items_per_s: float | None = None
    speedup: Speedup | None = None
    ready_s: Ready | None = None
    break_even_calls: BreakEven | None = None
    artifact_bytes: int | None = None
    peak_rss_bytes: Peak | None = None
    peak_device_bytes: int | None = None
    energy_joules: float | None = None
    energy_reason: str | None = None
    fidelity: Fidelity | None = None
    task: TaskScore | None = None
    evidence: dict[str, Any] | None = None
    engaged: bool | None = None
    work: Work | None = None
    warnings: tuple[str, ...] = ()
    wall_s: float | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Record":
        """Raises: ValueError, naming the field, where `data` is not a record."""
        record: Record = read(cls, data, "record")
        return record


@dataclass(frozen=True)
class Advice:
    """What to run for one model, length and batch, from duels of its own.

    speedup: the winner, afresh, against the reference (its figure in the sweep was picked
        for being the largest, and so flatters it). playoff: the winner against the runner-up.
    cell: null where no mode is right and faster than the reference; `reason` says which.
    """

    group: str
    cell: str | None
    reason: str | None
    speedup: Speedup | None = None
    runner_up: str | None = None
    playoff: Speedup | None = None
    ready_s: Ready | None = None
    break_even_calls: BreakEven | None = None
    peak_rss_bytes: Peak | None = None

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Advice":
        """Raises: ValueError, naming the field, where `data` is not one."""
        advice: Advice = read(cls, data, "advice")
        return advice


def read(kind: Any, value: Any, where: str) -> Any:
    """`value` as `kind`, checked: result files are untrusted."""
    if is_dataclass(kind):
        return _read_dataclass(kind, value, where)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        if value is None:
            return None
        (kind,) = (k for k in get_args(kind) if k is not type(None))
        return read(kind, value, where)
    if origin is tuple:
        if not isinstance(value, list | tuple):
            raise ValueError(f"{where}: expected a list, found {type(value).__name__}")
        return tuple(read(get_args(kind)[0], v, where) for v in value)
    if origin is dict:
        if not isinstance(value, dict):
            raise ValueError(f"{where}: expected an object, found {type(value).__name__}")
        return {k: read(get_args(kind)[1], v, f"{where}.{k}") for k, v in value.items()}
    return value if kind is Any else _read_plain(kind, value, where)


def _read_plain(kind: Any, value: Any, where: str) -> Any:
    """A text, a boolean, a finite number or an integer of 64 bits."""
    if kind is float and isinstance(value, int | float) and not isinstance(value, bool):
        # An int too large for a float compares as larger than every float.
        if not abs(value) <= sys.float_info.max:
            raise ValueError(f"{where}: expected a finite number, found {value!r:.20}")
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ValueError(f"{where}: expected {kind.__name__}, found {value!r:.60}")
    if kind is int and not -(2**63) <= value < 2**63:
        raise ValueError(f"{where}: expected an integer of 64 bits, found a larger one")
    return value


def _read_dataclass(kind: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        # Not TypeError: it is the file that is wrong, not the call.
        raise ValueError(f"{where}: expected an object, found {type(value).__name__}")
    known = {f.name: f.default for f in fields(kind)}
    if unknown := sorted(map(str, set(value) - set(known))):
        raise ValueError(f"{where}: unknown field {unknown[0]!r}, expected one of {list(known)}")
    if missing := [k for k, default in known.items() if default is MISSING and k not in value]:
        raise ValueError(f"{where}: expected the field {missing[0]!r}, found none")
    hints = get_type_hints(kind)
    return kind(**{k: read(hints[k], v, f"{where}.{k}") for k, v in value.items()})
