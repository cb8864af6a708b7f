"""One node, run by ONNX Runtime."""

import numpy as np
import onnx
import onnxruntime

SILENT = 4  # ORT's severity scale: what a kernel says of inputs that it refuses is not an error


def run(
    node: onnx.NodeProto,
    feeds: dict[str, np.ndarray],
    types: dict[str, onnx.TypeProto],
    version: int,
) -> list[np.ndarray] | None:
    """What the node makes of these inputs, in order; None where there is no kernel for them.

    By ONNX Runtime, and not by onnx's reference evaluator, in which BatchNormalization of opsets
    9 to 13 takes the batch's own statistics (onnx 1.23).
    """
    inputs = [
        onnx.helper.make_tensor_value_info(
            name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype), array.shape
        )
        for name, array in feeds.items()
    ]
    outputs = [onnx.helper.make_value_info(name, types[name]) for name in node.output if name]
    graph = onnx.helper.make_graph([node], "one_node", inputs, outputs)
    model = onnx.helper.make_model(
        graph, opset_imports=[onnx.helper.make_opsetid("", version)], ir_version=8
    )
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = SILENT
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        arrays: list[np.ndarray] = session.run(None, feeds)
    except Exception:  # noqa: BLE001  (its errors share no base)
        return None
    return [np.asarray(array) for array in arrays]
