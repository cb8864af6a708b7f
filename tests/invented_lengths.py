"""Invented results of a study of lengths."""

import math

from bench_core.analysis.lengths.result import LengthsResult
from bench_core.cell import Cell
from bench_core.record import Record, Speedup

REFERENCE = "eager_inference_mode"


def ratio(value: float, half: float = 0.02, reference_s: float = 1e-3) -> Speedup:
    """`half` on the log scale."""
    bounds = value * math.exp(-half), value * math.exp(half)
    return Speedup(REFERENCE, reference_s, value, *bounds, 0.95, 16, 2, 0.01, (), "budget")


def record(mode: str, length: int, speedup: Speedup | None, **more) -> Record:
    cell = str(Cell("net", mode, length, threads=2))
    return Record(cell, "family", False, **{"status": "ok", "speedup": speedup, **more})


def study(latency_s: dict, lengths=(16, 64, 128, 256), **more) -> LengthsResult:
    """Of modes by name, the reference among them: a function of the length each."""
    records = [
        record(mode, n, ratio(latency_s[REFERENCE](n) / of(n), 0.02, latency_s[REFERENCE](n)))
        for n in lengths
        for mode, of in latency_s.items()
        if mode != REFERENCE
    ]
    known = {"session": {}, "model": "net", "axis": "tokens", "reference": REFERENCE}
    return LengthsResult(**{**known, "lengths": lengths, "records": tuple(records), **more})


FLIPPING = {
    REFERENCE: lambda n: 5e-3 + 50e-6 * n,
    "starts_cheap": lambda n: 1e-3 + 60e-6 * n,
    "runs_cheap": lambda n: 4e-3 + 30e-6 * n,  # level with the one before at 100
}
