"""Where u8 × s8 kernels would saturate on a CPU without VNNI.

There, `vpmaddubsw` adds two neighbouring products in int16: 2 · 255 · 127 does not fit. With
weights of 7 bits, 2 · 255 · 63 does.
Source: Intel Intrinsics Guide, _mm256_maddubs_epi16.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from bench_core.quantization.affine import quantize
from bench_core.quantization.graph.convolution import convolution_of, is_matrix_product, items
from bench_core.quantization.patches import matrix, patches
from bench_core.quantization.work import Work

INT16_MAX = 2**15 - 1
POSITIONS = 512
"""Of each layer's outputs, sampled."""


@dataclass(frozen=True)
class Saturation:
    """most: the largest pair sum, in magnitude. share: of the pairs, those beyond int16."""

    layer: str
    most: int
    share: float


def predict(work: Work) -> list[Saturation]:
    """For each layer with weights whose activations are u8, on the calibration data.

    Pairs are neighbours along the input channels and the kernel's taps, as the weight lies in
    memory; a kernel that packs them otherwise saturates as often, elsewhere.
    """
    found: list[Saturation] = []
    if work.target.activations.signed:
        return found
    placement = work.placement
    layers = {layer.node: layer for layer in placement.layers if is_matrix_product(layer)}
    values = work.values(quantised_weights=True)
    for node in values.steps():
        if node not in layers:
            continue
        layer = layers[node]
        inputs, outputs = items(layer, values.of(layer.inputs[0]), values.run(node))
        integers = work.weights[layer.weights[0]]
        moved = convolution_of(layer)
        generator = torch.Generator().manual_seed(0)
        x, _ = patches(inputs, outputs, integers.q, moved).sample(
            torch.arange(len(inputs)), POSITIONS, generator
        )
        q = quantize(x, work.activations[placement.values[layer.inputs[0]]])
        found.append(_pairs(layer.name, q.int(), matrix(integers.q, moved).int()))
    return found


def _pairs(name: str, x: Tensor, weight: Tensor) -> Saturation:
    """X [groups, positions, k], weight [groups, out, k]."""
    if x.shape[2] % 2:
        x, weight = (torch.nn.functional.pad(side, (0, 1)) for side in (x, weight))
    most, beyond, pairs = 0, 0, 0
    for rows in torch.split(x, 64, dim=1):  # 64 × 1536 outputs × 192 pairs are 75 MB
        first = rows[:, :, None, 0::2] * weight[:, None, :, 0::2]
        sums = first + rows[:, :, None, 1::2] * weight[:, None, :, 1::2]
        most = max(most, int(sums.abs().max()))
        beyond += int((sums.abs() > INT16_MAX).sum())
        pairs += sums.numel()
    return Saturation(name, most, beyond / pairs)
