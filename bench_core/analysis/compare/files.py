"""The verb `compare`: which files, oldest first, and the exit code."""

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from bench_core.analysis.compare.changes import changes
from bench_core.analysis.compare.report import render_comparison
from bench_core.analysis.compare.saved import load_saved
from bench_core.analysis.load import saved_runs
from bench_core.errors import UsageError

RESULTS = Path("results")


def compare(paths: Sequence[Path], baselines: Sequence[Path], console: Console) -> int:
    """Compare saved runs, and print what changed. Returns the exit code: 0, 3 or 4.

    paths: the runs, oldest first, and last the candidate; with baselines the candidate alone,
    or nothing for the newest run in results/.
    Raises: UsageError for files that cannot be read, or too few or many of them; Incomparable.
    """
    *older, candidate = _files(paths, baselines)
    comparison = changes([load_saved(path) for path in older], load_saved(candidate))
    render_comparison(comparison, console)
    return comparison.exit_code


def _files(paths: Sequence[Path], baselines: Sequence[Path]) -> list[Path]:
    if not baselines:
        if len(paths) < 2:
            raise UsageError(
                f"expected two saved runs or more, oldest first, found {len(paths)}; or give the "
                "older ones with --baseline"
            )
        return list(paths)
    if len(paths) > 1:
        raise UsageError(
            f"expected one run to judge against --baseline, found {len(paths)}; give the older "
            "ones with --baseline too"
        )
    return [*baselines, paths[0] if paths else _newest(baselines)]


def _newest(baselines: Sequence[Path]) -> Path:
    """The run in results/ that was written last; not a baseline, which would pass by itself."""
    known = {path.resolve() for path in baselines}
    runs = [path for path in saved_runs(RESULTS) if path.resolve() not in known]
    if not runs:
        raise UsageError(
            f"expected a run in {RESULTS}/ beside the baseline, found none; `bench run` first, "
            "or name the file"
        )
    return runs[-1]
