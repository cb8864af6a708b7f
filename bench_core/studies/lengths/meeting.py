"""Two contenders of a study in a duel: of two modes at one length, of one mode padded and exact."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import numpy as np

from bench_core import discover
from bench_core.cell import Cell
from bench_core.duel.contender import Contender
from bench_core.duel.duel import Duel
from bench_core.duel.stopping import Rule
from bench_core.errors import WrongOutput
from bench_core.sweep.arena import Arena
from bench_core.sweep.oracle import VerifySpec, verify_specs


def meet(arena: Arena, first: Cell, second: Cell, rule: Rule) -> Duel:
    """Two modes at one length, both verified there: `first` is side A.

    Raises: BenchError as a cell of the sweep does.
    """
    with arena.forked_pair(first, second) as pair:
        for contender in pair:
            _verify(arena, contender)
        arena.say(f"{first.mode} against {second.mode}: timing")
        return arena.fight(pair, lambda: arena.forked_pair(first, second), rule)


def meet_padded(arena: Arena, exact: Cell, padded_length: int, rule: Rule) -> Duel:
    """One mode on the same inputs, padded (side A) and as they are.

    Raises: BenchError as a cell of the sweep does; WrongOutput where the padding shows.
    """
    padded = replace(exact, length=padded_length)
    with _padded_pair(arena, padded, exact) as pair:
        arena.say(f"{exact.mode}, {exact.length} padded to {padded_length}: timing")
        return arena.fight(pair, lambda: _padded_pair(arena, padded, exact), rule)


@contextmanager
def _padded_pair(arena: Arena, padded: Cell, exact: Cell) -> Iterator[tuple[Contender, Contender]]:
    """Before the padded one is timed its outputs are held against the oracle's of what is exact."""
    spec = verify_specs(discover.model(exact.model), exact)[0][0]
    with arena.contender(padded) as wide, arena.contender(exact) as narrow:
        _, outputs = wide.ask("pad", length=exact.length, seed=spec[2])
        right = arena.oracle(exact).exact[spec]
        _judge(arena, exact, [spec], [_held(one, y) for one, y in zip(outputs, right, strict=True)])
        yield wide, narrow


def _held(output: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Of padded inputs' output what belongs to the inputs: an axis that grew with them is cut."""
    if output.ndim != right.ndim:
        return output
    return output[tuple(slice(0, size) for size in right.shape)]


def _verify(arena: Arena, contender: Contender) -> None:
    specs, _ = verify_specs(discover.model(contender.cell.model), contender.cell)
    _, outputs = contender.ask("outputs", inputs=specs)
    _judge(arena, contender.cell, specs, outputs)


def _judge(arena: Arena, cell: Cell, specs: list[VerifySpec], outputs: list[np.ndarray]) -> None:
    """Raises: WrongOutput where they are not the oracle's for the cell."""
    mode = discover.modes()[cell.mode]
    if mode.stochastic:
        return
    _, wrong = arena.oracle(cell).judge(specs, outputs, min_sqnr_db=mode.min_sqnr_db)
    if wrong:
        raise WrongOutput(f"{cell.mode} at {cell.length}: {wrong}")
