"""What a file claims of one way of running a model: a row of a table, a cell of a run."""

from collections.abc import Iterator
from dataclasses import dataclass, fields

from bench_core.analysis.audit.number import Number, Range
from bench_core.record import Advice, Record


@dataclass(frozen=True)
class Finding:
    """What was found where, what it must be, and from what that follows."""

    where: str
    found: str
    must: str
    why: str

    def __str__(self) -> str:
        return f"{self.where}: {self.found}, must be {self.must}: {self.why}"


@dataclass(frozen=True)
class Row:
    """One row; what its file does not say is None.

    where: as a finding names it. throughput: items a second. latency: seconds a call, of `batch`
        items. energy: joules. accuracy … f1: shares.
    ranked_with, baseline: rows of the same `ranked_with` are compared with the one of them that
        has this name.
    quantiles: seconds, in the order in which they must rise.
    record, advice: a run's own, of which the rest is what tables have too.
    """

    where: str
    name: str | None = None
    model: str | None = None
    batch: Number | None = None
    latency: Number | None = None
    throughput: Number | None = None
    power: Number | None = None
    energy: Number | None = None
    accuracy: Number | None = None
    precision: Number | None = None
    recall: Number | None = None
    f1: Number | None = None
    provider: str | None = None
    lossy: bool | None = None
    training: bool | None = None
    ranked_with: str | None = None
    baseline: str | None = None
    quantiles: tuple[tuple[str, float], ...] = ()
    record: Record | None = None
    advice: Advice | None = None

    def numbers(self) -> Iterator[tuple[str, Number]]:
        """Those that it has, by field."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, Number):
                yield field.name, value

    def unless(self, fits: bool, found: object, must: str, why: str) -> Finding | None:
        """What is wrong with this row, unless it fits."""
        return None if fits else Finding(self.where, str(found), must, why)

    def unless_in(self, found: Number, must: Range, why: str) -> Finding | None:
        return self.unless(found.meets(must), found, found.same_unit(must), why)


Rows = tuple[Row, ...]


@dataclass(frozen=True)
class Claims:
    """A file as it was read.

    notes: what of it was not read, or how. typed: by a person, so digits are rounded.
    """

    rows: Rows
    notes: tuple[str, ...] = ()
    typed: bool = False
