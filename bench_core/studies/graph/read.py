"""What an .onnx file says of its nodes, for a picture."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

from bench_core.analysis.graph.boxes import Node
from bench_core.errors import UsageError
from bench_core.runtimes.onnx_file import STANDARD, load

if TYPE_CHECKING:
    import onnx

NUMBERED = re.compile(r"\d$")
"""How a layer ends that is one of several: encoder.layer.3."""


def graph_of(path: Path) -> "onnx.ModelProto":
    """The file, without its external data.

    Raises: UsageError, in one line, where there is none or it holds no nodes.
    """
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        raise UsageError(f"expected an .onnx file at {path}, found {found} there")
    try:
        model = load(path)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001  (protobuf's errors are those of its C library)
        said = " ".join(str(error).split())
        raise UsageError(f"{path}: expected an ONNX graph; {said}") from None
    if not any(node.op_type != "Constant" for node in model.graph.node):
        raise UsageError(f"{path}: expected an ONNX graph to draw, found one without any node")
    return model


def nodes_of(
    model: "onnx.ModelProto", other: "onnx.ModelProto", layers: dict[str, str] | None = None
) -> list[Node]:
    """All but constants, in the file's order; `changed` where `other` has no such node.

    Such a node is one of the same operator that makes a value of the same name: an optimiser
    invents names for nodes, and keeps those of values. Where the graphs have no node in common,
    since different exporters wrote them, it is any of the same operator.
    layers: of values, as another graph has them, for nodes that do not tell theirs.
    """
    drawn = _drawn(model)
    mine, theirs = ([_key(node) for node in _drawn(one)] for one in (model, other))
    if not set(mine) & set(theirs):
        mine, theirs = ([key[:1] for key in keys] for keys in (mine, theirs))
    known = set(theirs)
    makes = {name: at for at, node in enumerate(drawn) for name in node.output if name}
    return [
        Node(
            operator=_key(node)[0],
            name=node.name,
            layer=_layer(node) or (layers or {}).get(node.output[0], ""),
            reads=tuple(sorted({makes[name] for name in _read(node) if makes.get(name, at) < at})),
            changed=key not in known,
        )
        for at, (node, key) in enumerate(zip(drawn, mine, strict=True))
    ]


def layers_of(model: "onnx.ModelProto") -> dict[str, str]:
    """The layer that makes each value, as far as the file says."""
    return {
        name: layer for node in _drawn(model) if (layer := _layer(node)) for name in node.output
    }


def _drawn(model: "onnx.ModelProto") -> list["onnx.NodeProto"]:
    return [node for node in model.graph.node if node.op_type != "Constant" and node.output]


def _key(node: "onnx.NodeProto") -> tuple[str, ...]:
    standard = node.domain in ("", STANDARD)
    return (node.op_type if standard else f"{node.domain}.{node.op_type}", node.output[0])


def _read(node: "onnx.NodeProto") -> set[str]:
    """Its inputs, and what the bodies of a branch or a loop read."""
    found = {name for name in node.input if name}
    for attribute in node.attribute:
        for body in (attribute.g, *attribute.graphs):
            found |= {name for inner in body.node for name in _read(inner)}
    return found


def _layer(node: "onnx.NodeProto") -> str:
    """The outermost module that is one of several, or the outermost; "" where it is not told.

    PyTorch's dynamo exporter writes modules into the node's metadata, the TorchScript one into
    its name.
    """
    namespace = next((one.value for one in node.metadata_props if one.key == "namespace"), "")
    if namespace:
        modules = [part.partition(":")[0] for part in namespace.split("/")[:-1]]
    else:
        parts = node.name.strip("/").split("/")[:-1]
        modules = ["/".join(parts[: at + 1]) for at in range(len(parts))]
    named = [module for module in modules if module]
    return next((module for module in named if NUMBERED.search(module)), named[0] if named else "")
