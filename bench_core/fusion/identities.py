"""What puts out what it is given, removed."""

import torch
from torch import nn
from torch.fx import GraphModule, Node

from bench_core.fusion.nodes import called
from bench_core.fusion.opened import is_plain

ATEN = torch.ops.aten
F = nn.functional
ALIASES = {ATEN.alias.default, ATEN.detach.default}
DROPOUTS = {
    ATEN.dropout.default,
    ATEN.dropout_.default,
    ATEN.alpha_dropout.default,
    ATEN.feature_dropout.default,
    ATEN.feature_alpha_dropout.default,
    F.dropout,
    F.dropout1d,
    F.dropout2d,
    F.dropout3d,
    F.alpha_dropout,
    F.feature_alpha_dropout,
}
MODULES = {
    nn.Dropout,
    nn.Dropout1d,
    nn.Dropout2d,
    nn.Dropout3d,
    nn.AlphaDropout,
    nn.FeatureAlphaDropout,
}
CHECKS = {ATEN._assert_tensor_metadata.default}


def remove_identities(graph: GraphModule) -> list[str]:
    """Let whoever reads what does nothing read what that is given; the names of what is gone.

    Before: y = dropout(x), …(y)      After: …(x)
    Acts only when: it is dropout that does not drop, `nn.Identity`, or an alias. What only checks a
    value is removed too, and not named.
    """
    removed = []
    for node in list(graph.graph.nodes):
        if node.target in CHECKS:
            graph.graph.erase_node(node)
        elif _is_identity(graph, node):
            removed.append(called(node))
            x = node.all_input_nodes[0]
            node.replace_all_uses_with(x)
            graph.graph.erase_node(node)
    return removed


def _is_identity(graph: GraphModule, node: Node) -> bool:
    if node.op == "call_module":
        module = graph.get_submodule(str(node.target))
        drops_not = type(module) in MODULES and not module.training
        return is_plain(module) and (drops_not or type(module) is nn.Identity)
    if node.target in DROPOUTS:
        train = node.kwargs["training"] if "training" in node.kwargs else node.args[2]
        return train is False
    return node.target in ALIASES
