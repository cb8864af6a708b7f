"""A/A duels: what this machine makes of a mode against itself, today."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from bench_core import discover
from bench_core.analysis.statistics import launch_value, pooled_launch_sd
from bench_core.cell import Cell
from bench_core.duel.interleave import Interleaving
from bench_core.duel.stopping import QUADS_PER_LAUNCH
from bench_core.sweep.arena import Arena


@dataclass(frozen=True)
class Control:
    """A/A launches of one class: log-ratios whose true value is 0."""

    cell: str
    values: tuple[float, ...]


def control_cells(cells: list[Cell], reference: str | None) -> dict[str, Cell]:
    """For each class, the reference on the first model of that class.

    reference: None: the one that the model prefers.
    """
    found: dict[str, Cell] = {}
    for cell in cells:
        model = discover.model(cell.model)
        chosen = replace(cell, mode=reference or model.reference, provider="cpu")
        found.setdefault(model.bound, chosen)
    return found


def launches(arena: Arena, cell: Cell, count: int) -> Iterator[float]:
    """That many A/A launch values, each from two fresh zygotes."""
    for _ in range(count):
        with arena.fresh_pair(cell, cell) as pair:
            with arena.watch("A/A controls"):
                value = launch_value(Interleaving(*pair).run(QUADS_PER_LAUNCH).quads)
            yield value


def summary(controls: dict[str, Control]) -> dict[str, dict[str, object]]:
    """As the session records them: by class, the launches and the spread they lead to."""
    found: dict[str, dict[str, object]] = {}
    for bound, control in controls.items():
        values = control.values
        observed = (sum(value**2 for value in values) / len(values)) ** 0.5 if values else None
        found[bound] = {
            "cell": control.cell,
            "launches": len(values),
            "values": list(values),
            "sd": observed,
            "pooled_sd": pooled_launch_sd(values).sd,
        }
    return found
