"""A contender's own process: it builds one model in one mode and answers what it is asked.

Each function below answers one message; its keyword arguments are the message's fields.
"""

import importlib
import json
import operator
import os
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench_core import discover
from bench_core.cell import Cell
from bench_core.mode import EXAMPLE_SEEDS, Job, Mode
from bench_core.runner import Inputs, Loop, Runner

from ..hardware.memory import limit_growth, peak_bytes, restart_peak, says_out_of_memory
from ..wire import BrokenWire, Message, Wire
from .placing import cpu_time_ns, place_threads, thread_ids
from .profile import profile
from .timing import OwnLoop, slowed

Answer = tuple[Message, Sequence[np.ndarray]]

_TRAIL_CHARACTERS = 6000
_EVIDENCE_CHARACTERS = 1 << 20
_NOT_ENGAGED = "not_engaged"
_SETTLING_S = 0.1
"""Longer than any runtime spins after a call: ONNX Runtime does for 45 ms, libgomp for 10."""
_IDLE_S = 0.05


class Refusal(Exception):
    """What a worker itself has to say against a cell; `status` is the record's."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status


class Held:
    """What a worker holds open between messages."""

    def __init__(self) -> None:
        self.job: Job
        self.mode: Mode
        self.runner: Runner
        self.loop: Loop
        self.feeds: list[Any] = []
        self.base_bytes = 0
        self.cores: list[int] = []
        self.placed: list[int] = []

    def start(self, cell: str, folder: str, memory_bytes: int | None) -> Answer:
        """Build, prepare and call once. The times are single readings."""
        spec = Cell.parse(cell)
        self.mode = discover.modes()[spec.mode]
        self.job = Job(discover.model(spec.model), spec, Path(folder))
        import_frameworks(self.mode)
        set_torch_threads(spec.threads)
        if memory_bytes is not None:
            limit_growth(memory_bytes)
        self.base_bytes = restart_peak()
        start = time.perf_counter()
        self.runner = self.mode.prepare(self.job)
        built = time.perf_counter()
        self.feeds = [self.runner.feed(inputs) for inputs in self.job.examples]
        called = time.perf_counter()
        self.runner.call(self.feeds[0])
        first_call_s = time.perf_counter() - called
        self.loop = self.runner.loop or OwnLoop(self.runner.call)
        return {
            "load_s": self.job.load_s,
            "build_s": built - start - self.job.load_s + self.job.borrowed_s,
            "first_call_s": first_call_s,
            "built_module": "module" in vars(self.job),
            "artifact_bytes": operator.index(self.runner.artifact_bytes),
            "artifact_sha256": self.runner.artifact_sha256,
            "min_sqnr_db": self.mode.min_sqnr_db,
            "stochastic": self.mode.stochastic,
            "any_shape": self.mode.any_shape,
            "files": _imported_files(),
        }, []

    def warm(self, cores: list[int], slowdown: float = 0.0) -> Answer:
        """Place the threads, warm up, place those that came up meanwhile.

        slowdown: from then on each call takes that share of its own median longer, `spin_s`.
        """
        self.cores, pid = cores, self.loop.pid
        place_threads(pid, cores)
        self.loop.warm_up(self.feeds)
        self.placed = place_threads(pid, cores)
        before = cpu_time_ns(pid)
        median_s = self.loop.warm_up(self.feeds)
        ran = {thread: ns - before.get(thread, 0) for thread, ns in cpu_time_ns(pid).items()}
        busy = sum(ns > 0.05 * max(ran.values()) for ns in ran.values())
        spin_s = slowdown * median_s
        if slowdown:
            if self.runner.loop is not None:
                raise Refusal("unsupported", "its calls are made where no slowdown can be put")
            self.loop = OwnLoop(slowed(self.runner.call, spin_s))
        return {"median_s": median_s + spin_s, "threads_busy": busy, "spin_s": spin_s}, []

    def block(self, samples: int, calls: int) -> Answer:
        """One timed block. Threads that appeared since the last are placed first."""
        if len(thread_ids(self.loop.pid)) != len(self.placed):
            self.placed = place_threads(self.loop.pid, self.cores)
        taken_ns, canary_ns = self.loop.block(self.feeds, samples, calls)
        return {"canary_ns": canary_ns}, [taken_ns]

    def outputs(self, inputs: list[list[Any]]) -> Answer:
        """The outputs for each of `inputs` (length, batch, seed, padded), as float64."""
        return {}, self._run([self.job.model.inputs(*spec) for spec in inputs])

    def pad(self, length: int, seed: int) -> Answer:
        """From now on time inputs of a lesser `length`, padded to the cell's.

        Answers with the outputs for those of `seed`, padded likewise.
        """
        model, cell = self.job.model, self.job.cell
        pad = model.pad
        if pad is None:
            raise Refusal("unsupported", f"{model.name} knows no padding")

        def padded(number: int) -> Inputs:
            return pad(model.inputs(length, cell.batch, number, False), cell.length)

        self.feeds = [self.runner.feed(padded(number)) for number in EXAMPLE_SEEDS]
        return {}, self._run([padded(seed)])

    def evidence(self) -> Answer:
        """What the runtime says of itself, and why that is not enough where it is not."""
        # Before a profiler adds to it.
        growth_bytes = max(0, peak_bytes() - self.base_bytes)
        apart_bytes = peak_bytes(self.loop.pid) if self.runner.loop else None
        restless = _restless_threads(self.loop.pid)
        found = self.runner.evidence()
        kept, why_not = _as_json(found), self.mode.engaged(found)
        return {
            "evidence": kept,
            "not_engaged": why_not,
            "growth_bytes": growth_bytes,
            "apart_bytes": apart_bytes,
            "restless_threads": restless,
        }, []

    def task(self) -> Answer:
        """Run the model's task. Answers with one prediction, and what was right, per item."""
        task = self.job.model.task
        if task is None:
            raise ValueError(f"{self.job.model.name} has no task")
        examples = task.load()
        predicted = examples.predict(self._run(examples.batches))
        answer = {"corpus_sha256": examples.corpus_sha256}
        return answer, [np.asarray(predicted, np.int64), np.asarray(examples.expected, np.int64)]

    def profile(self) -> Answer:
        """What runs in its calls. Raises: Refusal where no profiler sees any of it."""
        profiler = getattr(self.runner, "profiler", None)
        if profiler is None and self.runner.loop is not None:
            raise Refusal(
                "unsupported",
                f"{self.mode.name} runs in a process of its own, where no profiler of ours looks; "
                "explain a mode that runs in ours",
            )
        if profiler is None:
            from bench_core.runtimes.torch_profile import torch_profiler

            profiler = torch_profiler(self.runner.call, self.runner.feed)

        def settle() -> None:
            self.placed = place_threads(self.loop.pid, self.cores)

        inputs = self.job.examples
        answer, arrays = profile(self.runner, profiler, inputs, self.feeds, settle)
        if not answer["rows"]:
            raise Refusal(
                "unsupported", f"{profiler.name} saw no operator in the calls of {self.mode.name}"
            )
        return answer, arrays

    def _run(self, batches: list[Inputs]) -> list[np.ndarray]:
        runner, found = self.runner, []
        for inputs in batches:
            found += runner.read(runner.call(runner.feed(inputs)))
        for one in found:
            if not isinstance(one, np.ndarray) or one.dtype != np.float64:
                kind = getattr(one, "dtype", type(one).__name__)
                raise Refusal("wrong_output", f"expected outputs as float64 arrays, found {kind}")
        return found


