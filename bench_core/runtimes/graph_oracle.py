"""What is right for a graph that comes without its module: its own unoptimised float32 run.

Float64 is out of reach there (ONNX Runtime lacks double kernels for many operators), so how far
float32 itself may be off is found by experiment: the graph is run once more with every weight and
float input moved by a random rounding. The change is what one rounding of each causes.
Source: the random-perturbation method of CESTAC (Vignes 1993, doi:10.1016/0378-4754(93)90003-D).
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.runner import Inputs
from bench_core.runtimes.onnxruntime_session import make_feed, open_session

if TYPE_CHECKING:
    import onnx

NAME = "unoptimised float32"
HALF_ULP = float(np.finfo(np.float32).eps) / 2


def run(
    path: Path, names: tuple[str, ...], batches: list[Inputs], threads: int
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """The outputs for each of `batches`, and those of the perturbed graph, as float64."""
    session = open_session(path, "ORT_DISABLE_ALL", threads)
    exact = _outputs(session, names, batches)
    rng = np.random.default_rng(0)
    moved = [tuple(_moved(array, rng) for array in inputs) for inputs in batches]
    session = open_session(_moved_graph(path, rng), "ORT_DISABLE_ALL", threads)
    return exact, _outputs(session, names, moved)


def _outputs(session: Any, names: tuple[str, ...], batches: list[Inputs]) -> list[np.ndarray]:
    feed = make_feed(session, names)
    found = [array for inputs in batches for array in session.run(None, feed(inputs))]
    return [np.asarray(array, np.float64) for array in found]


def _moved(array: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Each float32 by at most half a unit in its last place."""
    if array.dtype != np.float32:
        return array
    change = rng.uniform(-HALF_ULP, HALF_ULP, array.shape)
    return (array * (1 + 2 * change)).astype(np.float32)


def _moved_graph(path: Path, rng: np.random.Generator) -> bytes:
    import onnx

    model = onnx.load(path)
    constants = [
        attribute.t
        for node in model.graph.node
        if node.op_type == "Constant"
        for attribute in node.attribute
        if attribute.name == "value"
    ]
    for tensor in (*model.graph.initializer, *constants):
        _move(tensor, rng)
    content: bytes = model.SerializeToString()
    return content


def _move(tensor: "onnx.TensorProto", rng: np.random.Generator) -> None:
    import onnx

    if tensor.data_type == onnx.TensorProto.FLOAT:
        moved = _moved(onnx.numpy_helper.to_array(tensor), rng)
        tensor.CopyFrom(onnx.numpy_helper.from_array(moved, tensor.name))
