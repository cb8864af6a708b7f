"""What is drawn as one box: a node, or in a large graph a run of them that belong together."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

MOST_BOXES = 300
"""A graph of more nodes is drawn by layer: nobody reads further."""

PIECES = 100
"""A large graph that names no layers is cut into so many."""

NAMED_OPERATORS = 3


@dataclass(frozen=True)
class Node:
    """A node, as a file has it.

    layer: of the module that it comes from, "" where the file does not say.
    reads: which nodes make what it reads; all of them come before it.
    changed: the graph that it is compared with has no such node.
    """

    operator: str
    name: str
    layer: str
    reads: tuple[int, ...]
    changed: bool = False


@dataclass(frozen=True)
class Box:
    """nodes: how many it stands for. changed: how many of those the other graph has not."""

    title: str
    note: str
    reads: tuple[int, ...]
    nodes: int = 1
    changed: int = 0


def one_each(nodes: Sequence[Node]) -> list[Box]:
    """A box a node."""
    return [Box(node.operator, node.name, node.reads, changed=int(node.changed)) for node in nodes]


def by_layer(nodes: Sequence[Node]) -> list[Box]:
    """A box a run of nodes of one layer.

    A layer that the file comes back to has several boxes: so every box reads from earlier ones.
    """
    starts = _layers(nodes)
    if len(starts) > MOST_BOXES or not any(node.layer for node in nodes):
        starts = _pieces(nodes)
    runs = [run - 1 for run in accumulate(at in starts for at in range(len(nodes)))]
    members: list[list[Node]] = [[] for _ in starts]
    reads: list[set[int]] = [set() for _ in starts]
    for run, node in zip(runs, nodes, strict=True):
        members[run].append(node)
        reads[run] |= {runs[at] for at in node.reads} - {run}
    return [
        Box(title, _operators(inside), tuple(sorted(read)), len(inside), _changed(inside))
        for title, inside, read in zip(starts.values(), members, reads, strict=True)
    ]


def _layers(nodes: Sequence[Node]) -> dict[int, str]:
    """Where each run begins, and its layer. What names none goes with what is before it."""
    starts: dict[int, str] = {}
    layer = ""
    for at, node in enumerate(nodes):
        before, layer = layer, node.layer or layer or "before the first layer"
        if layer != before:
            starts[at] = layer
    return starts


def _pieces(nodes: Sequence[Node]) -> dict[int, str]:
    starts = sorted({at * len(nodes) // PIECES for at in range(PIECES)})
    return {
        start: nodes[start].operator if end == start + 1 else f"nodes {start + 1} to {end}"
        for start, end in pairwise([*starts, len(nodes)])
    }


def _operators(nodes: Sequence[Node]) -> str:
    counted = Counter(node.operator for node in nodes)
    named = [f"{count} {operator}" for operator, count in counted.most_common(NAMED_OPERATORS)]
    left = len(nodes) - sum(count for _, count in counted.most_common(NAMED_OPERATORS))
    return ", ".join([*named, f"{left} more"] if left else named)


def _changed(nodes: Sequence[Node]) -> int:
    return sum(node.changed for node in nodes)
