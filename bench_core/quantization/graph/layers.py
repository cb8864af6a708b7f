"""What can be quantised: each ATen operator that has an int8 form, and how it is wired.

Anything else stays float, and is listed.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.fx import GraphModule, Node

from bench_core.fusion.nodes import arguments, called
from bench_core.fusion.tensors import is_float, is_held

ATEN = torch.ops.aten


@dataclass(frozen=True)
class Kind:
    """An operator with an int8 form.

    operands: positions of the activations that it takes quantised.
    weights: positions of its weights, which the graph must hold.
    bias: the position of the bias.
    channel_axis: of the weights, the axis of the channels that it puts out.
    output_axis: of what it puts out, the axis of the channels.
    requantises: its int8 kernel puts out integers only, so that its output is always quantised.
    selects: its outputs are among its inputs; they keep the inputs' parameters.
    """

    operands: tuple[int, ...]
    weights: tuple[int, ...] = ()
    bias: int | None = None
    channel_axis: int = 0
    output_axis: int = -1
    requantises: bool = False
    selects: bool = False


_CONV = Kind((0,), weights=(1,), bias=2, output_axis=1, requantises=True)
_CONV_TRANSPOSE = Kind((0,), weights=(1,), bias=2, channel_axis=1, output_axis=1)
_PRODUCT = Kind((0, 1))
_PRODUCT_WITH_WEIGHT = Kind((0,), weights=(1,), channel_axis=-1)

KINDS = {
    ATEN.linear.default: Kind((0,), weights=(1,), bias=2),
    ATEN.conv1d.default: _CONV,
    ATEN.conv2d.default: _CONV,
    ATEN.conv3d.default: _CONV,
    ATEN.conv1d.padding: _CONV,
    ATEN.conv2d.padding: _CONV,
    ATEN.conv3d.padding: _CONV,
    ATEN.conv_transpose1d.default: _CONV_TRANSPOSE,
    ATEN.conv_transpose2d.input: _CONV_TRANSPOSE,
    ATEN.conv_transpose3d.input: _CONV_TRANSPOSE,
    ATEN.embedding.default: Kind((), weights=(0,)),
    ATEN.lstm.input: Kind((0,), weights=(2,)),
    ATEN.lstm_cell.default: Kind((0,), weights=(2, 3)),
    ATEN.matmul.default: _PRODUCT,
    ATEN.mm.default: _PRODUCT,
    ATEN.bmm.default: _PRODUCT,
    ATEN.add.Tensor: Kind((0, 1), requantises=True),
    ATEN.cat.default: Kind((0,), requantises=True),
    ATEN.max_pool1d.default: Kind((0,), requantises=True, selects=True),
    ATEN.max_pool2d.default: Kind((0,), requantises=True, selects=True),
    ATEN.max_pool3d.default: Kind((0,), requantises=True, selects=True),
    ATEN.avg_pool1d.default: Kind((0,), requantises=True),
    ATEN.avg_pool2d.default: Kind((0,), requantises=True),
    ATEN.avg_pool3d.default: Kind((0,), requantises=True),
}

FUSED = {ATEN.relu.default, ATEN.hardtanh.default}
"""Activations that a kernel applies before it writes its integers: a clamp, which the range is."""

MOVES = {
    ATEN.view.default,
    ATEN.reshape.default,
    ATEN.flatten.using_ints,
    ATEN.transpose.int,
    ATEN.permute.default,
    ATEN.squeeze.dim,
    ATEN.unsqueeze.default,
    ATEN.contiguous.default,
    ATEN.clone.default,
}
"""What only moves values about: integers as well as floats, with the same parameters."""


@dataclass(frozen=True, eq=False)
class Layer:
    """One call of an operator that can be quantised, named by the module that makes it.

    weights: nodes of the tensors that it is made of, two for each direction of an LSTM layer.
    """

    name: str
    node: Node
    kind: Kind
    inputs: tuple[Node, ...]
    weights: tuple[Node, ...]
    bias: Node | None

    @property
    def arguments(self) -> dict[str, Any]:
        """All of the call's, by the names that ATen gives them; defaults too."""
        return arguments(self.node)

    @property
    def groups(self) -> int:
        """Of a convolution; 1 of anything else."""
        return int(self.arguments.get("groups", 1))


def find(graph: GraphModule) -> list[Layer]:
    """Every layer that can be quantised, in the order in which they run."""
    taken: Counter[str] = Counter()
    layers = []
    for node in graph.graph.nodes:
        kind = _kind(node)
        if kind is None:
            continue
        inputs = tuple(arg for arg in _at(node, kind.operands) if not is_held(arg))
        if not all(is_float(value) for value in inputs):
            continue  # sizes and masks
        weights = tuple(
            arg for arg in _at(node, kind.weights) if is_held(arg) and arg.meta["val"].ndim > 1
        )
        bias = next(iter(_at(node, () if kind.bias is None else (kind.bias,))), None)
        name = called(node)
        taken[name] += 1
        if taken[name] > 1:
            name = f"{name}#{taken[name]}"
        layers.append(Layer(name, node, kind, inputs, weights, bias))
    return layers


def left_float(graph: GraphModule, quantised: set[Node]) -> dict[str, int]:
    """How often each other operator computes floats."""
    others = (
        node
        for node in graph.graph.nodes
        if node.op == "call_function" and is_float(node) and node not in quantised
    )
    bare = (str(n.target).removeprefix("aten.") for n in others if n.target not in MOVES)
    names = (name.partition(".")[0] for name in bare)
    return dict(sorted(Counter(names).items()))


def _kind(node: Node) -> Kind | None:
    """None where it has no int8 form: an operand is a constant, a weight is computed."""
    if node.op != "call_function":
        return None
    kind = KINDS.get(node.target)  # type: ignore[call-overload]
    if kind is _PRODUCT and is_held(node.args[1]):
        kind = _PRODUCT_WITH_WEIGHT
    if kind is None:
        return None
    if any(is_held(arg) for arg in _at(node, kind.operands)):
        return None
    made_of = (*kind.weights, *(() if kind.bias is None else (kind.bias,)))
    return kind if all(is_held(arg) for arg in _at(node, made_of)) else None


def _at(node: Node, positions: tuple[int, ...]) -> Iterator[Node]:
    """The nodes at these positions, those in a list one by one."""
    for position in positions:
        given = node.args[position] if position < len(node.args) else None
        for arg in given if isinstance(given, list | tuple) else [given]:
            if isinstance(arg, Node):
                yield arg
