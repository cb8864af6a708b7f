"""Which layers run in int8, and which values are quantised for them.

A value is quantised where an int8 layer reads it, and where an int8 kernel writes it. Three rules
keep the graph from being cut up into islands:

- a layer with weights, and a product of two activations, always runs in int8;
- one without weights (add, concatenation, pool) does only between int8 layers: all that it reads
  can be written as integers, and some int8 layer reads what it writes;
- a kernel that puts out integers only (convolutions, and those without weights) has its output
  quantised whoever reads it; a matrix product puts out floats too, and is left to.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from torch.fx import GraphModule, Node

from bench_core.quantization.graph import layers
from bench_core.quantization.graph.layers import FUSED, MOVES, Layer


@dataclass(frozen=True)
class Placement:
    """layers: those that run in int8, in order.

    values: the values to quantise, in order, and of each the one whose parameters it has:
        itself, or the value that it only moves or selects from.
    """

    layers: tuple[Layer, ...]
    values: dict[Node, Node]

    @property
    def observed(self) -> list[Node]:
        """The values whose ranges must be known."""
        return list(dict.fromkeys(self.values.values()))

    def reads_quantised(self, value: Node) -> list[Node]:
        """Who gets `value` quantised: all readers if integers are written, else int8 layers."""
        writer = _writer(value)
        written = any(layer.node is writer and layer.kind.requantises for layer in self.layers)
        quantised = {layer.node for layer in self.layers if value in layer.inputs}
        return [user for user in value.users if written or user in quantised]


def place(graph: GraphModule) -> Placement:
    found = {layer.node: layer for layer in layers.find(graph)}
    chosen = {node for node, layer in found.items() if _always(layer)}
    chosen |= _between(graph, found, chosen)
    running = tuple(layer for node, layer in found.items() if node in chosen)
    wanted = {value for layer in running for value in layer.inputs}
    wanted |= {written(layer.node) for layer in running if layer.kind.requantises}
    ordered = [node for node in graph.graph.nodes if node in wanted]
    return Placement(running, {value: _origin(value, chosen, found) for value in ordered})


def written(node: Node) -> Node:
    """The value that the kernel of `node` writes: after an activation that it applies itself."""
    users = list(node.users)
    if len(users) == 1 and users[0].target in FUSED:
        return users[0]
    return node


def _writer(value: Node) -> Node:
    """The node whose kernel writes `value`."""
    before = value.args[0] if value.target in FUSED else None
    if isinstance(before, Node) and written(before) is value:
        return before
    return value


def _always(layer: Layer) -> bool:
    return bool(layer.weights) or not layer.kind.requantises


def _between(graph: GraphModule, found: dict[Node, Layer], sure: set[Node]) -> set[Node]:
    """The layers without weights that lie between int8 layers."""
    integer, candidates = set[Node](), set[Node]()
    for node in graph.graph.nodes:
        layer = found.get(node)
        if node in sure:
            integer.add(node)
        elif layer is not None and layer.inputs and integer.issuperset(layer.inputs):
            integer.add(node)
            candidates.add(node)
        elif (node.target in MOVES or _writer(node) is not node) and node.args[0] in integer:
            integer.add(node)
    while True:
        alone = {node for node in candidates if not _read_by(node, sure | candidates)}
        if not alone:
            return candidates
        # What read a value that is not written as integers any more goes with it.
        candidates -= alone
        candidates -= {
            node
            for node in candidates
            if any(_source(value) in alone for value in found[node].inputs)
        }


def _read_by(node: Node, layers_: Iterable[Node]) -> bool:
    """Whether one of these reads what `node` puts out, moved or clamped or as it is."""
    for user in node.users:
        if user in layers_:
            return True
        if (user.target in MOVES or user.target in FUSED) and _read_by(user, layers_):
            return True
    return False


def _source(value: Node) -> Node:
    """Back through what moves and clamps it to the node that computes it."""
    while value.target in MOVES or value.target in FUSED:
        before = value.args[0]
        if not isinstance(before, Node):
            break
        value = before
    return value


def _origin(value: Node, chosen: set[Node], found: dict[Node, Layer]) -> Node:
    """The value whose parameters `value` has: back through moves, and int8 kernels that select."""
    while True:
        selects = value in chosen and found[value].kind.selects
        if not (selects or value.target in MOVES):
            return value
        before = value.args[0]
        if not isinstance(before, Node):
            return value
        value = before
