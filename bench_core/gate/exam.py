"""What one side's cell came to, and what is read of it beside its time."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench_core import discover
from bench_core.duel.contender import Contender
from bench_core.errors import BenchError, NotEngaged, WrongOutput
from bench_core.gate.sides import BASE, HEAD
from bench_core.sweep.arena import Arena
from bench_core.sweep.oracle import Oracle, verify_specs
from bench_core.wire import Message


@dataclass
class Standing:
    """Filled in as a side's contenders come and go.

    ready_s: load, build and first call of each launch. peak_rss_bytes: growth over the imports.
    median_s: of the timed blocks of each launch. examined: whether it passed `examine`.
    own_model: whether its outputs are right by its own oracle alone: the model has changed.
    """

    status: str = "ok"
    reason: str | None = None
    artifact_bytes: int = 0
    lossy: bool = False
    examined: bool = False
    own_model: bool = False
    peak_rss_bytes: int = 0
    ready_s: list[float] = field(default_factory=list)
    median_s: list[float] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return self.status == "ok"

    def fail(self, error: BenchError) -> None:
        """The first failure stands."""
        if self.ok:
            self.status, self.reason = error.status, str(error)

    @contextmanager
    def failing(self) -> Iterator[None]:
        """What goes wrong within is this side's failure."""
        try:
            yield
        except BenchError as error:
            self.fail(error)

    def start(self, started: Message) -> None:
        """Take over what its worker said of its build."""
        self.artifact_bytes = started["artifact_bytes"]
        self.lossy = started["min_sqnr_db"] is not None
        self.ready_s.append(sum(started[part] for part in ("load_s", "build_s", "first_call_s")))


def examine_both(
    pair: Mapping[str, Contender], standings: Mapping[str, Standing], base: Arena, head: Arena
) -> None:
    """Head by its own oracle; base by head's or, where the model itself changed, its own.

    A failure is its side's standing.
    """
    cell = pair[HEAD].cell
    oracles = {
        HEAD: [lambda: head.oracle(cell)],
        BASE: [lambda: head.oracle(cell), lambda: base.oracle(cell)],
    }
    for name, asked in oracles.items():
        with standings[name].failing():
            examine(pair[name], standings[name], asked)


def examine(
    contender: Contender, standing: Standing, oracles: Iterable[Callable[[], Oracle]]
) -> None:
    """Read its evidence, and hold its outputs against the first oracle that agrees with them.

    Where that is not the first, the model itself has changed.

    Raises: NotEngaged, WrongOutput, and whatever its process comes to.
    """
    reply, _ = contender.ask("evidence")
    apart_bytes = reply["apart_bytes"]
    standing.peak_rss_bytes = reply["growth_bytes"] if apart_bytes is None else apart_bytes
    if reply["not_engaged"] is not None:
        raise NotEngaged(reply["not_engaged"] or "its mode says so, and not why")
    if contender.started["stochastic"]:
        standing.examined = True
        return
    model = discover.model(contender.cell.model)
    own, other = verify_specs(model, contender.cell)
    specs = own + other if contender.started["any_shape"] else own
    _, outputs = contender.ask("outputs", inputs=specs)
    problems: list[BenchError] = []
    for ask in oracles:
        try:
            oracle = ask()
        except BenchError as error:
            problems.append(error)
            continue
        _, wrong = oracle.judge(specs, outputs, min_sqnr_db=contender.started["min_sqnr_db"])
        if not wrong:
            standing.examined, standing.own_model = True, bool(problems)
            return
        problems.append(WrongOutput(wrong))
    raise problems[0]
