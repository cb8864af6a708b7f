"""Calls of modules, which torch.fx leaves whole, as the calls of ATen that they make."""

from typing import Any, cast

import torch
from torch import nn
from torch.fx import GraphModule, Node

from bench_core.fusion.tensors import lean

ATEN = torch.ops.aten
CONVOLUTIONS = {nn.Conv1d: ATEN.conv1d, nn.Conv2d: ATEN.conv2d, nn.Conv3d: ATEN.conv3d}
TRANSPOSED = {
    nn.ConvTranspose1d: ATEN.conv_transpose1d.default,
    nn.ConvTranspose2d: ATEN.conv_transpose2d.input,
    nn.ConvTranspose3d: ATEN.conv_transpose3d.input,
}
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def open_modules(graph: GraphModule) -> GraphModule:
    """The graph with the weights of its layers and batch norms, no longer those modules.

    Before: y = self.conv(x)      After: y = aten.conv2d(x, weight, bias, …)
    Acts only when: the module is of torch's own class, without hooks or a forward of its own, is
    given one value, and lies in no other module that the graph calls whole.
    """
    whole = [f"{node.target}." for node in graph.graph.find_nodes(op="call_module")]
    for node in list(graph.graph.find_nodes(op="call_module")):
        module = graph.get_submodule(node.target)
        given = len(node.args) == 1 and not node.kwargs
        if given and is_plain(module) and not node.target.startswith(tuple(whole)):
            _open(graph, node, module)
    return lean(graph)


def is_plain(module: nn.Module) -> bool:
    """Whether a call of it does what its class does, and no more."""
    hooks = module._forward_hooks or module._forward_pre_hooks
    return not hooks and "forward" not in vars(module)


def _open(graph: GraphModule, node: Node, module: nn.Module) -> None:
    call = _call(module)
    if call is None:
        return
    target, names, rest = call
    with graph.graph.inserting_before(node):
        tensors = [
            None if getattr(module, name) is None else graph.graph.get_attr(f"{node.target}.{name}")
            for name in names
        ]
        made = graph.graph.call_function(target, (node.args[0], *tensors, *rest))
    made.meta.update(node.meta)
    node.replace_all_uses_with(made)
    graph.graph.erase_node(node)


def _call(module: nn.Module) -> tuple[Any, tuple[str, ...], tuple[Any, ...]] | None:
    """The operator that the module calls, which of its tensors with, and what else."""
    kind, own = type(module), cast("Any", module)
    if kind is nn.Linear:
        return ATEN.linear.default, ("weight", "bias"), ()
    rest: tuple[Any, ...]
    if kind in CONVOLUTIONS and own.padding_mode == "zeros":
        operator = CONVOLUTIONS[kind]
        target = operator.padding if isinstance(own.padding, str) else operator.default
        rest = (own.stride, own.padding, own.dilation, own.groups)
        return target, ("weight", "bias"), rest
    if kind in TRANSPOSED:
        rest = (own.stride, own.padding, own.output_padding, own.groups, own.dilation)
        return TRANSPOSED[kind], ("weight", "bias"), rest
    if kind in NORMS:
        by_batch = own.training or own.running_mean is None
        rest = (by_batch, own.momentum or 0.0, own.eps, torch.backends.cudnn.enabled)
        return ATEN.batch_norm.default, ("weight", "bias", "running_mean", "running_var"), rest
    return None
