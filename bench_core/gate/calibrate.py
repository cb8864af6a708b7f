"""`bench calibrate-gate`: how often the gate is wrong on this machine, from its own launches.

What is gathered adds up over runs, a line per launch or suite, so that it can be stopped at
any time; `analysis/gate/calibration.py` makes the table.
"""

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from bench_core import discover
from bench_core.analysis.gate import calibration
from bench_core.analysis.gate.calibration import LOADED
from bench_core.analysis.statistics import launch_value
from bench_core.cache_folder import default_cache
from bench_core.cell import Cell
from bench_core.duel.interleave import Launch
from bench_core.errors import BenchError
from bench_core.gate import config, trees
from bench_core.gate.environments import environments
from bench_core.gate.launches import Launches
from bench_core.gate.progress import Progress
from bench_core.gate.session import Asked, arenas, run
from bench_core.gate.sides import open_sides
from bench_core.hardware import cpu
from bench_core.hardware.crowd import Crowd
from bench_core.interpreter import command
from bench_core.sweep.lock import machine_lock
from bench_core.sweep.profiles import Request
from bench_core.sweep.results import now

CELLS = (
    Cell("mlp", "eager_inference_mode", 1),
    Cell("digits_cnn", "torchscript_freeze", 8),
    Cell("digits_cnn", "ort_all_online", 8),
    Cell("pointwise", "eager_inference_mode", 1024),
    Cell("minilm", "eager_inference_mode", 16),
    Cell("minilm", "ort_all_online", 16),
)
SMALL = Request(models=("mlp", "digits_cnn"), modes=("eager_inference_mode", "torchscript_freeze"))
WHOLE = Request(profile="gate")
FILE = "calibration.jsonl"


@dataclass(frozen=True)
class Wanted:
    """How many there are to be in the end, of each condition: launches, and real suites."""

    pairs: int
    suites: int
    whole_suites: int


class Gathered:
    """The file of lines, read once and appended to."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.machine = str(cpu.facts()["model"])

    def count(self, kind: str, condition: str, cells: int | None = None) -> int:
        lines = calibration.read(self.path)
        return sum(
            line["machine"] == self.machine
            and (line["kind"], line["condition"]) == (kind, condition)
            and cells in (None, line["cells"])
            for line in lines
        )

    def add(self, kind: str, condition: str, **data: Any) -> None:
        line = {"kind": kind, "condition": condition, "machine": self.machine, **data}
        line["at"] = now()
        with self.path.open("a") as stream:
            stream.write(json.dumps(line) + "\n")


def show(wanted: Wanted, folder: Path, readme: Path, console: Console) -> None:
    """Gather what is missing, then print the table and put it between README's marks."""
    path = folder / FILE
    gather(path, default_cache(), wanted, Progress())
    table = calibration.table(calibration.read(path))
    console.print(table, soft_wrap=True, markup=False)
    console.print(f"from {path}" + (f"; written to {readme}" if write_table(readme, table) else ""))


def gather(path: Path, cache: Path, wanted: Wanted, progress: Progress) -> None:
    """Launches and suites until there are enough of each, quiet first."""
    gathered = Gathered(path)
    for condition in calibration.CONDITIONS:
        with _beside(condition):
            _pairs(gathered, condition, cache, wanted.pairs, progress)
            _suites(gathered, condition, cache, SMALL, 4, wanted.suites, progress)
    _suites(gathered, calibration.QUIET, cache, WHOLE, 24, wanted.whole_suites, progress)
    progress.say("")


def _pairs(gathered: Gathered, condition: str, cache: Path, most: int, progress: Progress) -> None:
    """Launches of head against head, each from fresh zygotes, with every side's samples."""
    if gathered.count("pair", condition) >= most:
        return
    request, settings = Request(threads=1), config.read(trees.root())
    with machine_lock("calibrate-gate"), trees.lay_out(cache, None) as pair:
        both = environments(cache, pair, settings.constraints, progress.say)
        with open_sides(pair, both, arenas(request, cache), 0.0) as sides:
            taken: dict[str, dict[str, Any]] = {}
            launch = Launches(sides, progress.say, keep=lambda *one: _keep(taken, *one))
            while (done := gathered.count("pair", condition)) < most:
                progress.launch(condition, done + 1, most, len(CELLS))
                taken.clear()
                crowd = Crowd()
                found = launch([str(cell) for cell in CELLS])
                if len(found.values) < len(CELLS) or len(found.sentinels) < len(launch.sentinels):
                    raise BenchError(f"expected a value of every cell, found {list(found.values)}")
                control = {
                    name: {"bound": launch.sentinels[name], "value": round(value, 6)}
                    for name, value in found.sentinels.items()
                }
                cells = {name: taken[name] for name in found.values}
                gathered.add("pair", condition, cells=cells, sentinels=control, busy=crowd.busy)


def _keep(taken: dict[str, dict[str, Any]], cell: Cell, launch: Launch) -> None:
    """What replays need of one cell's launch: its value, and each side's mean and minimum."""
    sides = [launch.samples_s(side) for side in "AB"]
    if cell not in CELLS:
        return
    taken[str(cell)] = {
        "bound": discover.model(cell.model).bound,
        "value": round(-launch_value(launch.quads), 6),
        "quads": [round(-float(quad), 5) for quad in launch.quads],
        "mean_s": [float(f"{samples.mean():.6g}") for samples in sides],
        "min_s": [float(f"{samples.min():.6g}") for samples in sides],
    }


def _suites(
    gathered: Gathered,
    condition: str,
    cache: Path,
    request: Request,
    cells: int,
    most: int,
    progress: Progress,
) -> None:
    """Whole gates of the working tree against itself: each `worse` is a false alarm."""
    while gathered.count("suite", condition, cells) < most:
        result = run(request, Asked(base=None), cache, progress)
        if result.interrupted:
            raise KeyboardInterrupt
        kinds = [verdict.kind for verdict in result.verdicts if verdict.metric == "latency"]
        gathered.add(
            "suite",
            condition,
            cells=len(result.launches),
            exit_code=result.exit_code,
            wall_s=round(result.wall_s, 1),
            kinds={kind: kinds.count(kind) for kind in sorted(set(kinds))},
            invalid=result.invalid,
        )


@contextmanager
def _beside(condition: str) -> Iterator[None]:
    """Loaded: with a process beside us that never rests. It ends with us."""
    if condition != LOADED:
        yield
        return
    hog = subprocess.Popen(command("bench_core.gate.calibrate:spin"), stdout=subprocess.DEVNULL)
    try:
        yield
    finally:
        hog.kill()
        hog.wait()


def spin() -> None:
    """The hog."""
    while True:
        pass


def write_table(readme: Path, table: str) -> bool:
    """Put `table` between README's marks; False where it has none."""
    begin, end = "<!-- begin calibration -->\n", "<!-- end calibration -->"
    text = readme.read_text() if readme.exists() else ""
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        return False
    readme.write_text(f"{before}{begin}{table}\n{end}{after}")
    return True
