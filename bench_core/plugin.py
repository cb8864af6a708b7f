"""Pytest's side of a sweep: options, one test per cell, and what the terminal shows."""

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from bench_core.analysis.units import visible
from bench_core.cell import Cell
from bench_core.errors import explained
from bench_core.interruption import signal_of
from bench_core.sweep.terminal import rewrite

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
    """One pytest session. The sweep is opened when the first cell runs.

    interrupted: by which signal. stopped: what kept the sweep from going on, or being saved.
    """

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.sweep: Sweep | None = None
        self.cells: list[Cell] = []
        self.interrupted: str | None = None
        self.stopped: str | None = None
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
            raise pytest.UsageError(visible(str(error))) from None
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
        with self._stopping():
            return self.sweep.run(cell)

    def _open_sweep(self) -> "Sweep":
        from bench_core.cache_folder import default_cache
        from bench_core.errors import UsageError
        from bench_core.sweep import options
        from bench_core.sweep.session import Sweep

        sweep = Sweep(
            options.request(self.config.getoption),
            self.config.rootpath / "results",
            default_cache(),
            bool(self.config.getoption("bench_resume")),
            self.say,
        )
        try:
            with self._stopping():
                return self._open.enter_context(sweep.open(self.cells))
        except UsageError as error:
            pytest.exit(visible(str(error)), returncode=pytest.ExitCode.USAGE_ERROR)

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """Where the system refuses something, end the session in one line; the rest is saved."""
        try:
            yield
        except OSError as error:
            self.stopped = visible(explained(error))
            pytest.exit(self.stopped, returncode=pytest.ExitCode.TESTS_FAILED)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item, nextitem: pytest.Item | None) -> None:
        cell, following = _cell_of(item), nextitem and _cell_of(nextitem)
        if self.sweep and cell and (not following or following.group != cell.group):
            with self._stopping():
                self.sweep.finish_group(cell.group)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Say what the cell came to, and how long the rest will take."""
        said = dict(getattr(report, "user_properties", ())).get("bench")
        if said is None or report.when != "call":
            return None
        status = str(dict(report.user_properties)["bench_status"])
        # In a category of pytest's own ("error" is one) a failure is shown whole, with its trail.
        whole = status in (OK, *SKIPPING) or self.config.get_verbosity() > 1
        category = report.outcome if whole else "raised" if status == "error" else status
        return category, {"passed": ".", "failed": "F"}.get(report.outcome, "s"), str(said)

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        if isinstance(excinfo.value, KeyboardInterrupt):  # and not pytest.exit
            self.interrupted = signal_of(excinfo.value)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.sweep is None:
            return
        with self._interrupts_wait():
            self._open.close()
            if self.sweep.done:
                self._save(self.sweep)
        if self.stopped is not None and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def _save(self, sweep: "Sweep") -> None:
        finished = not self.interrupted and len(sweep.done) == len(self.cells)
        self.bench = sweep.bench(interrupted=not finished)
        try:
            self.saved = sweep.save(self._content())
            sweep.save_raw(self.saved, finished=finished)
        except OSError as error:
            self.stopped = visible(explained(error))

    @contextmanager
    def _interrupts_wait(self) -> Iterator[None]:
        """Ctrl-C and SIGTERM are heeded once all is ended and written, which takes seconds."""
        if threading.current_thread() is not threading.main_thread():
            yield  # which alone may handle signals, and alone is interrupted
            return

        def note(number: int, _frame: object) -> None:
            self.interrupted = signal.Signals(number).name

        before = {one: signal.signal(one, note) for one in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for one, handler in before.items():
                signal.signal(one, handler)

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
        if self.bench is None or self.sweep is None:
            return
        from rich.console import Console

        from bench_core.analysis.load import Results, load
        from bench_core.analysis.report import render

        terminalreporter.ensure_newline()
        terminalreporter.write_line("")
        if self.saved is not None:
            render(load(self.saved), Console())
            terminalreporter.write_line(f"saved {self.saved}")
        else:
            records = tuple(done.record for done in self.sweep.done.values())
            render(Results(self.bench["session"], records, tuple(self.sweep.advice)), Console())
        if self.stopped is not None:
            terminalreporter.write_line(f"not all is saved: {self.stopped}")
        if self.bench["session"]["interrupted"]:
            terminalreporter.write_line("not finished; --resume goes on with what is left")

    def say(self, what: str) -> None:
        """Show on a terminal, beside the test's name, what is being done; "" takes it back."""
        reporter = self.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is None or not reporter.isatty or reporter.verbosity < 1:
            return
        capture: Any = self.config.pluginmanager.get_plugin("capturemanager")
        with capture.global_and_fixture_disabled():
            # Past the reporter, which would count these characters into its line.
            rewrite(f"{reporter.currentfspath or ''}{visible(what)}")


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
        reason = visible(f"{record.status}: {record.reason}")
        if record.status in SKIPPING:
            pytest.skip(reason)
        if record.status != OK:
            verbose = self._item.config.get_verbosity() > 1
            trail = [visible(line) for line in done.detail.splitlines()] if verbose else []
            pytest.fail("\n".join([reason, *trail]), pytrace=False)
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
