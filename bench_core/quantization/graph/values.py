"""A graph run node by node on all batches at once.

Every layer is thus seen with all its inputs before the next one runs, so that what one layer
becomes can depend on what the layers before it have become; values are dropped after their last
reader.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Node
from torch.fx.node import map_arg

from bench_core.fusion.tensors import held

Batch = tuple[Tensor, ...]


class Values:
    """What the nodes of a graph put out, a list with an entry for each batch.

    instead: tensors to be read in place of those that the graph holds, by their node; they may
    be added until the first node that reads them runs.
    """

    def __init__(self, graph: GraphModule, batches: Sequence[Batch]) -> None:
        self.graph = graph
        self.batches = batches
        self.instead: dict[Node, Tensor] = {}
        self._found: dict[Node, list[Any]] = {}
        self._inputs = list(graph.graph.find_nodes(op="placeholder"))
        self._last_reads = _last_reads(graph)

    def steps(self) -> Iterator[Node]:
        """Each node in turn, before it runs: it does when it is asked for, or the next one is."""
        for node in self.graph.graph.nodes:
            yield node
            self.run(node)
            for done in self._last_reads.get(node, ()):
                self._found.pop(done, None)

    def run(self, node: Node, *, again: bool = False) -> list[Any]:
        """What `node` puts out, computed once; again where what it reads has changed."""
        if (again or node not in self._found) and node.op != "get_attr":
            self._found[node] = self._compute(node)
        return self.of(node)

    def of(self, node: Node) -> list[Any]:
        """What `node` put out; held tensors are the same for every batch."""
        if node.op == "get_attr":
            tensor = self.instead.get(node)
            return [held(self.graph, node) if tensor is None else tensor] * len(self.batches)
        return self._found[node]

    def _compute(self, node: Node) -> list[Any]:
        if node.op == "placeholder":
            at = self._inputs.index(node)
            return [batch[at] for batch in self.batches]
        with torch.no_grad():
            return [self._call(node, batch) for batch in range(len(self.batches))]

    def _call(self, node: Node, batch: int) -> Any:
        args, kwargs = map_arg((node.args, node.kwargs), lambda read: self.of(read)[batch])
        if node.op == "output":
            return args[0]
        if not callable(node.target):
            raise TypeError(f"expected a graph of functions, found {node.format_node()}")
        return node.target(*args, **kwargs)


def _last_reads(graph: GraphModule) -> dict[Node, list[Node]]:
    """Which values each node is the last to read."""
    last: dict[Node, Node] = {}
    for node in graph.graph.nodes:
        for read in node.all_input_nodes:
            last[read] = node
    found: dict[Node, list[Node]] = {}
    for read, node in last.items():
        found.setdefault(node, []).append(read)
    return found
