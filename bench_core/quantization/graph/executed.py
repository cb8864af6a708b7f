"""What a runtime's integers are, beside the simulation's: at every QuantizeLinear of the file."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper
from torch import Tensor
from torch.fx import GraphModule

from bench_core.quantization.graph.operators import QUANTIZE_DEQUANTIZE
from bench_core.quantization.graph.values import Values


@dataclass(frozen=True)
class Steps:
    """At one quantised value, how many integer steps executed and simulated lie apart.

    equal: the share of elements that are the same.
    """

    value: str
    equal: float
    most: int


@dataclass(frozen=True)
class Comparison:
    """Steps at every quantised value, in the order in which they are computed.

    same_graph: the optimised graph has the operators that it has without looking, but for the
        transposes that turn an output's channels round; else these are another graph's steps.
    """

    steps: tuple[Steps, ...]
    same_graph: bool


def compare(graph: GraphModule, path: Path, batches: Sequence[tuple[Tensor, ...]]) -> Comparison:
    """Run the simulation and the file that it was lowered to, on ONNX Runtime's CPU provider.

    Only integers are made outputs: a float one in the middle would keep its neighbours from
    being fused.
    Raises: ValueError if the file has not the simulation's quantised values.
    """
    simulated = _simulated(graph, batches)
    model = onnx.load(path)
    outputs = _expose(model, [value.scale for value in simulated])
    with tempfile.TemporaryDirectory() as scratch:
        exposed = Path(scratch) / "exposed.onnx"
        onnx.save(model, exposed)
        plain, _ = _optimised(path, Path(scratch) / "plain.onnx")
        looked_into, session = _optimised(exposed, Path(scratch) / "optimised.onnx")
        names = [value.name for value in session.get_inputs()]
        executed = []
        for batch in batches:
            feed = {name: part.numpy() for name, part in zip(names, batch, strict=True)}
            executed.append(session.run(outputs, feed))
    steps = [
        _steps(value, found)
        for value, found in zip(simulated, zip(*executed, strict=True), strict=True)
    ]
    return Comparison(tuple(steps), plain == looked_into)


@dataclass(frozen=True, eq=False)
class _Simulated:
    """A quantised value's integers, a tensor for each batch."""

    name: str
    scale: float
    integers: list[Tensor]


def _simulated(graph: GraphModule, batches: Sequence[tuple[Tensor, ...]]) -> list[_Simulated]:
    """In the order in which they are computed."""
    values, found = Values(graph, batches), list[_Simulated]()
    for node in values.steps():
        if node.target is QUANTIZE_DEQUANTIZE:
            value, *given = node.args[:3]
            scale, zero_point = (values.of(arg)[0] for arg in given)  # type: ignore[arg-type]
            integers = [
                (part / scale).round().int() + zero_point.int() for part in values.run(node)
            ]
            found.append(_Simulated(str(value), float(scale), integers))
    return found


def _expose(model: onnx.ModelProto, scales: list[float]) -> list[str]:
    """Make the outputs of its QuantizeLinear nodes the graph's; their names, in order.

    The exporter keeps the order of the simulation.
    """
    nodes = [node for node in model.graph.node if node.op_type == "QuantizeLinear"]
    held = {tensor.name: tensor for tensor in model.graph.initializer}
    found = [float(numpy_helper.to_array(held[node.input[1]])) for node in nodes]
    if found != scales:
        raise ValueError(
            f"expected a file that quantises {len(scales)} values by the simulation's scales, "
            f"found {len(found)} or other scales; lower the simulation again"
        )
    outputs = [node.output[0] for node in nodes]
    model.graph.output.extend(onnx.ValueInfoProto(name=name) for name in outputs)
    return outputs


def _optimised(path: Path, written: Path) -> tuple[Counter[str], onnxruntime.InferenceSession]:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(written)
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # 2 warns that the file suits this CPU only
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    counted = Counter(node.op_type for node in onnx.load(written).graph.node)
    del counted["Transpose"]
    return counted, session


def _steps(value: _Simulated, executed: Sequence[np.ndarray]) -> Steps:
    apart = np.concatenate(
        [
            np.abs(one.numpy().astype(np.int64) - other.astype(np.int64)).ravel()
            for one, other in zip(value.integers, executed, strict=True)
        ]
    )
    return Steps(value.name, float((apart == 0).mean()), int(apart.max(initial=0)))
