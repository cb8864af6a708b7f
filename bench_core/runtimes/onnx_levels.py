"""What each optimisation level of ONNX Runtime makes of one exported file."""

import tempfile
from pathlib import Path
from typing import get_args

from bench_core.mode import Job
from bench_core.runtimes.onnx_export import FILE, candidates, shared_name
from bench_core.runtimes.onnx_file import external_files, graph_digest, load
from bench_core.runtimes.onnxruntime_session import Level, open_session

LEVELS: tuple[Level, ...] = get_args(Level)


def levels_of(job: Job, by: str, graph: str, highest: Level) -> list[Level]:
    """Which levels, up to `highest`, turn the file exported by `by` into that very graph.

    None is tried above `highest`: ENABLE_ALL ends the process on some float16 graphs.
    """
    upto = LEVELS[: LEVELS.index(highest) + 1]
    return [level for level in upto if _graph(job, by, level) == graph]


def _graph(job: Job, by: str, level: Level) -> str:
    """The graph's digest, found once per model: neither threads nor the length change it."""
    provider = job.cell.provider

    def make(part: Path) -> None:
        exported = candidates(job)[0][by]
        with tempfile.TemporaryDirectory(dir=job.folder) as scratch:
            ran = Path(scratch) / FILE
            beside = bool(external_files(exported, load(exported)))
            open_session(exported, level, 1, ran, weights_beside=beside, provider=provider)
            part.write_text(graph_digest(load(ran)))

    return job.common(f"{shared_name(job)}.{by}.{provider}.{level}.txt", make).read_text()
