"""ONNX Runtime sessions, and the runner around one. Imports no torch."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bench_core.errors import Unavailable
from bench_core.runner import Inputs, Profiler, Runner
from bench_core.runtimes.artifact_file import fingerprint
from bench_core.runtimes.onnxruntime_profile import Ways, session_profiler

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

Level = Literal[
    "ORT_DISABLE_ALL",
    "ORT_ENABLE_BASIC",
    "ORT_ENABLE_EXTENDED",
    "ORT_ENABLE_LAYOUT",
    "ORT_ENABLE_ALL",
]
WITHOUT = "optimization.disable_specified_optimizers"
ERRORS_ONLY = 3  # ORT's severity scale. 2 warns that an optimised file suits this CPU only


def execution_provider(short: str) -> str:
    """ORT's name of it: `cuda` is CUDAExecutionProvider.

    Raises: Unavailable if this build of ONNX Runtime has none of that name.
    """
    import onnxruntime

    names: list[str] = onnxruntime.get_available_providers()
    known = {name.removesuffix("ExecutionProvider").lower(): name for name in names}
    if short not in known:
        raise Unavailable(
            f"the onnxruntime {onnxruntime.__version__} installed here has no execution provider "
            f"{short!r}; it has {', '.join(sorted(known))}"
        )
    return known[short]


def open_session(
    path: Path | bytes,
    level: Level,
    threads: int,
    optimized: Path | None = None,
    *,
    weights_beside: bool = False,
    provider: str = "cpu",
    stop_spinning: bool = False,
    without: Sequence[str] = (),
    profile: Path | None = None,
) -> "InferenceSession":
    """A session at that optimisation level, sequential, with that many threads.

    optimized: where to write the graph that it runs.
    weights_beside: write its weights into `{optimized.name}.data`. To be set where those of
        `path` are external: it would go on referring to them, from wherever it is itself.
    provider: a short name. What it does not take, ORT gives to the CPU without a word.
    stop_spinning: its threads sleep between calls; else they spin for 45 ms after one and
        slow down whoever else is timed in this process.
    without: ORT's names of what the level is to leave out.
    profile: what the name of the file begins with that is written when `end_profiling` is called.
    Raises: Unavailable without the provider.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = ERRORS_ONLY
    options.add_session_config_entry("session.record_ep_graph_assignment_info", "1")
    options.add_session_config_entry(WITHOUT, ";".join(without))
    if stop_spinning:
        options.add_session_config_entry("session.force_spinning_stop", "1")
    if profile is not None:
        options.enable_profiling = True
        options.profile_file_prefix = str(profile)
    if optimized is not None:
        options.optimized_model_filepath = str(optimized)
        if weights_beside:
            options.add_session_config_entry(
                "session.optimized_model_external_initializers_file_name", f"{optimized.name}.data"
            )
    providers = [execution_provider(provider)]
    return onnxruntime.InferenceSession(path, options, providers=providers)


def provider_nodes(session: "InferenceSession") -> dict[str, int]:
    """Nodes assigned to each execution provider, counted before it fuses any."""
    nodes: Counter[str] = Counter()
    for subgraph in session.get_provider_graph_assignment_info():
        nodes[subgraph.ep_name] += len(subgraph.get_nodes())
    return dict(nodes)


def left_out(session: "InferenceSession") -> list[str]:
    """What its level was told to leave out."""
    said: str = session.get_session_options().get_session_config_entry(WITHOUT)
    return said.split(";") if said else []


def make_feed(session: "InferenceSession", names: tuple[str, ...]) -> Callable[[Inputs], Any]:
    """Inputs in the order of `names` → by name, without those that the graph does not use."""
    used = {value.name for value in session.get_inputs()}

    def feed(inputs: Inputs) -> dict[str, np.ndarray]:
        named = zip(names, inputs, strict=True)
        return {name: np.ascontiguousarray(array) for name, array in named if name in used}

    return feed


def ways(session: "InferenceSession", names: tuple[str, ...]) -> Ways:
    """Inputs in the order of `names`, and a plain run of all outputs."""
    outputs = [value.name for value in session.get_outputs()]
    run = session.run

    def call(feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        arrays: list[np.ndarray] = run(outputs, feed)
        return arrays

    return make_feed(session, names), call


def session_runner(
    session: "InferenceSession",
    files: Sequence[Path],
    names: tuple[str, ...],
    evidence: Callable[[], dict[str, Any]],
) -> Runner:
    """A runner whose artefact is the file that the session was loaded from, and its others."""

    def read(arrays: list[np.ndarray]) -> list[np.ndarray]:
        return [np.array(array, dtype=np.float64) for array in arrays]

    feed, call = ways(session, names)
    profiler = profiler_of(session, files[0], lambda twin: ways(twin, names))
    return Runner(call, feed, read, evidence, *fingerprint(*files), profiler=profiler)


def profiler_of(
    session: "InferenceSession", path: Path, ways_of: "Callable[[InferenceSession], Ways]"
) -> Profiler:
    """Profiles what `session`, loaded from `path`, runs: in another one with its settings."""

    def reopen(profile: Path) -> "InferenceSession":
        options = session.get_session_options()
        level: Level = options.graph_optimization_level.name
        threads = options.intra_op_num_threads
        without = left_out(session)
        provider = session.get_providers()[0].removesuffix("ExecutionProvider").lower()
        return open_session(
            path, level, threads, provider=provider, without=without, profile=profile
        )

    return session_profiler(reopen, ways_of)
