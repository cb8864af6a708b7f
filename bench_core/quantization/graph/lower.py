"""A simulated graph as an ONNX file with Q/DQ, which every runtime executes as the same int8."""

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor
from torch.fx import GraphModule

from bench_core.errors import Unsupported
from bench_core.quantization.graph.attention import attention_translations
from bench_core.quantization.graph.nbits import nbits_translations
from bench_core.quantization.graph.operators import QUANTIZE_DEQUANTIZE, onnx_translations

OPSET = 20
"""From 21 on QuantizeLinear has an `output_dtype`, which ONNX Runtime 1.31 gets wrong where it
moves a signed one through a Reshape: "output_dtype INT8 does not match y_zero_point type UINT8"."""


def lower(
    graph: GraphModule,
    example: Sequence[Tensor],
    path: Path,
    *,
    input_names: Sequence[str],
    output_name: str,
    dynamic_axes: Mapping[str, Mapping[int, str]],
) -> None:
    """Write `graph` to `path`.

    example: inputs of sizes above 1 along axes that are to stay free.
    Raises: Unsupported for a grid that ONNX's integers do not fill: QuantizeLinear saturates
        at its type's limits only.
    """
    for node in graph.graph.find_nodes(op="call_function", target=QUANTIZE_DEQUANTIZE):
        bits = node.args[3]
        if bits != 8:
            raise Unsupported(
                f"activations of {bits} bits can only be simulated: QuantizeLinear has 8 at "
                f"opset {OPSET}"
            )
    free = tuple(dict(dynamic_axes.get(name, {})) for name in input_names)
    with torch.no_grad(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "# The axis name", UserWarning)
        warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)`", FutureWarning)
        torch.onnx.export(
            graph,
            tuple(example),
            str(path),
            input_names=list(input_names),
            # An inner value may have the name already; inner names have no dot.
            output_names=[f"{output_name}.output"],
            dynamo=True,
            dynamic_shapes=free,
            opset_version=OPSET,
            external_data=False,
            verbose=False,
            custom_translation_table={
                **onnx_translations(),
                **nbits_translations(),
                **attention_translations(),
            },
        )
