"""Pytest's side of a sweep: options, one test per cell, and what the terminal shows."""

import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench_core.cell import Cell

if TYPE_CHECKING:
    from bench_core.sweep.session import Done, Sweep

OK = "ok"
SKIPPING = ("skipped", "unsupported")
"""Statuses that are not the mode's fault. They become a skip here and nowhere else."""


class ReplayClock:
    """Lets pytest-benchmark take over durations that were measured elsewhere."""

    __name__ = "perf_counter"
    now = 0.0

    def __call__(self) -> float:
        return self.now


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of a sweep, under a heading of their own."""
    from bench_core.sweep.options import OPTIONS

    group = parser.getgroup("bench", "duels between the ways to run a model (bench_core)")
    for option in OPTIONS:
        group.addoption(option.pytest_name, **option.argparse())


def pytest_configure(config: pytest.Config) -> None:
    """Every session gets a sweep, which stays closed until a cell is asked for."""
    config.pluginmanager.register(Bench(config), "bench_core.session")


class Bench:
    """One pytest session. The sweep is opened when the first cell runs."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.sweep: Sweep | None = None
        self.cells: list[Cell] = []
        self.interrupted = False
        self.saved: Path | None = None
        self.bench: dict[str, Any] | None = None
        self._open = ExitStack()

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if "bench_cell" not in metafunc.fixturenames:
            return
        from bench_core.errors import UsageError
        from bench_core.sweep import options, profiles

        try:
            cells = profiles.cells(options.request(self.config.getoption))
        except UsageError as error:
            raise pytest.UsageError(str(error)) from None
        # Strings: pytest-benchmark writes a test's parameters to JSON.
        metafunc.parametrize("bench_cell", [str(cell) for cell in cells], indirect=True)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            cell = _cell_of(item)
            if cell is not None:
                marker = pytest.mark.benchmark(timer=CLOCK, group=cell.group)
                item.add_marker(marker, append=False)
                # A cell that fails before it is timed never uses pytest-benchmark's fixture.
                item.add_marker(pytest.mark.filterwarnings("ignore:Benchmark fixture was not used"))

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.cells = [cell for item in session.items if (cell := _cell_of(item))]

    def run(self, cell: Cell) -> "Done":
        """Open the sweep at the first cell, and measure this one."""
        if hasattr(self.config, "workerinput"):
            pytest.fail("cells timed in parallel would time each other: run without -n", False)
        if self.sweep is None:
            self.sweep = self._open_sweep()
        return self.sweep.run(cell)

    def _open_sweep(self) -> "Sweep":
        from bench_core.errors import UsageError
        from bench_core.sweep import options
        from bench_core.sweep.cache import default_cache
        from bench_core.sweep.session import Sweep

        sweep = Sweep(
            options.request(self.config.getoption),
            self.config.rootpath / "results",
            default_cache(),
            bool(self.config.getoption("bench_resume")),
            self.say,
        )
        try:
            return self._open.enter_context(sweep.open(self.cells))
        except UsageError as error:
            pytest.exit(str(error), returncode=pytest.ExitCode.USAGE_ERROR)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        cell, following = _cell_of(item), nextitem and _cell_of(nextitem)
        if self.sweep and cell and (not following or following.group != cell.group):
            self.sweep.finish_group(cell.group)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Say what the cell came to, and how long the rest will take."""
        said = dict(getattr(report, "user_properties", ())).get("bench")
        if said is None or report.when != "call":
            return None
        status = str(dict(report.user_properties)["bench_status"])
        category = report.outcome if status in (OK, *SKIPPING) else status
        return category, {"passed": ".", "failed": "F"}.get(report.outcome, "s"), str(said)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        self.interrupted = excinfo.errisinstance(KeyboardInterrupt)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        if self.sweep is None:
            return
        sweep, interrupted = self.sweep, self.interrupted or len(self.sweep.done) < len(self.cells)
        self._open.close()
        if sweep.done:
            self.bench = sweep.bench(interrupted=interrupted)
            self.saved = sweep.save(self._content(), interrupted=interrupted)

    def _content(self) -> dict[str, Any]:
        """The file: what pytest-benchmark would write, and ours under "bench"."""
        hook = self.config.hook
        machine_info = hook.pytest_benchmark_generate_machine_info(config=self.config)
        commit_info = hook.pytest_benchmark_generate_commit_info(config=self.config)
        session = self.config.pluginmanager.get_plugin("pytest-benchmark")
        content: dict[str, Any] = hook.pytest_benchmark_generate_json(
            config=self.config,
            benchmarks=session.benchmarks if session else [],
            include_data=True,
            machine_info=machine_info,
            commit_info=commit_info,
        )
        return {**content, "bench": self.bench}

    def pytest_benchmark_update_json(self, output_json: dict[str, Any]) -> None:
        if self.bench is not None:
            output_json["bench"] = self.bench

    @pytest.hookimpl(tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if self.saved is None:
            return
        from rich.console import Console

        from bench_core.analysis.load import load
        from bench_core.analysis.report import render

        terminalreporter.ensure_newline()
        terminalreporter.write_line("")
        render(load(self.saved), Console())
        terminalreporter.write_line(f"saved {self.saved}")
        if self.interrupted:
            terminalreporter.write_line("not finished; --resume goes on with what is left")

    def say(self, what: str) -> None:
        """Show on a terminal, beside the test's name, what is being done; "" takes it back."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or not reporter.isatty or reporter.verbosity < 1:
            return
        capture: Any = self.config.pluginmanager.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled():
            # Past the reporter, which would count these characters into its line.
            sys.stdout.write(f"{_ERASE_LINE}{reporter.currentfspath or ''}{what}")
            sys.stdout.flush()


