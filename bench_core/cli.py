"""The command `bench`: one function per verb, each ending in an exit code."""

import inspect
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from bench_core.analysis.units import visible
from bench_core.errors import BenchError, Incomparable, UsageError, explained
from bench_core.interruption import SIGNALS, Termination, exit_code_of, signal_of
from bench_core.sweep.options import OPTIONS, Option

OK, NONE_OK, USAGE = 0, 1, 2
INTERRUPTED, TERMINATED = map(exit_code_of, SIGNALS)
PYTEST_INTERNAL, PYTEST_USAGE = 3, (2, 4, 5)

app = typer.Typer(
    help="Which way of running a model is fastest, smallest and still right on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def sweep_options(*, but: tuple[str, ...] = ()) -> Callable[[Callable[..., Any]], Any]:
    """Give a verb the options of a sweep, from the one list that pytest's come from too."""

    def give(verb: Callable[..., Any]) -> Callable[..., Any]:
        own = list(inspect.signature(verb).parameters.values())
        options = [_parameter(option) for option in OPTIONS if option.name not in but]
        keywords = [p.replace(kind=p.KEYWORD_ONLY) for p in own if p.kind != p.VAR_KEYWORD]
        verb.__signature__ = inspect.Signature([*options, *keywords])  # type: ignore[attr-defined]
        verb.__annotations__ = {p.name: p.annotation for p in [*options, *keywords]}
        return verb

    return give


def _parameter(option: Option) -> inspect.Parameter:
    kind: Any = list[str] if option.kind is list else option.kind
    kind = kind if option.kind is bool else kind | None
    return inspect.Parameter(
        option.destination,
        inspect.Parameter.KEYWORD_ONLY,
        default=False if option.kind is bool else None,
        annotation=Annotated[kind, typer.Option(f"--{option.name}", help=option.help)],
    )


@app.command()
@sweep_options()
def run(
    keyword: Annotated[str, typer.Option("-k", help='only cells like "minilm and int8"')] = "",
    verbose: Annotated[bool, typer.Option("-v", help="show the trail of each failure")] = False,
    **given: Any,
) -> None:
    """Sweep models × modes × lengths, print the answer, save results/….json."""
    import pytest

    from bench_core.sweep import options, profiles

    profiles.cells(options.request(given.get))  # what cannot be, is said before anything runs
    suite = Path("benchmarks")
    if not suite.is_dir():
        raise UsageError(f"expected a folder 'benchmarks' here, in {Path.cwd()}; found none")
    arguments = [str(suite), "-vv" if verbose else "-v", "--no-header", "-rN"]
    arguments += ["--benchmark-quiet", "-p", "no:cacheprovider", "-o", "console_output_style=count"]
    arguments += ["-k", keyword] if keyword else []
    arguments += [
        text for option in OPTIONS for text in option.arguments(given[option.destination])
    ]
    outcome = Outcome()
    code = pytest.main(arguments, plugins=[outcome])
    raise typer.Exit(outcome.exit_code(int(code)))


class Outcome:
    """Asks a finished pytest session what its cells came to."""

    any_ok = stopped = False
    interrupted: str | None = None

    def pytest_unconfigure(self, config: Any) -> None:
        session = config.pluginmanager.get_plugin("bench_core.session")
        self.stopped, self.interrupted = session.stopped is not None, session.interrupted
        if session.sweep is not None:
            self.any_ok = any(done.record.status == "ok" for done in session.sweep.done.values())

    def exit_code(self, pytest_code: int) -> int:
        """A cell that failed is a result; a sweep without any answer is a failure."""
        if self.stopped:
            return NONE_OK
        if self.interrupted:
            return exit_code_of(self.interrupted)
        if pytest_code in PYTEST_USAGE:
            return USAGE
        return OK if self.any_ok and pytest_code != PYTEST_INTERNAL else NONE_OK


@app.command()
@sweep_options(but=("modes", "budget-s", "profile", "resume", "reference"))
def aa(
    launches: Annotated[int, typer.Option(help="launches of each class")] = 6, **given: Any
) -> None:
    """Duel a mode against itself: this machine's noise floor, today, by class."""
    from bench_core.sweep import noise_floor, options

    given = {option.destination: None for option in OPTIONS} | given
    noise_floor.show(options.request(given.get), launches, Console())


@app.command()
def cost() -> None:
    """What the harness itself costs: per timed call, and of the last sweep's wall time."""
    from bench_core.sweep import wall_time

    wall_time.show(Path("results"), Console())


@app.command()
@sweep_options(but=("budget-s", "resume", "reference"))
def gate(
    base: Annotated[str, typer.Option(help="the revision to compare with: origin/main")] = "",
    threshold: Annotated[str, typer.Option(help="the slowdown that must be found (5%)")] = "",
    slowdown: Annotated[str, typer.Option(help="inject one into head, to see it found")] = "",
    self_check: Annotated[bool, typer.Option("--aa", help="head against head")] = False,
    allow_unsure: Annotated[
        bool, typer.Option(help="what could not be judged does not fail")
    ] = False,
    **given: Any,
) -> None:
    """Judge the working tree against another revision, both timed in turn, in one job."""
    from bench_core.gate import command
    from bench_core.gate.plan import Asked
    from bench_core.sweep import options

    if bool(base) == self_check:
        raise UsageError("expected either --base REVISION or --aa (head against itself)")
    given = {option.destination: None for option in OPTIONS} | given
    given["bench_profile"] = given["bench_profile"] or "gate"
    asked = Asked(base or None, threshold or None, slowdown or None, allow_unsure)
    raise typer.Exit(command.gate(options.request(given.get), asked, Console()))


@app.command()
def compare(
    files: Annotated[list[Path] | None, typer.Argument(help="runs, the oldest first")] = None,
    baseline: Annotated[
        list[Path] | None, typer.Option(help="a run to judge against; may be repeated")
    ] = None,
) -> None:
    """What changed between saved runs; a suspicion is for `gate` to confirm."""
    from bench_core.analysis.compare import files as saved_files

    raise typer.Exit(saved_files.compare(files or [], baseline or [], Console()))


@app.command()
def audit(
    files: Annotated[list[Path], typer.Argument(help="saved runs (JSON), typed tables (CSV)")],
) -> None:
    """What in these results cannot be true: saved runs, or tables from somebody's report."""
    from bench_core.analysis.audit import files as audited_files

    raise typer.Exit(audited_files.audit(files, Console()))


@app.command()
def graph(
    file: Annotated[Path, typer.Argument(help="an .onnx file")],
    other: Annotated[Path | None, typer.Argument(help="another, to compare it with")] = None,
) -> None:
    """Draw an ONNX graph before and after ONNX Runtime fuses it, or two beside each other."""
    from bench_core.studies.graph import show

    show.show(file, other, Path(), Console())


@app.command("calibrate-gate")
def calibrate_gate(
    pairs: Annotated[int, typer.Option(help="launches of each condition, all runs together")] = 24,
    suites: Annotated[int, typer.Option(help="real suites of 4 cells, of each condition")] = 20,
    whole_suites: Annotated[int, typer.Option(help="real suites of 24 cells, quiet")] = 10,
) -> None:
    """Measure how often the gate is wrong here: gather launches, replay suites, say it."""
    from bench_core.gate import calibrate

    wanted = calibrate.Wanted(pairs, suites, whole_suites)
    calibrate.show(wanted, Path("results"), Path("README.md"), Console())


@app.command()
@sweep_options(
    but=("models", "modes", "lengths", "reference", "providers", "budget-s", "profile", "resume")
)
def explain(
    model: Annotated[str, typer.Argument(help="a name, or a model of yours as `run` takes it")],
    length: Annotated[int, typer.Argument(help="in the model's own unit")],
    mode_a: Annotated[str, typer.Argument(help="the mode to compare with")],
    mode_b: Annotated[str, typer.Argument(help="the mode whose time is to be explained")],
    budget_s: Annotated[
        float | None, typer.Option(help="seconds of their duel (20), a quarter for each scaling")
    ] = None,
    **given: Any,
) -> None:
    """Why is one mode not faster? Profile both, duel them, print where the time goes."""
    from bench_core.studies.explain import command
    from bench_core.sweep import options

    given = {option.destination: None for option in OPTIONS} | given | {"bench_budget_s": budget_s}
    asked = replace(
        options.request(given.get), models=(model,), modes=(mode_a, mode_b), lengths=(length,)
    )
    command.explain(asked, mode_a, mode_b, Console())


@app.command()
@sweep_options(but=("models", "budget-s", "profile", "resume"))
def lengths(
    model: Annotated[str, typer.Argument(help="a name, or a model of yours as `run` takes it")],
    bucket: Annotated[
        int | None, typer.Option(help="also time inputs padded to a multiple of it, masked")
    ] = None,
    budget_s: Annotated[float, typer.Option(help="seconds of each duel")] = 2.0,
    **given: Any,
) -> None:
    """Fit latency over length per mode; where the ranking flips; recompiles; what padding costs."""
    from bench_core.studies.lengths import command
    from bench_core.sweep import options

    given = {option.destination: None for option in OPTIONS} | given
    asked = options.request(given.get)
    raise typer.Exit(command.lengths(model, asked, budget_s, bucket, Console()))


@app.command("white-paper")
def white_paper() -> None:
    """Show what each step of our quantiser buys, on a net made hard for it."""
    from bench_core.studies.white_paper import study
    from bench_core.studies.white_paper_table import HEAD, line

    console = Console()
    for text in HEAD:
        console.print(text, soft_wrap=True, markup=False)
    for row in study():
        console.print(line(row), soft_wrap=True, markup=False)


@app.command()
def modes() -> None:
    """List the ways to run a model."""
    from bench_core import discover

    table = Table(Column("mode", no_wrap=True), "family", "lossy", "what it is")
    for mode in discover.modes().values():
        cells = (mode.name, mode.family, "yes" if mode.lossy else "", mode.summary)
        table.add_row(*(Text(visible(cell)) for cell in cells))
    Console().print(table)


@app.command()
def models() -> None:
    """List the models, and what their lengths count."""
    from bench_core import discover

    table = Table(
        Column("model", no_wrap=True), "lengths", "task", "weights", "what it is, licence"
    )
    for model in discover.models().values():
        lengths = f"{', '.join(map(str, model.lengths))} {model.length_axis}"
        task = model.task.name if model.task else ""
        what = f"{model.summary}; {model.licence}"
        cells = (model.name, lengths, task, model.weights, what)
        table.add_row(*(Text(visible(cell)) for cell in cells))
    Console().print(table)


def main() -> None:
    """Run a verb; an error of ours is one line and exit code 2; Ctrl-C is 130, SIGTERM 143."""
    termination = Termination()
    signal.signal(signal.SIGTERM, termination)
    try:
        app()
    except SystemExit as ending:
        if termination.came and ending.code == INTERRUPTED:  # which typer makes of both
            sys.exit(TERMINATED)
        raise
    except (UsageError, Incomparable) as error:
        sys.stderr.write(f"bench: {visible(str(error))}\n")
        sys.exit(USAGE)
    except (BenchError, OSError) as error:
        sys.stderr.write(f"bench: {visible(explained(error))}\n")
        sys.exit(NONE_OK)
    except KeyboardInterrupt as interruption:
        sys.exit(exit_code_of(signal_of(interruption)))
