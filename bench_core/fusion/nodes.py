"""What a node of a graph is called, and with what."""

from typing import Any

from torch.fx import Node


def called(node: Node) -> str:
    """The path of the module that made the call; the node's name where the whole model did."""
    return module_path(node) or node.name


def module_path(node: Node) -> str:
    """The path of the module that made the call; "" for one that the whole model makes."""
    stack = node.meta.get("nn_module_stack") or {}
    path = [str(path) for path, _ in stack.values()]
    return path[-1].removeprefix("L['self'].") if path else ""


def arguments(node: Node) -> dict[str, Any]:
    """All of a call's arguments, by the names that ATen gives them; defaults too."""
    schema = node.target._schema  # type: ignore[union-attr]
    given = dict(zip((one.name for one in schema.arguments), node.args, strict=False))
    defaults = {one.name: one.default_value for one in schema.arguments}
    return {**defaults, **given, **node.kwargs}