def oracle(model: str, threads: int, inputs: list[list[Any]]) -> Answer:
    """Outputs for `inputs` in float64 and then, as many again, by eager float32."""
    from bench_core.runtimes import graph_oracle
    from bench_core.runtimes.oracle import eager_outputs, flops, run

    set_torch_threads(threads)
    chosen = discover.model(model)
    batches = [chosen.inputs(*spec) for spec in inputs]
    if chosen.onnx is not None:
        exact, moved = graph_oracle.run(chosen.onnx, chosen.input_names, batches, threads)
        return {"name": graph_oracle.NAME, "below": [], "flops": 0}, [*exact, *moved]
    module = chosen.build()
    exact, name, below = run(module, batches)
    answer = {"name": name, "below": below, "flops": flops(module, batches[0])}
    return answer, [*exact, *eager_outputs(module, batches)]


def peak_flops(dtype: str, threads: int, cores: list[int]) -> Answer:
    """The most floating-point (or integer) operations a second that a matrix product reaches."""
    from bench_core.runtimes.peak import flops_per_s

    set_torch_threads(threads)
    return {"flops_per_s": flops_per_s(dtype, lambda: place_threads(os.getpid(), cores))}, []


def bandwidth(threads: int, cores: list[int]) -> Answer:
    """The most bytes a second that go to and from memory."""
    from bench_core.runtimes.peak import bytes_per_s

    set_torch_threads(threads)
    return {"bytes_per_s": bytes_per_s(lambda: place_threads(os.getpid(), cores))}, []