_ERASE_LINE = "\r\x1b[2K"
CLOCK = ReplayClock()


@pytest.fixture
def bench_cell(request: pytest.FixtureRequest, benchmark: Any) -> "CellTest":
    """One cell of the sweep. `publish` measures it and reports what it came to."""
    bench: Any = request.config.pluginmanager.get_plugin("bench_core.session")
    return CellTest(bench, Cell.parse(request.param), request.node, benchmark)


class CellTest:
    """A cell as its test sees it."""

    def __init__(self, bench: Bench, cell: Cell, item: pytest.Item, benchmark: Any) -> None:
        self.cell = cell
        self._bench = bench
        self._item = item
        self._benchmark = benchmark

    def publish(self) -> "Done":
        """Measure, hand the block medians to pytest-benchmark, and fail or skip if not ok."""
        if not self._benchmark.enabled:
            pytest.skip("pytest-benchmark is disabled")
        done = self._bench.run(self.cell)
        self._bench.say("")
        record = done.record
        self._item.user_properties.append(("bench", self._said(done)))
        self._item.user_properties.append(("bench_status", record.status))
        if done.block_medians_s:
            self._replay(done.block_medians_s)
            self._benchmark.extra_info["cell"] = str(self.cell)
            self._benchmark.extra_info["status"] = record.status
        if record.status in SKIPPING:
            pytest.skip(f"{record.status}: {record.reason}")
        if record.status != OK:
            verbose = self._item.config.get_verbosity() > 1
            trail = f"\n{done.detail}" if verbose and done.detail else ""
            pytest.fail(f"{record.status}: {record.reason}{trail}", pytrace=False)
        return done

    def _replay(self, seconds: list[float]) -> None:
        durations = iter(seconds)

        def start() -> None:
            CLOCK.now = 0.0

        def run() -> None:
            CLOCK.now = next(durations)

        self._benchmark.pedantic(run, setup=start, rounds=len(seconds), iterations=1)

    def _said(self, done: "Done") -> str:
        from bench_core.analysis.units import duration

        record, sweep = done.record, self._bench.sweep
        text = record.status.replace("_", " ")
        if record.status == OK and record.speedup:
            speedup = record.speedup
            text = f"{speedup.ratio:.2f}× ({speedup.low:.2f} to {speedup.high:.2f})"
        cells = self._bench.cells
        left_s = sweep.left_s(cells[cells.index(self.cell) + 1 :]) if sweep else None
        return text if not left_s else f"{text}, {duration(left_s)} left"


def _cell_of(item: pytest.Item) -> Cell | None:
    params = getattr(getattr(item, "callspec", None), "params", {})
    return Cell.parse(params["bench_cell"]) if "bench_cell" in params else None
