"""A torch module as an ONNX file with dynamic batch and length, by either exporter."""

import copy
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bench_core.errors import Unsupported
from bench_core.model import Model
from bench_core.runner import Inputs
from bench_core.runtimes.torch_module import feed

if TYPE_CHECKING:
    import onnx
    from torch import nn

Exporter = Literal["dynamo", "torchscript"]
EXPORTERS: tuple[Exporter, ...] = ("dynamo", "torchscript")

NOISE = (
    ("You are using the legacy TorchScript-based ONNX export", DeprecationWarning),
    ("The feature will be removed", DeprecationWarning),
    (r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning),
    ("Exporting aten::index operator of advanced indexing", UserWarning),
    # Two inputs share an axis by name, which is what we ask for.
    ("# The axis name", UserWarning),
)


def export(model: Model, module: "nn.Module", example: Inputs, path: Path, by: Exporter) -> None:
    """Write `module`, in eval mode, to `path`.

    It works on a copy: exporters leave train/eval flags and hooks behind. `example` needs a
    batch of at least 2, since torch.export takes a 1 for a constant.
    Raises: Unsupported if an axis that should be dynamic came out fixed; whatever the
        exporter raises.
    """
    import torch

    evaluating = copy.deepcopy(module).eval()
    dynamic = {name: dict(model.dynamic_axes.get(name, {})) for name in model.input_names}
    output = model.output_name
    if by == "dynamo":
        shapes: dict[str, Any] = {"dynamic_shapes": tuple(dynamic.values())}
        # It gives the output a name that an inner value may have already (minilm's
        # "embedding" did) and writes an invalid file; inner names have no dot.
        output = f"{output}.output"
    else:
        shapes = {"dynamic_axes": {name: dict(axes) for name, axes in model.dynamic_axes.items()}}
    with torch.no_grad(), warnings.catch_warnings():
        for message, category in NOISE:
            warnings.filterwarnings("ignore", message, category)
        # Which Python values became constants: the oracle decides whether one mattered.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        torch.onnx.export(
            evaluating,
            feed(example),
            path,
            input_names=list(model.input_names),
            output_names=[output],
            dynamo=by == "dynamo",
            external_data=False,
            verbose=False,
            **shapes,
        )
    _check_dynamic(path, dynamic)


def operators(path: Path) -> Counter[str]:
    """How often each operator occurs in the file, as domain.name; standard ones bare.

    Constants are left out: ONNX Runtime turns them into initialisers at every level.
    """
    graph = _load(path).graph
    domains = {"": "", "ai.onnx": "", "com.microsoft": ""}
    return Counter(
        domains.get(node.domain, f"{node.domain.removeprefix('com.microsoft.')}.") + node.op_type
        for node in graph.node
        if node.op_type != "Constant"
    )


def _check_dynamic(path: Path, dynamic: dict[str, dict[int, str]]) -> None:
    for value in _load(path).graph.input:
        dims = value.type.tensor_type.shape.dim
        for axis, meaning in dynamic.get(value.name, {}).items():
            if not dims[axis].dim_param:
                raise Unsupported(
                    f"the exporter fixed axis {axis} ({meaning}) of {value.name} "
                    f"to {dims[axis].dim_value}; it should be dynamic"
                )


def _load(path: Path) -> "onnx.ModelProto":
    import onnx

    return onnx.load(path, load_external_data=False)
