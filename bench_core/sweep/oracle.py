"""What is right for a model, length and batch: asked once, of a worker of its own."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench_core import discover
from bench_core.analysis.fidelity import judge
from bench_core.cell import Cell
from bench_core.duel.contender import BUILD_LIMIT_S, Worker
from bench_core.duel.zygote import Zygote
from bench_core.model import Model
from bench_core.record import Fidelity

VerifySpec = tuple[int, int, int, bool]
"""Length, batch, seed and padding of inputs that outputs are verified on."""


@dataclass(frozen=True)
class Oracle:
    """Per verification input, the outputs in float64 and by eager float32.

    name: "float64", or "eager float32" where some operation, listed in `below`, ran below it,
        or "unoptimised float32" where a graph is all there is.
    exact, eager: per input, one array of each of the model's outputs.
    """

    name: str
    below: tuple[str, ...]
    flops: float
    exact: dict[VerifySpec, list[np.ndarray]]
    eager: dict[VerifySpec, list[np.ndarray]]

    def judge(
        self,
        specs: Sequence[VerifySpec],
        outputs: Sequence[np.ndarray],
        *,
        min_sqnr_db: float | None,
        top1: bool = False,
    ) -> tuple[Fidelity | None, str | None]:
        """How near `outputs` on `specs` come to it, and what is wrong with them, if anything."""
        exact, eager = (
            [output for spec in specs for output in by_spec[spec]]
            for by_spec in (self.exact, self.eager)
        )
        return judge(
            outputs, exact, eager, min_sqnr_db=min_sqnr_db, oracle_name=self.name, top1=top1
        )


def verify_specs(model: Model, cell: Cell) -> tuple[list[VerifySpec], list[VerifySpec]]:
    """Inputs of the cell's own shape, plain and padded, and some of another length and batch.

    Their seeds are never those of the timed inputs, which a mode may trace or calibrate with.
    """
    own = [(cell.length, cell.batch, 101, False), (cell.length, cell.batch, 102, True)]
    other = next((n for n in model.lengths if n != cell.length), cell.length)
    return own, [(other, model.fixed_batch or cell.batch + 2, 103, True)]


def ask_oracle(zygote: Zygote, cell: Cell) -> Oracle:
    """Raises: BenchError as starting a worker does."""
    model = discover.model(cell.model)
    specs = [spec for part in verify_specs(model, cell) for spec in part]
    with Worker(zygote) as worker:
        reply, outputs = worker.ask(
            "oracle", BUILD_LIMIT_S, model=model.name, threads=cell.threads, inputs=specs
        )
    each = len(outputs) // (2 * len(specs))
    per_run = [outputs[start : start + each] for start in range(0, len(outputs), each)]
    return Oracle(
        reply["name"],
        tuple(reply["below"]),
        reply["flops"],
        dict(zip(specs, per_run[: len(specs)], strict=True)),
        dict(zip(specs, per_run[len(specs) :], strict=True)),
    )
