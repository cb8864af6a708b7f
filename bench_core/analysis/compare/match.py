"""By what names the cells of saved runs are matched, and which runs can be matched at all."""

from collections.abc import Sequence
from dataclasses import replace

from bench_core.analysis.compare.saved import SavedCell, SavedRun
from bench_core.analysis.compare.spread import ABSOLUTE
from bench_core.cell import Cell
from bench_core.errors import Incomparable, UsageError


def check_kinds(baselines: Sequence[SavedRun], candidate: SavedRun) -> None:
    """Raises: UsageError for no baseline, and for one given twice; Incomparable for a mixture."""
    if not baselines:
        raise UsageError("expected a saved run to compare with, found none; give a second file")
    for number, run in enumerate(baselines):
        if run.ours != candidate.ours:
            one, other = (run, candidate) if run.ours else (candidate, run)
            raise Incomparable(
                f"{one.file} was saved by `bench run`, {other.file} by pytest-benchmark alone: "
                "their cells have other names; compare two of a kind"
            )
        for older in baselines[:number]:
            if replace(older, file=run.file) == run:
                raise UsageError(
                    f"expected a session of its own in each older file, found the same in "
                    f"{older.file} and {run.file}; give it once"
                )


def matched(run: SavedRun, basis: str) -> dict[str, SavedCell]:
    """Its cells by the name that they are matched by.

    Raises: Incomparable if two cells have one name.
    """
    if basis == ABSOLUTE:
        return run.cells
    found: dict[str, SavedCell] = {}
    for cell in run.cells.values():
        name = str(Cell.parse(cell.name)).rpartition("|")[0]
        if name in found:
            raise Incomparable(
                f"{run.file} holds {name} with {found[name].name} and {cell.name}, and under "
                "other conditions cells are matched without their threads; save one run of each"
            )
        found[name] = cell
    return found


def cell_of(name: str, basis: str) -> Cell:
    """The cell behind a name that ours are matched by."""
    return Cell.parse(name if basis == ABSOLUTE else f"{name}|threads=1")