def work(model: str, length: int, batch: int) -> Answer:
    """Name, operations and float32 bytes of each layer of the model in one call."""
    from bench_core.runtimes.layer_work import layer_work

    chosen = discover.model(model)
    inputs = chosen.inputs(length, batch, 0, False)
    return {"layers": layer_work(chosen.build(), inputs)}, []


def import_frameworks(mode: Mode) -> None:
    """Import what the mode runs on, so that memory and time from here on are the model's own.

    Raises: Refusal if one is not installed.
    """
    for name in dict.fromkeys((*mode.requires, *mode.frameworks)):
        try:
            importlib.import_module(name)
        except ImportError as error:
            raise Refusal(
                "skipped",
                f"{mode.name} needs the module {name}, which cannot be imported here ({error})",
            ) from error


def set_torch_threads(threads: int) -> None:
    """Where torch is imported. One left at the machine's count on a single core is 22x slower."""
    if torch := sys.modules.get("torch"):
        torch.set_num_threads(threads)


def serve(wire: Wire) -> None:
    """Answer messages until the other end closes."""
    held = Held()
    answers: dict[str, Callable[..., Answer]] = {
        "start": held.start,
        "warm": held.warm,
        "block": held.block,
        "outputs": held.outputs,
        "pad": held.pad,
        "evidence": held.evidence,
        "profile": held.profile,
        "task": held.task,
        "oracle": oracle,
        "peak_flops": peak_flops,
        "bandwidth": bandwidth,
        "work": work,
    }
    while True:
        try:
            message, _ = wire.receive()
        except BrokenWire:
            return
        try:
            reply, arrays = answers[message.pop("do")](**message)
        except Exception as error:  # noqa: BLE001  (a runtime may raise anything; it is the answer)
            reply, arrays = {"error": _described(error)}, []
        try:
            wire.send(reply, arrays)
        except (TypeError, ValueError, MemoryError) as error:
            wire.send({"error": _described(error)})


def _imported_files() -> list[str]:
    """Of all modules but the interpreter's, its packages' and these files' own."""
    ours = __name__.partition(".")[0]
    found = (
        getattr(module, "__file__", None)
        for name, module in list(sys.modules.items())
        if name.partition(".")[0] != ours
    )
    installed = tuple(f"{prefix}/lib" for prefix in (sys.prefix, sys.base_prefix))
    return [file for file in found if isinstance(file, str) and not file.startswith(installed)]


def _as_json(evidence: Any) -> dict[str, Any]:
    """What a record can hold of it, unchanged. Raises: Refusal if that is not all."""
    try:
        text = json.dumps(evidence, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise Refusal(_NOT_ENGAGED, f"its evidence cannot be written as JSON: {error}") from None
    if len(text) > _EVIDENCE_CHARACTERS:
        raise Refusal(
            _NOT_ENGAGED,
            f"its evidence has {len(text):,} characters; a record keeps {_EVIDENCE_CHARACTERS:,}",
        )
    found = json.loads(text)
    if not isinstance(found, dict):
        raise Refusal(_NOT_ENGAGED, f"expected evidence by name, found a {type(evidence).__name__}")
    return found


def _restless_threads(pid: int) -> int:
    """Threads that compute although nothing was called for a while."""
    time.sleep(_SETTLING_S)
    before = cpu_time_ns(pid)
    time.sleep(_IDLE_S)
    ran = (ns - before.get(thread, 0) for thread, ns in cpu_time_ns(pid).items())
    return sum(ns > 0.2 * _IDLE_S * 1e9 for ns in ran)


def _described(error: Exception) -> Message:
    text = str(error).strip()
    if isinstance(error, MemoryError) or says_out_of_memory(text):
        status = "out_of_memory"
        text = text or "the process asked for more memory than there is"
    elif isinstance(known := getattr(error, "status", None), str):
        status = known  # an error of the side's own bench_core says what became of its cell
    else:
        status = "error"
        text = f"{type(error).__name__}: {text}"
    trail = "".join(traceback.format_exception(error))[-_TRAIL_CHARACTERS:]
    return {"status": status, "message": text, "traceback": trail}
