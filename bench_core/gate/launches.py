"""Fresh launches: new zygotes for both sides, and every cell asked for fought once in them."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from statistics import median

from bench_core import discover
from bench_core.analysis.gate import protocol
from bench_core.analysis.statistics import launch_value
from bench_core.cell import Cell
from bench_core.duel.contender import Contender
from bench_core.duel.interleave import Interleaving, Launch
from bench_core.duel.stopping import QUADS_PER_LAUNCH
from bench_core.errors import BenchError, Incomparable, Unavailable
from bench_core.gate.blame import Blamed, SideFailed
from bench_core.gate.exam import Standing, examine_both
from bench_core.gate.sides import AGAIN, BASE, HEAD, Sides, check_files

SENTINELS = {
    Cell("mlp", "eager_inference_mode", 1): "dispatch",
    Cell("pointwise", "eager_inference_mode", 1024): "memory",
    Cell("mlp", "eager_inference_mode", 1024): "compute",
}
"""What base duels against itself in each launch, and what bounds it; torch alone is needed.

Tensors of 64 KiB: from 128 KiB on glibc may map each anew, and a launch is 50 % slower or not."""


def _drop(_cell: Cell, _launch: Launch) -> None:
    """Raw samples are wanted by the calibration alone."""


@dataclass
class Launches:
    """Calls itself a launch of `cells`, as `protocol.decisions` wants one.

    say: told, in a few words, what is being done.
    keep: given each cell's blocks.
    standings: of each cell and side, what became of it. seen: per cell, the values so far.
    achieved: per cell, the injected shares.
    """

    sides: Sides
    say: Callable[[str], None]
    keep: Callable[[Cell, Launch], None] = _drop
    standings: dict[str, dict[str, Standing]] = field(default_factory=dict)
    seen: dict[str, list[float]] = field(default_factory=dict)
    achieved: dict[str, list[float]] = field(default_factory=dict)
    count: int = 0

    @property
    def sentinels(self) -> dict[str, str]:
        """The class of each sentinel cell."""
        threads = self.sides.base.threads
        return {str(replace(cell, threads=threads)): bound for cell, bound in SENTINELS.items()}

    def __call__(self, cells: Sequence[str]) -> protocol.Launch:
        """One launch value, log(head / base), of each cell that did not fail.

        Raises: BenchError where base cannot run a single sentinel: that session has no control.
        """
        chosen = [Cell.parse(name) for name in cells]
        self._new_zygotes(chosen)
        values: dict[str, float] = {}
        control: dict[str, float] = {}
        duels = [(Cell.parse(name), True) for name in self.sentinels]
        duels += [(cell, False) for cell in chosen]
        turn = self.count % len(duels)  # nobody is always the first after a start
        for done, (cell, sentinel) in enumerate([*duels[turn:], *duels[:turn]], 1):
            what = "A/A control" if sentinel else cell.mode
            self.say(f"launch {self.count + 1}, {done} of {len(duels)}: {cell.model} {what}")
            names = (BASE, AGAIN) if sentinel else (BASE, HEAD)
            value = self._fight(cell, names)
            if value is not None and sentinel:
                control[str(cell)] = value
            elif value is not None:
                values[str(cell)] = value
                self.seen.setdefault(str(cell), []).append(value)
        self.count += 1
        if not control:
            raise BenchError(
                f"expected base to run one of {', '.join(self.sentinels)} for the A/A control; "
                "none came to a value"
            )
        return protocol.Launch(values, control)

    def _new_zygotes(self, cells: Sequence[Cell]) -> None:
        frameworks = [name for cell in cells for name in discover.model(cell.model).frameworks]
        preload = tuple(dict.fromkeys(("torch", *frameworks)))
        arenas = (self.sides.base, self.sides.head, self.sides.again)
        self.say(f"launch {self.count + 1}: importing {', '.join(preload)}")
        for arena in arenas:
            arena.preload = preload
        try:
            for zygote in [arena.begin(preload) for arena in arenas]:  # they start side by side
                zygote.await_start()
        except Unavailable as error:
            raise Incomparable(f"{error}; choose models that both sides can import") from None

    def _fight(self, cell: Cell, names: tuple[str, str]) -> float | None:
        """Build both, duel, and the first time examine them. A failure is its side's standing."""
        standings = {name: Standing() for name in names}
        if HEAD in names:
            standings = self.standings.setdefault(str(cell), standings)
        first = not any(standing.ready_s for standing in standings.values())
        with ExitStack() as stack:
            pair: dict[str, Contender] = {}
            for name in names[:: -1 if self.count % 2 else 1]:  # they build side by side
                with standings[name].failing():
                    pair[name] = stack.enter_context(self.sides.named(name).building(cell))
            for name, contender in pair.items():
                with standings[name].failing():
                    standings[name].start(contender.await_start().started)
                if standings[name].ok:
                    check_files(self.sides.tree(name), contender.started["files"])
            if not all(standing.ok for standing in standings.values()):
                return None
            value = self._time(cell, names, pair, standings)
            if first and HEAD in names:
                examine_both(pair, standings, self.sides.base, self.sides.head)
        return value if all(standing.ok for standing in standings.values()) else None

    def _time(
        self,
        cell: Cell,
        names: tuple[str, str],
        pair: dict[str, Contender],
        standings: dict[str, Standing],
    ) -> float | None:
        base, other = (Blamed(name, pair[name]) for name in names)
        try:
            duel = Interleaving(base, other, self.count)
            launch = duel.run(QUADS_PER_LAUNCH)
        except SideFailed as failed:
            standings[failed.side].fail(failed.error)
            return None
        medians = [median(launch.block_medians_s(side)) for side in "AB"]
        for name, median_s in zip(names, medians, strict=True):
            standings[name].median_s.append(median_s)
        if spin_s := duel.warmed["B"]["spin_s"]:
            self.achieved.setdefault(str(cell), []).append(spin_s / medians[0])
        self.keep(cell, launch)
        return -launch_value(launch.quads)
