"""What a runtime's int8 kernels take: which grids, and how finely."""

from dataclasses import dataclass

from bench_core.quantization.affine import Grid


@dataclass(frozen=True)
class Target:
    """A profile of what can be executed.

    symmetric: activations have the grid's middle as their zero point. Weights always have.
    per_channel: a scale for each channel that a weight puts out.
    integer_bias: biases are int32 at the product of the input's and the weights' scales.
    """

    name: str
    activations: Grid
    weights: Grid
    symmetric: bool = False
    per_channel: bool = True
    integer_bias: bool = True


X86 = Target("x86", Grid(8, signed=False), Grid(8, narrow=True))
"""u8 × s8, as ONNX Runtime's and oneDNN's kernels multiply on x86."""

X86_REDUCED = Target("x86_reduced", Grid(8, signed=False), Grid(7, narrow=True))
"""Weights of 7 bits: a pair of products then fits int16, which CPUs without VNNI add in."""

TENSORRT = Target("tensorrt", Grid(8), Grid(8, narrow=True), symmetric=True, integer_bias=False)
"""s8 × s8 with zero points of 0, and float biases: TensorRT refuses any other."""

TARGETS = {target.name: target for target in (X86, X86_REDUCED, TENSORRT)}
