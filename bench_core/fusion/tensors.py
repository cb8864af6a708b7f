"""The tensors that a graph holds: read, replaced, added."""

import copy
import warnings
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Node

Module = TypeVar("Module", bound=nn.Module)


def copied(module: Module) -> Module:
    """A copy that shares nothing."""
    with warnings.catch_warnings():
        # torch copies an exported graph's specification of its inputs, and warns of how.
        warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)`", FutureWarning)
        return copy.deepcopy(module)


def duplicate(graph: GraphModule) -> GraphModule:
    """A copy that shares nothing, in eval mode."""
    made = copied(graph)
    for part in made.modules():
        part.training = False  # an exported graph refuses eval()
    return made


def held(graph: GraphModule, node: Node) -> Tensor:
    """The tensor that a `get_attr` node stands for."""
    found = _attribute(graph, node)
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


def unite(graph: GraphModule) -> None:
    """Tied weights have a name each: let all their readers read the first."""
    first: dict[tuple[int, torch.Size, tuple[int, ...]], Node] = {}
    for node in list(graph.graph.find_nodes(op="get_attr")):
        tensor = _attribute(graph, node)
        if not isinstance(tensor, Tensor) or not tensor.numel():
            continue
        same = first.setdefault((tensor.data_ptr(), tensor.shape, tensor.stride()), node)
        if same is not node:
            node.replace_all_uses_with(same)
            graph.graph.erase_node(node)


def lean(graph: GraphModule) -> GraphModule:
    """The same graph, which holds what it reads and no more."""
    for node in list(graph.graph.find_nodes(op="get_attr")):
        if not node.users:
            graph.graph.erase_node(node)
    return GraphModule(graph, graph.graph)


def is_held(node: object) -> bool:
    return isinstance(node, Node) and node.op == "get_attr"


def rank(node: Node) -> int:
    """The number of axes of the value, as it was when the graph was made."""
    return int(node.meta["val"].ndim)


def is_float(node: Node) -> bool:
    value = node.meta.get("val")
    return isinstance(value, torch.Tensor) and value.is_floating_point()


def _attribute(graph: GraphModule, node: Node) -> object:
    found: object = graph
    for part in str(node.target).split("."):
        found = getattr(found, part)
    return found
