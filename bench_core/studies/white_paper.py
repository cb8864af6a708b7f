"""`bench white-paper`: what each step of post-training quantisation buys, where it is needed.

digits_cnn_relu, whose channel ranges are first driven apart: each channel between two layers is
multiplied by a power of two on one side of the ReLU and divided by it on the other. Powers of two
make that exact, to the bit: the float net computes what it did, and per-tensor scales do not fit
its weights any more.

Source: Nagel et al. 2021, arXiv:2106.08295, §3 and table 4.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.export import Dim, ExportedProgram

from bench_core import discover
from bench_core.analysis.paired import tango
from bench_core.models import digits
from bench_core.quantization.affine import Grid
from bench_core.quantization.graph.linear import pairs, read, write
from bench_core.quantization.ptq import quantise
from bench_core.quantization.recipe import PLAIN, Recipe
from bench_core.quantization.target import X86
from bench_core.quantization.work import Work
from bench_core.record import Interval

MODEL = "digits_cnn_relu"
GREATEST_EXPONENT = 5
"""Channels are moved by 2⁻⁵ to 2⁵: ranges up to 1,024 times apart, as between channels of
MobileNetV2 (arXiv:1906.04721, figure 2)."""
RESAMPLES = 2000
CALIBRATION = 512


@dataclass(frozen=True)
class Case:
    """bits: of the weights; activations have 8."""

    name: str
    recipe: Recipe
    bits: int = 8
    per_channel: bool = False
    apart: bool = True


@dataclass(frozen=True)
class Row:
    """sqnr_db: against the float net, bootstrapped over the held-out images.

    accuracy: the share of them that is right. change: of it against the float net, paired.
    """

    case: Case
    sqnr_db: Interval
    accuracy: float
    change: Interval


_EQUALISED = replace(PLAIN, equalise=True)
_CORRECTED = replace(_EQUALISED, correct_biases=True)
_MSE = replace(_EQUALISED, weight_ranges="mse", activation_ranges="mse")
_LEARNT = replace(_MSE, rounding="adaround")

CASES = (
    Case("min-max ranges, as trained", PLAIN, apart=False),
    Case("min-max ranges", PLAIN),
    Case("… layers equalised", _EQUALISED),
    Case("… and biases corrected", _CORRECTED),
    Case("min-max ranges", PLAIN, per_channel=True),
    Case("… and layers equalised", _EQUALISED, per_channel=True),
    Case("equalised, MSE ranges, nearest rounding", _MSE, bits=4),
    Case("… biases corrected", replace(_MSE, correct_biases=True), bits=4),
    Case("… AdaRound instead", _LEARNT, bits=4),
    Case("equalised, MSE ranges, nearest rounding", _MSE, bits=4, per_channel=True),
    Case("… norms re-estimated", replace(_MSE, reestimate_norms=True), bits=4, per_channel=True),
    Case("… AdaRound instead", _LEARNT, bits=4, per_channel=True),
)


def study() -> Iterator[Row]:
    """One row after the other, each some seconds."""
    (trained, _), (held_out, expected) = digits.split()
    data = [(torch.from_numpy(part),) for part in np.split(trained[:CALIBRATION], 8)]
    images = torch.from_numpy(held_out)
    program = _program()
    y = _run(Work.begin(program, X86, data).graph, images)
    for case in CASES:
        target = replace(X86, weights=Grid(case.bits, narrow=True), per_channel=case.per_channel)
        work = Work.begin(program, target, data)
        if case.apart:
            drive_apart(work)
        if not torch.equal(y, _run(work.graph, images)):
            raise ArithmeticError("the net with its channels driven apart should compute the same")
        yield _row(case, y, _run(quantise(work, case.recipe).graph, images), expected)


def drive_apart(work: Work, seed: int = 0) -> int:
    """Multiply each channel between two layers by a power of two, exactly; how many pairs."""
    graph, generator = work.graph, torch.Generator().manual_seed(seed)
    found = pairs(graph)
    for pair in found:
        first, second = read(graph, pair.first), read(graph, pair.second)
        exponents = torch.randint(
            -GREATEST_EXPONENT, GREATEST_EXPONENT + 1, (first.out_channels,), generator=generator
        )
        factors = torch.exp2(exponents.float())
        write(graph, pair.first, first.times_out(factors))
        write(graph, pair.second, second.times_in(1 / factors))
        work.known[pair.first.name] = work.known[pair.first.name].divided(1 / factors)
    graph.recompile()
    return len(found)


def _program() -> ExportedProgram:
    model = discover.models()[MODEL]
    example = tuple(torch.from_numpy(part) for part in model.inputs(digits.SIDE_PX, 2, 0, False))
    with torch.no_grad():
        module = model.build().eval()
        return torch.export.export(module, example, dynamic_shapes=({0: Dim.AUTO},))


def _run(graph: torch.nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        y: Tensor = graph(images)
        return y


def _row(case: Case, y: Tensor, y_hat: Tensor, expected: np.ndarray) -> Row:
    right, right_hat = ((part.argmax(1).numpy() == expected) for part in (y, y_hat))
    change = tango(int((right_hat & ~right).sum()), int((right & ~right_hat).sum()), len(expected))
    return Row(case, _sqnr_db(y, y_hat), float(right_hat.mean()), change)


def _sqnr_db(y: Tensor, y_hat: Tensor) -> Interval:
    """95 %, by the bootstrap's percentiles: images are drawn, with what they bring of both sums."""
    signal = y.double().square().sum(1).numpy()
    noise = (y.double() - y_hat.double()).square().sum(1).numpy()
    draws = np.random.default_rng(0).integers(0, len(signal), (RESAMPLES, len(signal)))
    found = 10 * np.log10(signal[draws].sum(1) / noise[draws].sum(1))
    low, high = np.quantile(found, [0.025, 0.975])
    return Interval(float(10 * np.log10(signal.sum() / noise.sum())), float(low), float(high))
