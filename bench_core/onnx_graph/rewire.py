"""Changes to a graph that leave its inputs and outputs their names."""

from collections.abc import Iterator

import onnx_ir as ir


def nodes(model: ir.Model) -> list[ir.Node]:
    """All there are now, bodies of branches and loops included, each after what it reads."""
    return list(ir.traversal.RecursiveGraphIterator(model.graph))


def only_reader(value: ir.Value, node: ir.Node) -> bool:
    """Whether the value is of no use to anybody but that node."""
    return not value.is_graph_output() and set(value.consumers()) == {node}


def can_stand_in(new: ir.Value, old: ir.Value) -> bool:
    """Whether all who read `old` can be given `new`, and outputs keep their names.

    Where `old` is an output of a graph, `new` has to take over its name: it must be made by a
    node of that very graph, and not be another output.
    """
    if not old.is_graph_output():
        return True
    return new.producer() is not None and new.graph is old.graph and not new.is_graph_output()


def stand_in(new: ir.Value, old: ir.Value) -> None:
    """Give `new` to all who read `old`, where it `can_stand_in`."""
    if old.is_graph_output():
        new.name, new.type, new.shape = old.name, old.type, old.shape
    old.replace_all_uses_with(new, replace_graph_outputs=True)


def remove(*removed: ir.Node) -> None:
    """Take nodes out of their graph; whatever else stands in a body reads no longer, either."""
    for node in removed:
        for body in bodies(node):
            for inner in ir.traversal.RecursiveGraphIterator(body):
                inner.resize_inputs(0)
    graph = removed[0].graph
    if graph is not None:
        graph.remove(removed, safe=True)


def put_instead(new: ir.Node, *old: ir.Node) -> None:
    """Let `new` make what the last of `old` makes, in its place."""
    last = old[-1]
    new.name = old[0].name
    new.metadata_props.update(old[0].metadata_props)  # the layer that it belongs to, for one
    if last.graph is None:
        raise ValueError(f"{last.name} is in no graph any more")
    ir.convenience.replace_nodes_and_values(
        last.graph, last, old, [new], [last.outputs[0]], [new.outputs[0]]
    )


def bodies(node: ir.Node) -> Iterator[ir.Graph]:
    """The graphs inside a branch or a loop."""
    for attribute in node.attributes.values():
        if attribute.type == ir.AttributeType.GRAPH:
            yield attribute.as_graph()
        elif attribute.type == ir.AttributeType.GRAPHS:
            yield from attribute.as_graphs()


def add_initialiser(graph: ir.Graph, tensor: ir.TensorProtocol, name: str) -> ir.Value:
    """A new constant of that graph."""
    tensor.name = name
    value = ir.Value(
        name=name,
        type=ir.TensorType(tensor.dtype),
        shape=ir.Shape(tensor.shape.numpy()),
        const_value=tensor,
    )
    graph.register_initializer(value)
    return value


def refill(value: ir.Value, tensor: ir.TensorProtocol) -> None:
    """Another tensor of the same type and shape for a constant, which keeps its name."""
    producer = value.producer()
    if producer is None:
        tensor.name = value.name
        value.const_value = tensor
    else:
        producer.attributes.clear()
        producer.attributes.add(ir.AttrTensor("value", tensor))
