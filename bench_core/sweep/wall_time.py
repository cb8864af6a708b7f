"""`bench cost`: what the timed loop costs, and where the last sweep's wall time went."""

from pathlib import Path

from rich.console import Console
from rich.table import Table

from bench_core.analysis.load import load, saved_runs
from bench_core.analysis.units import duration, percent
from bench_core.duel.cost import loop_cost


def show(folder: Path, console: Console) -> None:
    """Measure the loop, and read the newest run in `folder`."""
    share = loop_cost()
    console.print(f"per timed call of 100 µs: {share * 100:+.2f} % over a bare loop")
    files = saved_runs(folder)
    if not files:
        console.print("no saved run in results/: `bench run` first, to see where its time goes")
        return
    results = load(files[-1])
    table = Table("phase", "seconds", "share", title=str(files[-1]), title_justify="left")
    spent = results.session["wall_s"]
    total = sum(spent.values())
    for phase, seconds in sorted(spent.items(), key=lambda item: -item[1]):
        table.add_row(phase, f"{seconds:.1f}", percent(seconds / total))
    console.print(table)
    precise = [
        record.wall_s
        for record in results.cells
        if record.speedup and record.speedup.limited_by != "budget" and record.wall_s
    ]
    if precise:
        middle = sorted(precise)[len(precise) // 2]
        console.print(
            f"{len(precise)} of {len(results.cells)} cells reached the wanted half-width before "
            f"their budget; the median one took {duration(middle)}, start and checks included"
        )
