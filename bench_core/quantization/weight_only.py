"""Weights of linear layers in 4 bits, activations in floats: what memory binds gets smaller."""

from collections.abc import Iterable
from typing import Literal

from torch import Tensor
from torch.export import ExportedProgram
from torch.fx import Node
from torch.nn import functional as F

from bench_core.errors import Unsupported, UsageError
from bench_core.fusion.tensors import held
from bench_core.quantization.affine import dequantize
from bench_core.quantization.awq import awq
from bench_core.quantization.gptq import gptq
from bench_core.quantization.graph.layers import Layer, left_float
from bench_core.quantization.graph.nbits import GRID, hold_nbits
from bench_core.quantization.input_statistics import InputStatistics
from bench_core.quantization.ptq import Quantised
from bench_core.quantization.quant_params import QuantParams
from bench_core.quantization.rtn import GROUP, rtn
from bench_core.quantization.steps.smooth import linear_readers, scale_value
from bench_core.quantization.target import X86
from bench_core.quantization.work import Work

Method = Literal["rtn", "gptq", "awq"]
Integers = dict[Layer, tuple[Tensor, QuantParams]]


def quantise_weights(
    model: ExportedProgram,
    method: Method,
    calibration: Iterable[tuple[Tensor, ...]] = (),
    *,
    group: int = GROUP,
) -> Quantised:
    """Every linear layer with a weight of its own, by groups along its inputs.

    Raises: Unsupported for a model without one; UsageError for gptq and awq without data.
    """
    batches = list(calibration)
    if method != "rtn" and not batches:
        raise UsageError(f"{method} looks at the layers' inputs: give calibration data")
    work = Work.begin(model, X86, batches)
    if not linear_readers(work):
        raise Unsupported("no linear layer to hold in 4 bits")
    if method == "awq":
        _scale_columns(work, group)
    found = _one_by_one(work, group) if method == "gptq" else _nearest(work, group)
    work.notes["group"] = group
    others = left_float(work.graph, {layer.node for layer in found})
    for layer, (q, params) in found.items():
        hold_nbits(work.graph, layer, q, params, held(work.graph, layer.weights[0]).shape[1])
    work.graph.graph.eliminate_dead_code()
    work.graph.recompile()
    return Quantised(work.graph, tuple(layer.name for layer in found), others, work.notes, work)


def _nearest(work: Work, group: int) -> Integers:
    return {
        layer: rtn(
            _whole_groups(held(work.graph, layer.weights[0]), group),
            GRID,
            group=group,
            symmetric=False,
        )
        for layers in linear_readers(work).values()
        for layer in layers
    }


def _one_by_one(work: Work, group: int) -> Integers:
    """GPTQ, layer after layer: each sees what the ones before it, in 4 bits, give it."""
    readers = linear_readers(work)
    found: Integers = {}
    values = work.values(quantised_weights=False)
    for node in values.steps():
        if node not in readers:
            continue
        first = held(work.graph, readers[node][0].weights[0])
        hessian = _statistics(values.run(node), first.shape[1]).hessian()
        missing = -first.shape[1] % group
        for layer in readers[node]:
            weight = _whole_groups(held(work.graph, layer.weights[0]), group)
            padded = F.pad(hessian, (0, missing, 0, missing))
            q, params = gptq(weight, padded, GRID, group=group, symmetric=False)
            values.instead[layer.weights[0]] = dequantize(q, params)[:, : first.shape[1]]
            found[layer] = q, params
    return found


def _scale_columns(work: Work, group: int) -> None:
    """AWQ: the layers that share an input share a scale; seen on the float model."""
    readers = linear_readers(work)
    seen: dict[Node, InputStatistics] = {}
    values = work.values(quantised_weights=False)
    for node in values.steps():
        if node in readers:
            channels = held(work.graph, readers[node][0].weights[0]).shape[1]
            seen[node] = _statistics(values.run(node), channels)
    alphas = []
    for value, layers in readers.items():
        weights = [_whole_groups(held(work.graph, layer.weights[0]), group) for layer in layers]
        missing = weights[0].shape[1] - len(seen[value].mean_magnitude())
        hessian = F.pad(seen[value].hessian(), (0, missing, 0, missing))
        magnitude = F.pad(seen[value].mean_magnitude(), (0, missing))
        found = awq(weights, hessian, magnitude, GRID, group=group, symmetric=False)
        scale_value(work, value, layers, found.scale[: len(found.scale) - missing])
        alphas.append(found.alpha)
    work.graph.recompile()
    work.notes["alphas"] = alphas


def _statistics(batches: list[Tensor], channels: int) -> InputStatistics:
    statistics = InputStatistics(channels)
    for batch in batches:
        statistics.see(batch)
    return statistics


def _whole_groups(weight: Tensor, group: int) -> Tensor:
    """Columns of zeros appended, as MatMulNBits does: they move no range, and stay 0."""
    return F.pad(weight, (0, -weight.shape[1] % group))
