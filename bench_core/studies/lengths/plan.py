"""What is to be timed, settled before anything runs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from bench_core import discover
from bench_core.analysis.lengths.curve import LEAST_LENGTHS
from bench_core.analysis.lengths.padding import padded_length
from bench_core.cell import Cell
from bench_core.duel.stopping import Rule
from bench_core.errors import BenchError, UsageError, WorkerCrashed, WorkerTimeout
from bench_core.interpreter import answer, ask
from bench_core.model import Model
from bench_core.sweep import profiles
from bench_core.sweep.profiles import Request

MODES = (
    "torchscript_freeze",
    "compile_default",
    "compile_dynamic",
    "bf16",
    "ort_all_online",
    "ort_int8_dynamic",
)
"""What pays for itself at some lengths and not at others; a habit of calling does not."""

_LIMIT_S = 300.0


@dataclass(frozen=True)
class Plan:
    """request: with every choice made.

    cells: modes × lengths, without the reference, which all are timed against.
    bucket: also time inputs padded to multiples of it. None: no padding.
    """

    request: Request
    model: Model
    reference: str
    lengths: tuple[int, ...]
    cells: tuple[Cell, ...]
    rule: Rule
    bucket: int | None


def plan(name: str, request: Request, budget_s: float, bucket: int | None) -> Plan:
    """The study that `request` asks for of the model `name`. bucket: as in `Plan`.

    Raises: UsageError for what cannot be, with what can.
    """
    model = discover.resolve(name)
    reference = request.reference or model.reference
    lengths = tuple(sorted(set(request.lengths or model.lengths)))
    modes = request.modes or _takes(model, MODES)
    chosen = replace(request, models=(name,), modes=modes, lengths=lengths, budget_s=budget_s)
    cells = tuple(cell for cell in profiles.cells(chosen) if _other(cell, reference))
    _check(model, lengths, cells, budget_s, bucket)
    padded = [padded_length(length, bucket) for length in lengths] if bucket else []
    _check_inputs(model, sorted({*lengths, *padded}), cells[0].batch)
    return Plan(chosen, model, reference, lengths, cells, Rule(budget_s), bucket)


def _other(cell: Cell, reference: str) -> bool:
    return (cell.mode, cell.provider) != (reference, "cpu")


def _takes(model: Model, modes: Sequence[str]) -> tuple[str, ...]:
    """Those that can run it: a graph without a module has ONNX Runtime's alone."""
    known = discover.modes()
    return tuple(mode for mode in modes if model.onnx is None or known[mode].providers)


def _check(
    model: Model,
    lengths: Sequence[int],
    cells: Sequence[Cell],
    budget_s: float,
    bucket: int | None,
) -> None:
    if len(lengths) < LEAST_LENGTHS:
        raise UsageError(
            f"expected at least {LEAST_LENGTHS} lengths, to fit three terms and see how well, "
            f"found {', '.join(map(str, lengths))}; give more with --lengths"
        )
    if not cells:
        raise UsageError("expected a mode beside the reference, found none; name one with --modes")
    if not budget_s > 0:
        raise UsageError(f"budget-s must be more than 0, not {budget_s:g}: all this does is time")
    if bucket is None:
        return
    if bucket < 2:
        raise UsageError(f"a bucket is a whole number from 2 up, not {bucket}")
    if model.pad is None:
        able = ", ".join(one.name for one in discover.models().values() if one.pad)
        raise UsageError(f"{model.name} knows no padding, so --bucket has none to time; {able} do")


def _check_inputs(model: Model, lengths: Sequence[int], batch: int) -> None:
    """Raises: UsageError where the model takes no such length, or has inputs of one length only.

    Asked of an interpreter of its own: a user's model may import a framework to make its inputs.
    """
    given, wanted = json.dumps(discover.given()), json.dumps(list(lengths))
    main = "bench_core.studies.lengths.plan:main"
    try:
        found = ask(main, model.name, given, wanted, str(batch), limit_s=_LIMIT_S)
    except (WorkerCrashed, WorkerTimeout) as error:
        raise UsageError(f"{model.name} made no inputs: {error}") from None
    if problem := found.get("error"):
        raise UsageError(problem)
    shapes = found["shapes"]
    if all(shape == shapes[0] for shape in shapes):
        raise UsageError(
            f"expected inputs of {model.name} that grow with the length, found {shapes[0]} at "
            "every length; a factory that returns a Model has as many lengths as it likes"
        )


def main(model: str, given: str, lengths: str, batch: str) -> None:
    """The interpreter of `_check_inputs`."""
    discover.give(json.loads(given))
    shapes = []
    try:
        for length in json.loads(lengths):
            inputs = discover.model(model).inputs(length, int(batch), 0, False)
            shapes.append([list(array.shape) for array in inputs])
    except BenchError as error:
        answer({"error": str(error)})
    else:
        answer({"shapes": shapes})
