"""`bench calibrate-gate`: how often the gate is wrong on this machine, from its own launches.

What is gathered adds up over runs, a line per launch or suite, so that it can be stopped at
any time; `analysis/gate/calibration.py` makes the table.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from bench_core.analysis.gate import calibration
from bench_core.analysis.gate.result import GateResult
from bench_core.cache_folder import default_cache
from bench_core.errors import BenchError
from bench_core.gate.gathered import Gathered
from bench_core.gate.hog import hog
from bench_core.gate.pairs import add_pairs
from bench_core.gate.plan import Asked
from bench_core.gate.progress import Progress
from bench_core.gate.session import run
from bench_core.sweep import profiles
from bench_core.sweep.profiles import Request

SMALL = Request(models=("mlp", "digits_cnn"), modes=("eager_inference_mode", "torchscript_freeze"))
WHOLE = Request(profile="gate")
FILE = "calibration.jsonl"


@dataclass(frozen=True)
class Wanted:
    """How many there are to be in the end, of each condition: launches, and real suites."""

    pairs: int
    suites: int
    whole_suites: int


def show(wanted: Wanted, folder: Path, readme: Path, console: Console) -> None:
    """Gather what is missing, then print the table and put it between README's marks."""
    path = folder / FILE
    with Progress() as progress:
        gather(path, default_cache(), wanted, progress)
    table = calibration.table(calibration.read(path))
    console.print(table, soft_wrap=True, markup=False)
    console.print(f"from {path}" + (f"; written to {readme}" if write_table(readme, table) else ""))


def gather(path: Path, cache: Path, wanted: Wanted, progress: Progress) -> None:
    """Launches and suites until there are enough of each, quiet first."""

    def judge(request: Request) -> GateResult:
        return run(request, Asked(base=None), cache, progress)

    quiet = Gathered(path, calibration.QUIET)
    add_pairs(quiet, cache, wanted.pairs, progress)
    add_suites(quiet, SMALL, wanted.suites, judge)
    with hog() as check:
        loaded = Gathered(path, calibration.LOADED, check)
        add_pairs(loaded, cache, wanted.pairs, progress)
        add_suites(loaded, SMALL, wanted.suites, judge)
    add_suites(quiet, WHOLE, wanted.whole_suites, judge)


def add_suites(
    gathered: Gathered, request: Request, most: int, judge: Callable[[Request], GateResult]
) -> None:
    """Whole gates of the working tree against itself: each `worse` is a false alarm.

    Raises: BenchError for a gate that did not judge all of its cells: it counts for none.
    """
    cells = len(profiles.cells(request))
    while gathered.count("suite", cells) < most:
        result = judge(request)
        if result.interrupted:
            raise KeyboardInterrupt
        if result.stopped is not None:
            raise BenchError(f"a suite was stopped, and is not kept: {result.stopped}")
        if len(result.launches) != cells:
            raise BenchError(
                f"expected a suite to launch its {cells} cells, found {len(result.launches)} of "
                "them launched; it is not kept"
            )
        kinds = [verdict.kind for verdict in result.verdicts if verdict.metric == "latency"]
        gathered.add(
            "suite",
            cells=cells,
            exit_code=result.exit_code,
            wall_s=round(result.wall_s, 1),
            kinds={kind: kinds.count(kind) for kind in sorted(set(kinds))},
            invalid=result.invalid,
        )


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
