"""Post-training quantisation, spelt out: from a float model to integers that can be lowered."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from torch.export import ExportedProgram
from torch.fx import GraphModule

from bench_core.errors import UsageError
from bench_core.quantization.explain import Score, explain
from bench_core.quantization.graph.expected import Expected, expect
from bench_core.quantization.graph.layers import left_float
from bench_core.quantization.graph.placement import written
from bench_core.quantization.graph.values import Batch
from bench_core.quantization.range_method import RangeMethod, range_methods
from bench_core.quantization.recipe import Recipe
from bench_core.quantization.steps.activation_ranges import (
    set_activation_ranges,
    set_expected_activation_ranges,
)
from bench_core.quantization.steps.correct_biases import (
    correct_biases,
    correct_biases_analytically,
)
from bench_core.quantization.steps.equalise import absorb_high_biases, equalise, replace_relu6
from bench_core.quantization.steps.reestimate_norms import reestimate_norms
from bench_core.quantization.steps.round_weights import round_adaptively, round_to_nearest
from bench_core.quantization.steps.smooth import smooth
from bench_core.quantization.steps.weight_ranges import set_weight_ranges
from bench_core.quantization.target import X86, Target
from bench_core.quantization.work import Work


@dataclass(frozen=True, eq=False)
class Quantised:
    """graph: runs as a simulation, and is what `lower` writes.

    layers: those that run in int8. left_float: how often each other operator computes floats.
    notes: what each step did. work: what was decided, by the nodes of the float graph.
    """

    graph: GraphModule
    layers: tuple[str, ...]
    left_float: dict[str, int]
    notes: dict[str, Any]
    work: Work


def ptq(
    model: ExportedProgram,
    calibration: Iterable[Batch] | None = None,
    target: Target = X86,
    recipe: Recipe = Recipe(),  # noqa: B008 - frozen
    *,
    input_range: tuple[float, float] | None = None,
    explain_on: Sequence[Batch] | None = None,
    score: Score | None = None,
) -> Quantised:
    """Quantise weights, biases and activations.

    model: `torch.export.export` of the module in eval mode. It stays as it is.
    calibration: batches of inputs like those it will see. None: batch norms say the ranges, and
        `input_range` that of the inputs.
    explain_on: batches to print on what each step buys, in SQNR and in the `score` of the outputs.
    Raises: Unsupported where without data some range is not known; UsageError for a recipe that
        needs data, or names an unknown range method; ValueError for NaN in data, with its place.
    """
    batches = list(calibration or ())
    if explain_on is not None:
        explain(
            model.module(),
            lambda steps: quantise(Work.begin(model, target, batches), steps, input_range).graph,
            recipe,
            explain_on,
            score,
        )
    return quantise(Work.begin(model, target, batches), recipe, input_range)


def quantise(
    work: Work, recipe: Recipe, input_range: tuple[float, float] | None = None
) -> Quantised:
    """The steps, in their order, as `ptq` describes them."""
    batches = work.calibration
    if not batches and (recipe.smooth is not None or recipe.reestimate_norms):
        raise UsageError("smoothing and re-estimation look at activations: give calibration data")
    weight_ranges = _method(recipe.weight_ranges)
    activation_ranges = _method(recipe.activation_ranges)
    if recipe.smooth is not None:
        smooth(work, recipe.smooth)
    if recipe.relu6 == "replace":
        replace_relu6(work)
    if recipe.equalise:
        equalise(work)
    if recipe.absorb:
        absorb_high_biases(work)
    set_weight_ranges(work, weight_ranges)
    adaptive = recipe.rounding == "adaround" and bool(batches)
    if adaptive:
        round_adaptively(work)
    else:
        round_to_nearest(work)
    correct = not adaptive if recipe.correct_biases is None else recipe.correct_biases
    if batches:
        if correct:
            correct_biases(work)
        if recipe.reestimate_norms:
            reestimate_norms(work)
        set_activation_ranges(work, activation_ranges)
    else:
        expected = expect(work.graph, work.known, input_range and Expected.between(*input_range))
        if correct:
            correct_biases_analytically(work, expected)
        set_expected_activation_ranges(work, expected)
    return _finished(work)


def _method(name: str) -> RangeMethod:
    known = range_methods()
    if name not in known:
        raise UsageError(f"no range method is called {name!r}; there are {', '.join(known)}")
    return known[name]


def _finished(work: Work) -> Quantised:
    layers = work.placement.layers
    running = {node for layer in layers for node in (layer.node, written(layer.node))}
    return Quantised(
        work.simulated(),
        tuple(layer.name for layer in layers),
        left_float(work.graph, running),
        work.notes,
        work,
    )
