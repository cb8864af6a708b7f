"""What each step of a quantisation bought, in signal to noise and in the task's own measure."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from bench_core.quantization.recipe import Recipe, prefixes
from bench_core.quantization.sqnr import sqnr_db

Call = Callable[..., Tensor]
Score = Callable[[list[Tensor]], float]


@dataclass(frozen=True)
class Bought:
    """After a step and those before it: SQNR against the float model, and the score, if any."""

    step: str
    sqnr_db: float
    score: float | None


def explain(
    model: Call,
    quantise: Callable[[Recipe], Call],
    recipe: Recipe,
    batches: Sequence[tuple[Tensor, ...]],
    score: Score | None = None,
) -> list[Bought]:
    """Quantise by each prefix of the recipe, run it on `batches`, and print a line for each."""
    expected = _run(model, batches)
    rows = []
    for step, prefix in prefixes(recipe):
        found = _run(quantise(prefix), batches)
        noise = sqnr_db(torch.cat(expected), torch.cat(found))
        rows.append(Bought(step, noise, None if score is None else score(found)))
        sys.stdout.write(_line(rows[-1]))
        sys.stdout.flush()
    return rows


def _run(model: Call, batches: Sequence[tuple[Tensor, ...]]) -> list[Tensor]:
    with torch.no_grad():
        return [model(*batch) for batch in batches]


def _line(row: Bought) -> str:
    score = "" if row.score is None else f"  {row.score:.4g}"
    return f"{row.step:<36} {row.sqnr_db:6.1f} dB{score}\n"
