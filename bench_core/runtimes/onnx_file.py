"""What an ONNX file says: its operators, how they are wired, and where its weights lie."""

import hashlib
import os
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

STANDARD = "ai.onnx"


def operators(model: "onnx.ModelProto") -> Counter[str]:
    """How often each operator occurs, as domain.name; standard ones bare.

    Constants are left out: ONNX Runtime turns them into initialisers at every level.
    """
    return Counter(
        node.op_type if _domain(node) == STANDARD else f"{node.domain}.{node.op_type}"
        for node in model.graph.node
        if node.op_type != "Constant"
    )


def domains(counted: dict[str, int]) -> Counter[str]:
    """The nodes of each domain, from what `operators` counted."""
    found: Counter[str] = Counter()
    for name, count in counted.items():
        found[name.rpartition(".")[0] or STANDARD] += count
    return found


def graph_digest(model: "onnx.ModelProto") -> str:
    """Names the graph: its operators and how they are wired, in whatever order.

    Names and attributes are left out: ONNX Runtime writes default attributes in and invents
    names at random, so that two files of one graph differ.
    """
    labels = sorted(_labels(model.graph, {}))
    return hashlib.sha256("".join(labels).encode()).hexdigest()


def external_files(path: Path, model: "onnx.ModelProto") -> list[Path]:
    """The files beside `path` that the weights lie in, none where they are in the file itself.

    Only initialisers are looked at: neither exporter, nor ONNX Runtime, nor `onnx.save` (unless
    told so) moves other tensors out.
    """
    places = {
        entry.value
        for tensor in model.graph.initializer
        for entry in tensor.external_data
        if entry.key == "location"
    }
    return [path.parent / place for place in sorted(places)]


def place(path: Path, target: Path) -> None:
    """The same file, with its external ones, at `target`, by symbolic links.

    They cost no room, where six modes at four lengths would copy 90 MB each, and external data
    with a second hard link is refused by onnx ("a potential hardlink attack"). External files
    keep their names, by which they are referred to.
    """
    for other in external_files(path, load(path)):
        beside = target.parent / other.relative_to(path.parent)
        beside.parent.mkdir(parents=True, exist_ok=True)
        _link(other, beside)
    _link(path, target)


def load(path: Path) -> "onnx.ModelProto":
    """The file without its external data; for 90 MB it takes 0.1 s."""
    import onnx

    return onnx.load(path, load_external_data=False)


def _link(path: Path, target: Path) -> None:
    """Relative, so that a cache that is moved as a whole stays whole."""
    target.symlink_to(os.path.relpath(path.resolve(), target.parent.resolve()))


def _domain(node: "onnx.NodeProto") -> str:
    return node.domain or STANDARD


def _labels(graph: "onnx.GraphProto", outer: dict[str, str]) -> list[str]:
    """One per node, made of its operator, its bodies, and the labels of what it reads."""
    values = outer | {value.name: value.name for value in graph.input}
    found = []
    for node in graph.node:
        if node.op_type == "Constant":
            continue
        read = [values.get(name, "constant" if name else "") for name in node.input]
        bodies = [
            sorted(_labels(body, values))
            for attribute in node.attribute
            for body in (attribute.g, *attribute.graphs)
            if body.node
        ]
        text = repr((_domain(node), node.op_type, read, bodies))
        label = hashlib.sha256(text.encode()).hexdigest()
        found.append(label)
        values |= {name: f"{label} {index}" for index, name in enumerate(node.output)}
    return found
