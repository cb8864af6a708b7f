"""ONNX Runtime in float32, at each of its levels of optimisation.

The graph is optimised each time it is loaded (online), or once, ahead of time (offline). What is
shipped is the `.onnx` file, with its external data.

A level does what those below it do, and more: basic folds constants and drops what is redundant,
extended fuses operators into those of com.microsoft, layout gives convolutions blocks of channels
(com.microsoft.nchwc; such a file suits this CPU only). A level that leaves the graph as exported
is not engaged: so is basic, where the exporter has folded everything itself. One that finds no
more to do than the level below is engaged, since that graph is what its user gets;
`same_graph_at` in the evidence names every level, up to its own, that makes the very same.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench_core.mode import Job, Mode
from bench_core.runner import Runner
from bench_core.runtimes.onnx_file import external_files, load, place
from bench_core.runtimes.onnx_prepare import elsewhere, prepare
from bench_core.runtimes.onnxruntime_session import Level, open_session

Judge = Callable[[dict[str, Any]], str | None]


@dataclass(frozen=True)
class _Stage:
    """A level by the word in its modes' names, and what it does to the graph."""

    word: str
    level: Level
    does: str


def untouched(evidence: dict[str, Any]) -> str | None:
    """Neither the file nor the session's graph is other than the export, casts aside.

    ORT drops casts to the type that a value has anyway at every level: 10 of the 110 nodes of
    digits_lstm, as the TorchScript exporter writes it.
    """
    before, after = evidence.get("nodes", [0, 0])
    left = None if after is None else before + evidence.get("casts", 0)
    if evidence.get("level") != "ORT_DISABLE_ALL":
        return f"expected no optimisation, found level {evidence.get('level')}"
    if evidence.get("file_nodes") != before or after != left or evidence.get("fused"):
        return f"expected the graph as exported ({before} nodes), found one of {after} nodes"
    return elsewhere(evidence)


def optimized(evidence: dict[str, Any], *, level: Level, online: bool) -> str | None:
    """Optimised when loaded: the file is as exported. Ahead of time: the file is as it is run."""
    before, after = evidence.get("nodes", [0, 0])
    running = evidence.get("level")
    if running != (level if online else "ORT_DISABLE_ALL"):
        return f"expected {level} {'online' if online else 'offline'}, the session is at {running}"
    if after is None:  # the provider compiled the graph: what the level did cannot be seen
        return elsewhere(evidence)
    same = evidence.get("same_graph_at", [])
    if "ORT_DISABLE_ALL" in same:
        return f"nothing was optimised: {before} nodes before, the same {after} after"
    if level not in same:
        return f"expected the graph that {level} makes, found that of {same or 'no level'}"
    expected, file = before if online else after, evidence.get("file_nodes")
    if file != expected:
        return f"expected {expected} nodes in the file, found {file}"
    return elsewhere(evidence)


def ort_mode(name: str, summary: str, prepare: Callable[[Job], Runner], engaged: Judge) -> Mode:
    return Mode(
        name=name,
        family="onnxruntime",
        summary=f"ONNX Runtime, {summary}",
        prepare=prepare,
        engaged=engaged,
        frameworks=("onnxruntime",),
        requires=("onnxruntime", "onnx"),
        providers=True,
    )


def _finish(level: Level, provider: str, exported: Path, finished: Path) -> None:
    # The number of threads does not change the graph.
    beside = bool(external_files(exported, load(exported)))
    open_session(exported, level, 1, finished, weights_beside=beside, provider=provider)


def _online(stage: _Stage) -> Mode:
    name, level = f"ort_{stage.word}_online", stage.level
    return ort_mode(
        name,
        f"{stage.does} each time it is loaded",
        lambda job: prepare(job, name, place, level, optimized_at=level),
        partial(optimized, level=level, online=True),
    )


def _offline(stage: _Stage) -> Mode:
    name, level = f"ort_{stage.word}_offline", stage.level

    def prepared(job: Job) -> Runner:
        finish = partial(_finish, level, job.cell.provider)
        return prepare(job, name, finish, "ORT_DISABLE_ALL", optimized_at=level)

    return ort_mode(
        name,
        f"{stage.does} once, ahead of time, for this CPU",
        prepared,
        partial(optimized, level=level, online=False),
    )


ORT_DISABLED_ONLINE = ort_mode(
    "ort_disabled_online",
    "the graph as exported",
    lambda job: prepare(job, "ort_disabled_online", place, "ORT_DISABLE_ALL"),
    untouched,
)

_BASIC = _Stage("basic", "ORT_ENABLE_BASIC", "what is redundant dropped")
_EXTENDED = _Stage("extended", "ORT_ENABLE_EXTENDED", "operators fused")
_LAYOUT = _Stage("layout", "ORT_ENABLE_LAYOUT", "operators fused, channels in blocks,")
_ALL = _Stage("all", "ORT_ENABLE_ALL", "the graph optimised")

ORT_BASIC_ONLINE, ORT_BASIC_OFFLINE = _online(_BASIC), _offline(_BASIC)
ORT_EXTENDED_ONLINE, ORT_EXTENDED_OFFLINE = _online(_EXTENDED), _offline(_EXTENDED)
ORT_LAYOUT_ONLINE, ORT_LAYOUT_OFFLINE = _online(_LAYOUT), _offline(_LAYOUT)
ORT_ALL_ONLINE, ORT_ALL_OFFLINE = _online(_ALL), _offline(_ALL)
