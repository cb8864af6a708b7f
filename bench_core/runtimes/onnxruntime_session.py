"""ONNX Runtime sessions on the CPU, and the runner around one. Imports no torch."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bench_core.runner import Inputs, Runner
from bench_core.runtimes.artifact_file import fingerprint

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Level = Literal["ORT_DISABLE_ALL", "ORT_ENABLE_ALL"]
ERRORS_ONLY = 3  # ORT's severity scale. 2 warns that an optimised file suits this CPU only


def open_session(
    path: Path,
    level: Level,
    threads: int,
    optimized: Path | None = None,
    *,
    stop_spinning: bool = False,
) -> "InferenceSession":
    """A session at that optimisation level, sequential, with that many threads.

    optimized: where to write the graph that it runs.
    stop_spinning: its threads sleep between calls; else they spin for 45 ms after one and
        slow down whoever else is timed in this process.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    if stop_spinning:
        options.add_session_config_entry("session.force_spinning_stop", "1")
    if optimized is not None:
        options.optimized_model_filepath = str(optimized)
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def provider_nodes(session: "InferenceSession") -> dict[str, int]:
    """Nodes assigned to each execution provider, counted before it fuses any."""
    nodes: Counter[str] = Counter()
    for subgraph in session.get_provider_graph_assignment_info():
        nodes[subgraph.ep_name] += len(subgraph.get_nodes())
    return dict(nodes)


def make_feed(session: "InferenceSession", names: tuple[str, ...]) -> Callable[[Inputs], Any]:
    """Inputs in the order of `names` → by name, without those that the graph does not use."""
    used = {value.name for value in session.get_inputs()}

    def feed(inputs: Inputs) -> dict[str, np.ndarray]:
        named = zip(names, inputs, strict=True)
        return {name: np.ascontiguousarray(array) for name, array in named if name in used}

    return feed


def session_runner(
    session: "InferenceSession",
    path: Path,
    names: tuple[str, ...],
    evidence: Callable[[], dict[str, Any]],
) -> Runner:
    """A runner whose artefact is the file that the session was loaded from."""
    outputs = [value.name for value in session.get_outputs()]
    run = session.run

    def call(feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        arrays: list[np.ndarray] = run(outputs, feed)
        return arrays

    def read(arrays: list[np.ndarray]) -> list[np.ndarray]:
        return [np.array(array, dtype=np.float64) for array in arrays]

    artifact_bytes, artifact_sha256 = fingerprint(path)
    feed = make_feed(session, names)
    return Runner(call, feed, read, evidence, artifact_bytes, artifact_sha256)
