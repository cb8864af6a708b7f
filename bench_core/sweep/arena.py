"""What stays open between the cells of a sweep: a zygote, a reference, an oracle."""

import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from bench_core import discover
from bench_core.analysis.statistics import LaunchSpread, family_spread, pooled_launch_sd
from bench_core.cell import Cell
from bench_core.duel.contender import Contender
from bench_core.duel.duel import Duel, Relaunch, fight
from bench_core.duel.stopping import Rule
from bench_core.duel.zygote import Zygote
from bench_core.errors import BenchError
from bench_core.hardware.cpu import usable_cores
from bench_core.model import Model
from bench_core.sweep.cache import cell_folder
from bench_core.sweep.oracle import Oracle, ask_oracle
from bench_core.sweep.origin import OURS, Origin
from bench_core.sweep.results import write_json
from bench_core.sweep.stopwatch import Stopwatch


class Arena:
    """Opens contenders, and keeps what several cells share.

    reference: the mode that is timed against; None: as each model prefers.
    say: told, in a few words, what is being done.
    probe_each: start every mode of every model once in a fresh interpreter, for real.
    memory_bytes: the most that a contender may take beyond its frameworks; None for no limit.
    origin: whose code they run.
    preload: what a zygote imports; None: what the model at hand needs.
    verified: process ids of references whose outputs were found to be right.
    """

    def __init__(
        self,
        reference: str | None,
        threads: int,
        cache: Path,
        say: Callable[[str], None],
        *,
        probe_each: bool = False,
        memory_bytes: int | None = None,
        origin: Origin = OURS,
    ) -> None:
        self._reference_mode = reference
        self.memory_bytes = memory_bytes
        self.origin = origin
        self.preload: tuple[str, ...] | None = None
        self.threads = threads
        self.cache = cache
        self.say = say
        self.cores = usable_cores()[:threads]
        self.watch = Stopwatch()
        self.floors: dict[str, LaunchSpread] = {}
        self._launch_values: dict[tuple[str, str], list[tuple[float, ...]]] = {}
        self._probe_each = probe_each
        self._probed: set[tuple[str, str]] = set()
        self._zygote: tuple[tuple[str, ...], Zygote] | None = None
        self._reference: Contender | None = None
        self.verified: set[int] = set()
        self._oracle: tuple[str, Oracle | BenchError] | None = None

    def reference_mode(self, cell: Cell) -> str:
        """The one asked for, or the one that the cell's model prefers."""
        return self._reference_mode or discover.model(cell.model).reference

    def probe_due(self, cell: Cell) -> bool:
        """Whether the cell's mode is to be probed, once per model; asking settles it."""
        what = (cell.model, cell.mode)
        due = self._probe_each and what not in self._probed
        self._probed.add(what)
        return due

    def remember(self, cell: Cell, launch_values: Sequence[float]) -> None:
        """Let the launches of a finished cell count for the spread of those that follow."""
        self._launch_values.setdefault(_kin(cell), []).append(tuple(launch_values))

    def spread(self, cell: Cell, own: Sequence[float]) -> LaunchSpread:
        """How far launches of such a cell differ: its `own`, and those of its kin before it."""
        floor = self.floors.get(discover.model(cell.model).bound) or pooled_launch_sd([])
        return family_spread(floor, [*self._launch_values.get(_kin(cell), []), own])

    def folder(self, cell: Cell) -> Path:
        """Where the cell's artefacts and its cold reading are kept."""
        return cell_folder(self.cache, cell, self.origin)

    def new_zygote(self, preload: tuple[str, ...]) -> Zygote:
        """One that is starting up."""
        return Zygote(preload, self.origin.environment, self.origin.given)

    def zygote(self, model: Model) -> Zygote:
        """One with the model's frameworks, shared by the cells that follow each other."""
        preload = self.preload or _preload(model)
        if self._zygote is None or self._zygote[0] != preload or not self._zygote[1].alive:
            self.say(f"starting: {', '.join(preload)}")
            zygote = self.begin(preload)
        else:
            zygote = self._zygote[1]
        with self.watch("starting"):
            return zygote.await_start()

    def begin(self, preload: tuple[str, ...]) -> Zygote:
        """End every process, and have a new zygote start up; `zygote` waits for it."""
        self.close()
        zygote = self.new_zygote(preload)
        self._zygote = (preload, zygote)
        return zygote

    def contender(self, cell: Cell, zygote: Zygote | None = None) -> Contender:
        """One that is built. The first ever of its cell is started twice, for the cold reading.

        Raises: BenchError of any kind: what the mode or its process came to.
        """
        contender = self.building(cell, zygote)
        with self.watch("building"):
            return contender.await_start()

    def building(self, cell: Cell, zygote: Zygote | None = None) -> Contender:
        """One that is still to be awaited, so that two can build side by side.

        Raises: as `contender`.
        """
        parent = zygote or self.zygote(discover.model(cell.model))
        folder = self.folder(cell)
        note = folder / "cold.json"
        if not note.exists():
            self.say(f"{cell.mode}: first build")
            if folder.exists():
                shutil.rmtree(folder)  # what a build that came to nothing left would not be cold
            with self.watch("building, first time"), self._start(parent, cell) as cold:
                reading = {**cold.await_start().started, "date": date.today().isoformat()}
            write_json(note, reading)
        self.say(f"{cell.mode}: building")
        return self._start(parent, cell)

    def _start(self, zygote: Zygote, cell: Cell) -> Contender:
        return Contender(
            zygote,
            cell,
            self.folder(cell),
            self.cores,
            self.memory_bytes,
            self.origin.slowdown,
        )

    def cold_reading(self, cell: Cell) -> dict[str, Any]:
        """What the first start of this cell took, and its date."""
        reading: dict[str, Any] = json.loads((self.folder(cell) / "cold.json").read_text())
        return reading

    def reference(self, cell: Cell) -> Contender:
        """The reference of the cell's model, length and batch, alive until another is wanted."""
        wanted = replace(cell, mode=self.reference_mode(cell), provider="cpu")
        if self._reference is None or self._reference.cell != wanted or self.reference_died:
            if self._reference is not None:
                self._reference.close()
            self._reference = None
            self._reference = self.contender(wanted)
        return self._reference

    @property
    def reference_died(self) -> bool:
        """Whether the reference has ended by itself; `reference` then starts another."""
        return self._reference is not None and not self._reference.alive

    @contextmanager
    def fresh_pair(self, first: Cell, second: Cell) -> Iterator[tuple[Contender, Contender]]:
        """Two contenders, each from a zygote of its own: a launch that replicates.

        Children of one zygote share its address-space layout, and so a bias.
        """
        preload = _preload(discover.model(first.model))
        with ExitStack() as stack:
            with self.watch("starting"):
                zygotes = [stack.enter_context(self.new_zygote(preload)) for _ in range(2)]
                for zygote in zygotes:
                    zygote.await_start()
            pair = [
                stack.enter_context(self.contender(cell, zygote))
                for cell, zygote in zip((first, second), zygotes, strict=True)
            ]
            yield pair[0], pair[1]

    @contextmanager
    def forked_pair(self, first: Cell, second: Cell) -> Iterator[tuple[Contender, Contender]]:
        """Two new contenders from the zygote at hand."""
        with self.contender(first) as one, self.contender(second) as other:
            yield one, other

    def fight(self, pair: tuple[Contender, Contender], relaunch: Relaunch, rule: Rule) -> Duel:
        """A duel of two that are alive, and of more launches of them."""
        cell = pair[1].cell
        with self.watch("duels"):
            duel = fight(pair, relaunch, rule, lambda own: self.spread(cell, own))
        self.watch.move("duels", "timed blocks", duel.timed_s)
        self.remember(cell, duel.look.values)
        return duel

    def oracle(self, cell: Cell) -> Oracle:
        """What is right for the cell's model, length and batch.

        Raises: BenchError, the same for every cell of the group, where it cannot be known.
        """
        if self._oracle is None or self._oracle[0] != cell.group:
            zygote = self.zygote(discover.model(cell.model))
            with self.watch("verifying"):
                try:
                    self._oracle = (cell.group, ask_oracle(zygote, cell))
                except BenchError as error:
                    what = f"the oracle, the model in float64, came to nothing: {error}"
                    if not zygote.alive:
                        raise BenchError(what) from None
                    self._oracle = (cell.group, BenchError(what))
        found = self._oracle[1]
        if isinstance(found, BenchError):
            raise found
        return found

    def close(self) -> None:
        """End every process; the arena can be used again."""
        if self._reference is not None:
            self._reference.close()
        if self._zygote is not None:
            self._zygote[1].close()
        self._reference = self._zygote = None


def _kin(cell: Cell) -> tuple[str, str]:
    """Cells whose launches are pooled: of the same class, and of modes that are alike."""
    return discover.model(cell.model).bound, discover.modes()[cell.mode].family


def _preload(model: Model) -> tuple[str, ...]:
    return ("torch", *model.frameworks)
