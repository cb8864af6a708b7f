"""The mean error that quantised weights make in each output channel, taken out of the bias."""

import math
from dataclasses import replace

import torch
from torch import Tensor

from bench_core.fusion.linear_layer import LinearLayer, bias_of
from bench_core.quantization.clip import Clip
from bench_core.quantization.pre_activation import PreActivation


def empirical(float_mean: Tensor, quantised_mean: Tensor, bias: Tensor | None) -> Tensor:
    """The float layer's mean outputs for the quantised one, on the same data.

    b' = b − (E[ỹ] − E[y])

    The layers before it must be corrected first: their error is in E[ỹ] too.
    Shapes: means over batch and positions, and the bias, or None for 0: [out] → [out].
    Source: Nagel et al. 2019, arXiv:1906.04721, appendix D.
    """
    error = quantised_mean - float_mean
    return -error if bias is None else bias - error


def analytic(
    layer: LinearLayer,
    quantised_weight: Tensor,
    input_mean: Tensor,
    coverage: Tensor | None = None,
) -> Tensor:
    """The float layer's mean outputs for the quantised one, without data.

    b' = b − E[ε x] = b − ε E[x], ε = W̃ − W summed over the kernel's taps

    quantised_weight: W̃ as floats, quantised and back.
    input_mean: E[x] of each input channel, [in], such as `clipped_mean` of the layer before.
    coverage: [*kernel], where padding or transposition keeps some taps from an input at some
    positions; without it each tap counts at all of them, as in the paper.
    Shapes: → [out].
    Raises: ValueError without coverage for a transposed kernel.
    Source: Nagel et al. 2019, arXiv:1906.04721, §4.2.1 and appendix B.
    """
    error = replace(layer, weight=quantised_weight - layer.weight)
    return bias_of(layer) - error.mean_output(input_mean, coverage)


def clipped_mean(pre: PreActivation, activation: Clip) -> Tensor:
    """E[clip(x; a, b)] of a normal x, in closed form.

    clip(x; a, b) = x + max(a − x, 0) − max(x − b, 0), and E[max(d, 0)] of a normal d of mean m
    and deviation σ is m · Φ(m / σ) + σ · φ(m / σ).
    Shapes: → [out].
    Source: Nagel et al. 2019, arXiv:1906.04721, §4.2.1 and appendix C.
    """
    low, high = activation.low, activation.high
    below = _rectified_mean(low - pre.mean, pre.std)
    above = _rectified_mean(pre.mean - high, pre.std)
    # Far outside the bounds it is a difference of large numbers, which rounding can leave there.
    return torch.clamp(pre.mean + below - above, low, high)


def _rectified_mean(mean: Tensor, std: Tensor) -> Tensor:
    limits = torch.finfo(mean.dtype)
    # A bound at infinity is a mean of −∞, and −∞ · Φ(−∞) = NaN; a constant has no deviation.
    mean = mean.clamp(min=limits.min)
    t = mean / std.clamp(min=limits.tiny)
    density = torch.exp(-t.square() / 2) / math.sqrt(2 * math.pi)
    share: Tensor = torch.special.ndtr(t)
    return mean * share + std * density
