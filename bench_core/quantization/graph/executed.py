"""What a runtime's integers are, beside the simulation's: at every QuantizeLinear of the file."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor
from torch.fx import GraphModule, Node

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
    """same_graph: the optimised graph has, but for outputs, the operators that it has without
    looking; else the steps are those of another graph than the one that is run."""

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
    outputs = _expose(model, simulated)
    with tempfile.TemporaryDirectory() as scratch:
        exposed = Path(scratch) / "exposed.onnx"
        onnx.save(model, exposed)
        plain, _ = _optimised(path, Path(scratch) / "plain.onnx")
        looked_into, session = _optimised(exposed, Path(scratch) / "optimised.onnx")
        names = [value.name for value in session.get_inputs()]
        found: dict[str, list[np.ndarray]] = {name: [] for name in outputs}
        for batch in batches:
            feed = {name: part.numpy() for name, part in zip(names, batch, strict=True)}
            for name, array in zip(outputs, session.run(list(outputs.values()), feed), strict=True):
                found[name].append(array)
    steps = tuple(_steps(name, simulated[name], found[name]) for name in outputs)
    return Comparison(steps, plain == looked_into)


def _simulated(graph: GraphModule, batches: Sequence[tuple[Tensor, ...]]) -> dict[str, list[Tensor]]:
    """The integers of each quantised value, by the name of its scale."""
    target = torch.ops.bench_core.quantize_dequantize.default
    values, found = Values(graph, batches), dict[str, list[Tensor]]()
    for node in values.steps():
        if node.target is target:
            scale, zero_point = (values.of(arg)[0] for arg in node.args[1:3])  # type: ignore[arg-type]
            found[_name(node)] = [
                (part / scale).round().int() + zero_point.int() for part in values.run(node)
            ]
    return found


def _name(node: Node) -> str:
    return str(node.args[1].target)  # type: ignore[union-attr]


def _expose(model: onnx.ModelProto, simulated: dict[str, list[Tensor]]) -> dict[str, str]:
    """Make the outputs of its QuantizeLinear nodes the graph's; the outputs by scale."""
    outputs = {}
    for node in model.graph.node:
        if node.op_type == "QuantizeLinear":
            model.graph.output.append(onnx.ValueInfoProto(name=node.output[0]))
            outputs[node.input[1]] = node.output[0]
    if missing := simulated.keys() ^ outputs.keys():
        raise ValueError(
            f"expected the file to quantise what the simulation does, found a difference in "
            f"{', '.join(sorted(missing))}; lower the simulation again"
        )
    return outputs


def _optimised(path: Path, written: Path) -> tuple[Counter[str], onnxruntime.InferenceSession]:
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(written)
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # 2 warns that the file suits this CPU only
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return Counter(node.op_type for node in onnx.load(written).graph.node), session


def _steps(name: str, simulated: list[Tensor], executed: list[np.ndarray]) -> Steps:
    apart = np.concatenate(
        [
            np.abs(one.numpy().astype(np.int64) - other.astype(np.int64)).ravel()
            for one, other in zip(simulated, executed, strict=True)
        ]
    )
    value = name.removesuffix("_scale")
    return Steps(value, float((apart == 0).mean()), int(apart.max(initial=0)))
