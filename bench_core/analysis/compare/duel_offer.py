"""Which duel can tell whether what saved runs flagged is so."""

import shlex
from collections.abc import Iterator, Mapping, Sequence

from rich.text import Text

from bench_core.analysis.compare.changes import Comparison
from bench_core.analysis.compare.match import cell_of
from bench_core.analysis.units import visible
from bench_core.analysis.verdict import Verdict
from bench_core.cell import Cell


def duel_offer(comparison: Comparison, flagged: Sequence[Verdict]) -> Iterator[Text]:
    """The command that can tell whether what was flagged is so."""
    if not comparison.ours:
        at = f" of {comparison.revision[:10]}" if comparison.revision else ""
        yield Text(f"To tell, run the flagged ones{at} and of today in turn on one machine.")
    elif comparison.revision is None:
        why = "of a tree with changes nobody committed" if comparison.dirty else "of no revision"
        yield Text(
            visible(f"No duel can be offered: {comparison.baselines[-1]} is {why}; a duel of your ")
            + "own choice: nox -s gate -- --base REVISION"
        )
    else:
        yield Text("Only a duel against the older revision can tell:")
        cells = [cell_of(verdict.cell, comparison.basis) for verdict in flagged]
        for batch in sorted({cell.batch for cell in cells}):
            of_batch = [cell for cell in cells if cell.batch == batch]
            command = _command(comparison.revision, of_batch, comparison.places)
            yield Text(visible(f"  {command}"), style="bold")


def _command(revision: str, cells: Sequence[Cell], places: Mapping[str, str]) -> str:
    def those(values: Sequence[object]) -> str:
        return shlex.quote(",".join(dict.fromkeys(map(str, values))))

    parts = [
        f"nox -s gate -- --base {revision}",
        f"--models {those([places.get(cell.model, cell.model) for cell in cells])}",
        f"--modes {those([cell.mode for cell in cells])}",
        f"--lengths {those(sorted({cell.length for cell in cells}))}",
    ]
    parts += [f"--batch {cells[0].batch}"] if cells[0].batch != 1 else []
    if any(cell.provider != "cpu" for cell in cells):
        parts.append(f"--providers {those([cell.provider for cell in cells])}")
    return " ".join(parts)
