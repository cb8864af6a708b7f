"""An invented gate, with one of everything that its outputs must show."""

from dataclasses import replace

from bench_core.analysis.gate.result import GateResult, Side
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
from bench_core.record import Interval
from invented import SESSION

UNDER = "python 3.11.7, lock 0f1e2d3c"


def cell(mode: str, model: str = "minilm", length: int = 128) -> str:
    return str(Cell(model, mode, length, threads=1))


def latency(mode: str, kind: str, percent: float, half: float = 1.2, **other: object) -> Verdict:
    """Of minilm at 128 tokens; the change and half of its interval are in percent."""
    low, middle, high = (1 + (percent + by) / 100 for by in (-half, 0, half))
    known = {"limit": 0.05, "launches": 2, "change": Interval(middle, low, high)}
    return Verdict(cell(mode), "latency", kind, **{**known, **other})


def artefact(mode: str, kind: str = WITHIN, percent: float = 0.0) -> Verdict:
    ratio = 1 + percent / 100
    return Verdict(cell(mode), "artifact_bytes", kind, Interval(ratio, ratio, ratio), 0.01)


def status(mode: str, kind: str, reason: str | None = None) -> Verdict:
    return Verdict(cell(mode), "status", kind, reason=reason)


EVERYTHING = (
    latency("eager_no_grad", WITHIN, 0.3),
    latency("ort_all_online", WITHIN, 1.9, watch=True, launches=10),
    latency("bf16", BETTER, -12.4, launches=6),
    latency("int8_dynamic", WORSE, 9.8, launches=6),
    latency("torchscript_trace", WORSE, 23.0, launches=6),
    latency("compile_default", UNSURE, 4.1, 5.0, launches=24, smallest=0.081),
    artefact("eager_no_grad"),
    artefact("ort_all_online", WORSE, 4.2),
    artefact("bf16"),
    Verdict(
        cell("int8_dynamic"), "task", WORSE, Interval(-0.012, -0.02, -0.004), 0.0,
        reason="of 2,412 items 41 were lost, 12 gained",
    ),
    status("ort_all_offline", GONE),
    status("channels_last", FAILED, "crashed: worker ended by signal 11 (SIGSEGV)"),
    status("torch_export", NEW),
    status("compile_reduce_overhead", SKIPPED, "no CUDA device; CUDA graphs need one"),
)  # fmt: skip


def gate(*verdicts: Verdict, **other: object) -> GateResult:
    session = {**SESSION, "threads": 1, "wall_s": {"starting": 31.0, "duels": 115.2}}
    result = GateResult(
        session=session,
        base=Side("origin/main", "0123456789abcdef", dirty=False, environment=UNDER),
        head=Side("the working tree", "fedcba9876543210", dirty=True, environment=UNDER),
        threshold=0.05,
        verdicts=verdicts or EVERYTHING,
        launches={
            one.cell: {"screen": (0.01, 0.02), "confirm": (0.03, -0.01)}
            for one in verdicts or EVERYTHING
        },
        sentinels={
            cell("eager_inference_mode", "mlp", 1024): (0.008, -0.008),
            cell("eager_inference_mode", "mlp", 1): (0.021, 0.002, -0.011),
        },
    )
    return replace(result, **other)


def calm(cells: int) -> GateResult:
    """So many cells, in none of which anything changed."""
    latencies = (latency(f"mode_{number:03}", WITHIN, number / 100) for number in range(cells))
    return gate(*latencies, *(artefact(f"mode_{number:03}") for number in range(cells)))
