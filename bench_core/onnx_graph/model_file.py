"""From an .onnx file to what the passes work on, and back; weights of any size."""

from pathlib import Path

import onnx
import onnx_ir as ir
from onnx_ir.passes.common import RemoveInitializersFromInputsPass

from bench_core.errors import Unsupported
from bench_core.onnx_graph.rewire import nodes


def read(path: Path) -> ir.Model:
    """The model, whose external weights stay on disk until somebody looks at them.

    A file of IR version 3 lists its initialisers among its inputs, where ONNX Runtime takes them
    for constants all the same: it becomes one of version 4, which says so.
    Raises: Unsupported for what onnx_ir cannot hold, and would lose.
    """
    model: ir.Model = ir.from_proto(onnx.load(path, load_external_data=False))
    ir.external_data.set_base_dir(model.graph, path.parent)
    if "ai.onnx" in model.opset_imports:  # which is the same domain
        model.opset_imports[""] = model.opset_imports.pop("ai.onnx")
    if model.ir_version < 4:
        RemoveInitializersFromInputsPass()(model)
        model.ir_version = 4
    for graph in model.graphs():
        for value in graph.outputs:
            if value.producer() is None and not _declared(value):
                raise Unsupported(
                    f"{path.name}: expected output {value.name!r} of graph {graph.name!r} to be "
                    "made in it, found no node that does; put an Identity in between"
                )
    for node in nodes(model):
        for read_value in node.inputs:
            if read_value is not None and read_value.graph is None:
                raise Unsupported(
                    f"{path.name}: {node.op_type} {node.name!r} reads {read_value.name!r}, which "
                    "nothing makes; a sparse initialiser would have to be made dense"
                )
    return model


def write(model: ir.Model, path: Path, *, inline_bytes: int) -> None:
    """Write the model; weights of more than `inline_bytes` together into a file beside it.

    Where they come from a file, they are copied from there to here, never all in memory.
    """
    weights = [
        value.const_value
        for graph in model.graphs()
        for value in graph.initializers.values()
        if value.const_value is not None
    ]
    if sum(tensor.nbytes for tensor in weights) > inline_bytes:
        ir.save(model, path, external_data=f"{path.name}.data")
    else:
        ir.save(ir.external_data.load_to_model(model), path)


def _declared(value: ir.Value) -> bool:
    return value.is_graph_input() or value.is_initializer()
