"""Launches of identical code, of which a calibration's replays are made."""

from pathlib import Path
from typing import Any

from bench_core import discover
from bench_core.analysis.statistics import launch_value
from bench_core.cell import Cell
from bench_core.duel.interleave import Launch
from bench_core.errors import BenchError
from bench_core.gate import config, trees
from bench_core.gate.environments import environments
from bench_core.gate.gathered import Gathered
from bench_core.gate.launches import Launches
from bench_core.gate.progress import Progress
from bench_core.gate.sides import open_sides
from bench_core.hardware.crowd import Crowd
from bench_core.sweep.lock import machine_lock
from bench_core.sweep.profiles import Request

CELLS = (
    Cell("mlp", "eager_inference_mode", 1),
    Cell("digits_cnn", "torchscript_freeze", 8),
    Cell("digits_cnn", "ort_all_online", 8),
    Cell("pointwise", "eager_inference_mode", 1024),
    Cell("minilm", "eager_inference_mode", 16),
    Cell("minilm", "ort_all_online", 16),
)


def add_pairs(gathered: Gathered, cache: Path, most: int, progress: Progress) -> None:
    """Launches of head against head, each from fresh zygotes, with every side's samples."""
    if gathered.count("pair") >= most:
        return
    request, settings = Request(threads=1), config.read(trees.root())
    with machine_lock("calibrate-gate"), trees.lay_out(cache, None) as pair:
        both = environments(cache, pair, settings.constraints, progress.step)
        with open_sides(pair, both, request, cache) as sides:
            taken: dict[str, dict[str, Any]] = {}
            launch = Launches(sides, progress.say, keep=lambda *one: _keep(taken, *one))
            while (done := gathered.count("pair")) < most:
                progress.launch(gathered.condition, done + 1, most, len(CELLS))
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
                gathered.add("pair", cells=cells, sentinels=control, busy=crowd.busy)


def _keep(taken: dict[str, dict[str, Any]], cell: Cell, launch: Launch) -> None:
    """What replays need of one cell's launch: its value, and each side's mean and minimum."""
    if cell not in CELLS:
        return  # a sentinel
    sides = [launch.samples_s(side) for side in "AB"]
    taken[str(cell)] = {
        "bound": discover.model(cell.model).bound,
        "value": round(-launch_value(launch.quads), 6),
        "quads": [round(-float(quad), 5) for quad in launch.quads],
        "mean_s": [float(f"{samples.mean():.6g}") for samples in sides],
        "min_s": [float(f"{samples.min():.6g}") for samples in sides],
    }
