"""An invented run, with one of everything that a report must show."""

from bench_core.analysis.load import Results
from bench_core.cell import Cell
from bench_core.record import (
    Advice,
    BreakEven,
    Fidelity,
    Interval,
    Latency,
    Peak,
    Ready,
    Record,
    Speedup,
    TaskScore,
)

REFERENCE = "eager_inference_mode"
NO_CUDA = "no CUDA device; CUDA graphs need one"
SESSION = {
    "machine": {"cpu": {"model": "AMD EPYC 9B14", "usable_cores": [0, 1]}},
    "threads": 2,
    "versions": {"python": "3.11.7", "torch": "2.13.0", "onnxruntime": "1.31.1", "scipy": "1.17.1"},
    "git": {"revision": "0123456789abcdef", "dirty": True},
    "models": {
        "minilm": {"length_axis": "tokens"},
        "digits_cnn": {"length_axis": "pixels a side"},
        "mlp": {"length_axis": "features"},
    },
    "aa": {
        "compute": {"launches": 4, "sd": 0.0061, "pooled_sd": 0.0112},
        "dispatch": {"launches": 0, "sd": None, "pooled_sd": 0.013},
    },
    "warnings": [
        "a virtual machine: neighbours slow it unseen; trust ratios before absolute times"
    ],
}


def speedup(ratio: float, reference_s: float, half: float = 0.025) -> Speedup:
    low, high = ratio * (1 - half), ratio * (1 + half)
    return Speedup(
        REFERENCE, reference_s, ratio, low, high, 0.95, 16, 2, 0.012, (0.1, 0.2), "precision"
    )


def ok(mode: str, ratio: float, **other: object) -> Record:
    """A cell of minilm at 128 tokens that is right; `other` replaces fields."""
    model, length, reference_s = "minilm", other.pop("length", 128), other.pop("p50_s", 0.0248)
    model = other.pop("model", model)
    known = {
        "cell": str(Cell(model, mode, length, threads=2)),
        "family": "eager",
        "lossy": False,
        "status": "ok",
        "right": True,
        "latency_s": Latency(reference_s / ratio, reference_s / ratio, None, None, None, 96, 1),
        "throughput_items_per_s": ratio / reference_s,
        "speedup": speedup(ratio, reference_s),
        "ready_s": Ready("worker", 3.42, 0.16, 8.4, 0.31, 0.03, "2026-11-21"),
        "break_even_calls": BreakEven(1250.0, 1130.0, 1400.0, None),
        "artifact_bytes": 90_942_657,
        "peak_rss_bytes": Peak(412_000_000, "worker"),
        "fidelity": Fidelity("float64", 1.02, 0.9999999, 118.2, 1.1e-6, None),
        "task": TaskScore(
            "recall_at_1", 0.861, 0.848, 0.874, 2412, 128, "c0ffee", REFERENCE, None, {}
        ),
    }
    return Record(**{**known, **other})


def failed(mode: str, status: str, reason: str, **other: object) -> Record:
    cell = Cell(
        str(other.get("model", "minilm")), mode, int(str(other.get("length", 128))), threads=2
    )
    return Record(cell=str(cell), family="eager", lossy=False, status=status, reason=reason)


def lost(mode_value: float, value: float, low: float, high: float) -> TaskScore:
    change = Interval(value, low, high)
    return TaskScore("recall_at_1", mode_value, mode_value - 0.013, mode_value + 0.013, 2412, 128,
                     "c0ffee", None, change, {})  # fmt: skip


def minilm(length: int, p50_s: float) -> list[Record]:
    at = {"length": length, "p50_s": p50_s}
    never, unknown = (BreakEven(None, None, None, why) for why in ("never", "unknown"))
    probed = Ready("probe", 0.15, 0.0, 6.6, 0.2, 0.03, "2026-11-21")
    noisy, noisier = (Fidelity("float64", 4e5, 0.99, db, 0.2, None) for db in (26.3, 17.3))
    wrong = "verification batch 2 of 3: rmse 0.013 against the float64 oracle; a lossless mode may "
    return [
        ok(REFERENCE, 1.0, break_even_calls=None, **at),
        ok("eager_as_loaded", 0.93, break_even_calls=never, **at),
        ok("eager_no_grad", 1.004, break_even_calls=unknown, **at),
        ok("ort_all_online", 1.37, ready_s=probed, peak_rss_bytes=Peak(214_000_000, "probe"),
           break_even_calls=BreakEven(0, 0, 0, None), **at),
        ok("compile_freezing", 1.31, break_even_calls=BreakEven(40_300, 36_000, 46_000, None),
           **at),
        ok("int8_dynamic", 2.31, lossy=True, artifact_bytes=23_100_000, fidelity=noisy,
           task=lost(0.859, -0.002, -0.006, 0.002),
           break_even_calls=BreakEven(140, 120, 165, None), **at),
        ok("ort_int8_dynamic", 2.74, lossy=True, right=False, fidelity=noisier,
           task=lost(0.81, -0.051, -0.06, -0.042), **at),
        ok("eager_train", 0.71, right=False, fidelity=None, task=None, break_even_calls=never,
           **at),
        ok("compile_max_autotune_no_cudagraphs", 1.3, **at),
        ok("compile_max_autotune", 1.3, alias_of="compile_max_autotune_no_cudagraphs", **at),
        failed("compile_reduce_overhead", "skipped", NO_CUDA, **at),
        failed("torchscript_trace", "wrong_output", f"{wrong}have 1.2e-06", **at),
        failed("ort_all_offline", "crashed", "worker ended by signal 11 (SIGSEGV)", **at),
    ]  # fmt: skip


def mlp() -> list[Record]:
    at = {"model": "mlp", "length": 64, "p50_s": 1.21e-5, "task": None}
    return [
        ok(
            REFERENCE,
            1.0,
            break_even_calls=None,
            right=None,
            artifact_bytes=84_000,
            **at,
        ),
        ok("torchscript_freeze", 1.62, right=None, artifact_bytes=91_234, **at),
        ok(
            "ort_all_online",
            3.9,
            right=None,
            warnings=("the exporter left 3 constants unfolded",),
            **at,
        ),
        failed("bf16", "unsupported", "[red]LayerNorm[/red] has no bf16 kernel\x1b[31m here", **at),
        failed("compile_reduce_overhead", "skipped", NO_CUDA, **at),
    ]


def run() -> Results:
    best = str(Cell("minilm", "int8_dynamic", 128, threads=2))
    lost_again = "ort_all_online was not faster in a duel of its own"
    advice = (
        Advice(
            "minilm|length=128|batch=1",
            best,
            None,
            speedup=speedup(2.3, 0.0248, 0.045),
            break_even_calls=BreakEven(140, 120, 165, None),
        ),
        Advice("minilm|length=16|batch=1", None, lost_again),
        Advice("mlp|length=64|batch=1", None, "no mode has a task to be judged by"),
    )
    return Results(SESSION, (*minilm(16, 0.0061), *minilm(128, 0.0248), *mlp()), advice)
