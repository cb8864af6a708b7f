"""`bench gate`: run, save in every form, print, and say with what to exit."""

import os
from pathlib import Path

from rich.console import Console

from bench_core.analysis.gate import junit, markdown, report
from bench_core.analysis.gate.result import GateResult
from bench_core.analysis.load import GATE
from bench_core.analysis.units import visible
from bench_core.analysis.verdict import CANNOT_JUDGE
from bench_core.cache_folder import default_cache
from bench_core.errors import BenchError, Incomparable, UsageError, explained
from bench_core.gate.plan import Asked
from bench_core.gate.progress import Progress
from bench_core.gate.session import run
from bench_core.gate.trees import root
from bench_core.sweep.profiles import Request
from bench_core.sweep.results import check_writable, free_name, whole, write_json


def gate(request: Request, asked: Asked, console: Console) -> int:
    """The exit code: what keeps a gate from judging is never taken for a regression.

    Raises: UsageError or Incomparable, for what cannot be.
    """
    folder = root() / "results"
    check_writable(folder)
    try:
        with Progress() as progress:
            result = run(request, asked, default_cache(), progress)
    except (UsageError, Incomparable):
        raise
    except (BenchError, OSError) as error:
        said = f"could not judge: {visible(explained(error))}"
        console.print(said, soft_wrap=True, markup=False)
        return CANNOT_JUDGE
    report.render(result, console)
    try:
        for path in save(result, folder):
            console.print(f"saved {path}", soft_wrap=True)
    except OSError as error:
        said = f"not all is saved: {visible(explained(error))}"
        console.print(said, soft_wrap=True, markup=False)
        return result.exit_code or CANNOT_JUDGE
    return result.exit_code


def save(result: GateResult, folder: Path) -> list[Path]:
    """As JSON, Markdown and JUnit XML; and where GitHub Actions asks for it, as its summary."""
    path = free_name(folder, before=GATE)
    texts = {
        path.with_suffix(".md"): markdown.render(result),
        path.with_suffix(".xml"): junit.render(result),
    }
    write_json(path, result.to_json())
    for file, text in texts.items():
        with whole(file) as part:
            part.write_text(text, encoding="utf-8")
    if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
        with Path(summary).open("a", encoding="utf-8") as stream:
            stream.write(texts[path.with_suffix(".md")])
    return [path, *texts]
