"""An exported program as a graph that can be rewritten: identities gone, batch norms folded."""

import torch
from torch.export import ExportedProgram
from torch.fx import GraphModule

from bench_core.fusion.identities import remove_identities
from bench_core.fusion.norms import fold_norms
from bench_core.fusion.tensors import duplicate, unite
from bench_core.quantization.graph.layers import find
from bench_core.quantization.pre_activation import PreActivation, pre_activation

ATEN = torch.ops.aten
IN_PLACE = {
    ATEN.relu_.default: ATEN.relu.default,
    ATEN.hardtanh_.default: ATEN.hardtanh.default,
    ATEN.relu6_.default: ATEN.relu6.default,
}
"""What would overwrite a value that is kept, and need not where nobody else reads it."""


def capture(program: ExportedProgram) -> tuple[GraphModule, dict[str, PreActivation]]:
    """A copy of the program's graph, and what folded norms say of layers' outputs, by layer.

    A tensor that is held under two names is held once.
    Raises: Unsupported for a program that was exported in training mode.
    """
    graph = duplicate(program.module(check_guards=False))
    remove_identities(graph)
    for node in list(graph.graph.nodes):
        if node.target in IN_PLACE and len(node.args[0].users) == 1:
            node.target = IN_PLACE[node.target]
        if node.target is ATEN.relu6.default:  # functional; nn.ReLU6 is a hardtanh
            node.target, node.args = ATEN.hardtanh.default, (node.args[0], 0.0, 6.0)
    unite(graph)
    folded, _ = fold_norms(graph)
    names = {layer.node: layer.name for layer in find(graph)}
    known = {names[one.layer]: pre_activation(one.norm) for one in folded if one.layer in names}
    graph.graph.eliminate_dead_code()
    graph.recompile()
    return graph, known
