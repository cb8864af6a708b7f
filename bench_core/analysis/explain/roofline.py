"""How far a mode is from what this machine allows: the roofline of each layer."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

ITEM_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2, "int8": 1}


@dataclass(frozen=True)
class Layer:
    """What a layer computes and, in float32, moves in one call: inputs, outputs and weights."""

    name: str
    flops: float
    n_bytes: float


@dataclass(frozen=True)
class Ceiling:
    """The most that this machine does a second in a dtype, measured."""

    dtype: str
    flops_per_s: float
    bytes_per_s: float


@dataclass(frozen=True)
class Roofline:
    """A model's layers, and the ceilings of modes A and B: None where the peak is not known."""

    layers: tuple[Layer, ...]
    a: Ceiling | None
    b: Ceiling | None


def bounds_s(layer: Layer, ceiling: Ceiling) -> tuple[float, float]:
    """The least seconds that its arithmetic takes, and that its bytes take, all in that dtype."""
    share = ITEM_BYTES[ceiling.dtype] / ITEM_BYTES["float32"]
    return layer.flops / ceiling.flops_per_s, share * layer.n_bytes / ceiling.bytes_per_s


def least_s(layers: Sequence[Layer], ceiling: Ceiling) -> float:
    """Σ max(operations / peak, bytes / bandwidth) over the layers.

    Layers that are fused, and tensors that stay in a cache, can beat the bytes' part of it.
    Source: Williams, Waterman & Patterson 2009, "Roofline", CACM 52(4):65.
    """
    return math.fsum(max(bounds_s(layer, ceiling)) for layer in layers)
