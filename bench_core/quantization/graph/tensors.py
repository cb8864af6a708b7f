"""The tensors that a graph holds: read, replaced, added."""

import copy
import warnings

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node


def duplicate(graph: GraphModule) -> GraphModule:
    """A copy that shares nothing, in eval mode."""
    with warnings.catch_warnings():
        # torch copies its own specification of the inputs, and warns of how.
        warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)`", FutureWarning)
        made = copy.deepcopy(graph)
    for part in made.modules():
        part.training = False  # an exported graph refuses eval()
    return made


def held(graph: GraphModule, node: Node) -> Tensor:
    """The tensor that a `get_attr` node stands for."""
    found: object = graph
    for part in str(node.target).split("."):
        found = getattr(found, part)
    if not isinstance(found, Tensor):
        raise TypeError(f"expected {node.target} to be a tensor, found {type(found).__name__}")
    return found.detach()


def replace(graph: GraphModule, node: Node, tensor: Tensor) -> None:
    """Let `node` stand for `tensor`, which may have another shape and dtype."""
    path, _, name = str(node.target).rpartition(".")
    owner: nn.Module = graph.get_submodule(path)
    delattr(owner, name)
    owner.register_buffer(name, tensor)
    node.meta["val"] = tensor


def hold(graph: GraphModule, name: str, tensor: Tensor) -> Node:
    """A new tensor, named after `name`, and the node for it at the graph's insertion point."""
    name = name.replace(".", "_")
    while hasattr(graph, name):
        name += "_"
    graph.register_buffer(name, tensor)
    node = graph.graph.get_attr(name)
    node.meta["val"] = tensor
    return node


def is_held(node: object) -> bool:
    return isinstance(node, Node) and node.op == "get_attr"


def rank(node: Node) -> int:
    """The number of axes of the value, as the export found it."""
    return int(node.meta["val"].ndim)


def is_float(node: Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, torch.Tensor) and value.is_floating_point()
