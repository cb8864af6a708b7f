"""Drop what nobody reads.

Before: y = f(x), which nobody reads   After: nothing
Acts only when
- no output of the node is read, by bodies of branches and loops neither, or is an output;
- an initialiser is not read, and is neither an input nor an output.
"""

import onnx_ir as ir

from bench_core.onnx_graph.rewire import nodes, remove


def drop_dead(model: ir.Model) -> int:
    count = 0
    for node in reversed(nodes(model)):  # readers first, bodies before what they are the body of
        if not any(value.uses() or value.is_graph_output() for value in node.outputs):
            remove(node)
            count += 1
    for graph in model.graphs():
        for name, value in list(graph.initializers.items()):
            if not (value.uses() or value.is_graph_input() or value.is_graph_output()):
                del graph.initializers[name]
                count += 1
    return count
