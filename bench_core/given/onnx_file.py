"""FILE.onnx — a graph of the user's. There is no module: ONNX modes alone can run it."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.errors import Unsupported, UsageError
from bench_core.model import Model
from bench_core.runner import Inputs
from bench_core.runtimes.onnx_file import external_files
from bench_core.runtimes.onnxruntime_session import open_session

if TYPE_CHECKING:
    import onnx

LENGTHS = (16, 32, 64, 128)
INT_VALUES = 2
"""Integers whose range the graph does not show are 0 or 1: masks, flags, token types."""


def model(path: Path) -> Model:
    """The graph as a Model. A free first axis is the batch; every other free one, the length.

    Raises: UsageError if it is no ONNX file, or ONNX Runtime cannot load it.
    """
    loaded = _checked(path)
    graph = loaded.graph
    initial = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in initial]
    shapes = {value.name: _shape(value) for value in inputs}
    free = any(None in shape[1:] for shape in shapes.values())
    batches = {shape[0] for shape in shapes.values() if shape}
    external = external_files(path, loaded)
    return Model(
        name=path.stem,
        summary=f"{len(graph.node)} nodes of {path.name}",
        length_axis="(every free axis)" if free else "(no free axis)",
        lengths=LENGTHS if free else (1,),
        input_names=tuple(shapes),
        output_name=graph.output[0].name,
        dynamic_axes={
            name: {axis: _meaning(axis) for axis, size in enumerate(shape) if size is None}
            for name, shape in shapes.items()
        },
        build=partial(_no_module, path),
        inputs=partial(_inputs, [_maker(value, graph) for value in inputs]),
        files=lambda: (path, *external),
        bound="compute",
        weights="given",
        licence="the user's own",
        source=str(path),
        reference="ort_disabled_online",
        onnx=path,
        fixed_batch=next((size for size in batches if size is not None), None),
    )


def _checked(path: Path) -> "onnx.ModelProto":
    """Raises: UsageError, in one line."""
    import onnx
    import onnxruntime

    try:
        onnx.checker.check_model(path)
        found = onnx.load(path, load_external_data=False)
        open_session(path, "ORT_DISABLE_ALL", threads=1)
    except Exception as error:  # noqa: BLE001  (protobuf's and ONNX Runtime's share no base)
        said = " ".join(str(error).split())
        raise UsageError(
            f"{path}: expected an ONNX graph that ONNX Runtime {onnxruntime.__version__} loads; "
            f"{said}"
        ) from None
    return found


def _shape(value: "onnx.ValueInfoProto") -> list[int | None]:
    return [
        size.dim_value if size.HasField("dim_value") else None
        for size in value.type.tensor_type.shape.dim
    ]


def _meaning(axis: int) -> str:
    return "batch" if axis == 0 else "length"


def _no_module(path: Path) -> Any:
    raise Unsupported(f"{path.name} is a graph without a PyTorch module; ONNX modes alone run it")


def _maker(value: "onnx.ValueInfoProto", graph: "onnx.GraphProto") -> dict[str, Any]:
    """What `_inputs` needs to make one input: shape, dtype, and the largest integer."""
    import onnx

    kind = value.type.tensor_type.elem_type
    if kind == onnx.TensorProto.UNDEFINED or not value.type.HasField("tensor_type"):
        raise UsageError(f"input {value.name!r} is no tensor; there is no input to make for it")
    dtype = np.dtype(onnx.helper.tensor_dtype_to_np_dtype(kind))
    if dtype.kind not in "fiub":
        raise UsageError(f"input {value.name!r} holds {dtype}; numbers and booleans can be made")
    rows = {tensor.name: tensor.dims[0] for tensor in graph.initializer if tensor.dims}
    tables = [
        rows[node.input[0]]
        for node in graph.node
        if node.op_type == "Gather" and value.name in node.input[1:] and node.input[0] in rows
    ]
    mask = "mask" in value.name
    return {
        "shape": _shape(value),
        "dtype": dtype,
        "values": min(tables, default=INT_VALUES),
        "mask": mask,
    }


def _inputs(
    makers: list[dict[str, Any]], length: int, batch: int, seed: int, padded: bool
) -> Inputs:
    """Normal floats; integers below the table that they look up; masks of ones, then padding."""
    rng = np.random.default_rng(seed)
    found = []
    for maker in makers:
        sizes = (batch, *[length] * len(maker["shape"]))
        shape = [size or sizes[min(axis, 1)] for axis, size in enumerate(maker["shape"])]
        if maker["mask"]:
            array: np.ndarray = np.ones(shape)
            if padded and len(shape) > 1 and shape[-1] > 1:
                array[..., -(shape[-1] // 2) :] = 0
        elif maker["dtype"].kind == "f":
            array = rng.standard_normal(shape)
        else:
            array = rng.integers(maker["values"], size=shape)
        found.append(array.astype(maker["dtype"]))
    return tuple(found)
