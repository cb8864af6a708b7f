"""A large graph is drawn by layer, and nothing of it is lost."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.analysis.graph import boxes as boxing
from bench_core.analysis.graph.boxes import MOST_BOXES, PIECES, Node, boxes


def chain(layers, changed=()):
    return [
        Node("Add", f"n{at}", layer, (at - 1,) if at else (), changed=at in changed)
        for at, layer in enumerate(layers)
    ]


@st.composite
def graphs(draw, least=0, most=40):
    """Nodes in a valid order, of any layer."""
    found = []
    for at in range(draw(st.integers(least, most))):
        reads = draw(st.sets(st.integers(0, at - 1), max_size=3)) if at else set()
        layer = draw(st.sampled_from(["", "a", "b", "layer.0"]))
        operator = draw(st.sampled_from(["Add", "MatMul"]))
        found.append(Node(operator, f"n{at}", layer, tuple(sorted(reads)), draw(st.booleans())))
    return found


@settings(max_examples=100)
@given(graphs())
def test_a_small_graph_is_drawn_node_by_node(nodes):
    found = boxes(nodes)
    assert [(box.title, box.note, box.reads) for box in found] == [
        (node.operator, node.name, node.reads) for node in nodes
    ]


@settings(max_examples=100)
@given(nodes=graphs(least=5), most=st.integers(1, 4))
def test_a_large_graph_loses_nothing(nodes, most):
    limit, boxing.MOST_BOXES = boxing.MOST_BOXES, most
    try:
        found = boxes(nodes)
    finally:
        boxing.MOST_BOXES = limit
    assert sum(box.nodes for box in found) == len(nodes)
    assert sum(box.changed for box in found) == sum(node.changed for node in nodes)
    assert all(read < at for at, box in enumerate(found) for read in box.reads)
    assert all(box.nodes for box in found)


def test_one_box_a_layer_and_what_an_optimiser_put_in_goes_with_it():
    layers = ["embed"] * 100 + ["", ""] + ["layer.0"] * 150 + ["layer.1"] * 149
    found = boxes(chain(layers, changed={100, 399}))
    assert [box.title for box in found] == ["embed", "layer.0", "layer.1"]
    assert [box.nodes for box in found] == [102, 150, 149]
    assert [box.changed for box in found] == [1, 0, 1]
    assert [box.reads for box in found] == [(), (0,), (1,)]


def test_a_layer_that_comes_back_has_two_boxes():
    layers = ["a"] * 150 + ["b"] * 151 + ["a"]
    assert [box.title for box in boxes(chain(layers))] == ["a", "b", "a"]


def test_without_layers_it_is_cut_into_pieces():
    found = boxes(chain([""] * (MOST_BOXES + 50)))
    assert len(found) == PIECES
    assert (found[0].title, found[-1].title) == ("nodes 1 to 3", "nodes 347 to 350")


def test_with_too_many_layers_too():
    assert len(boxes(chain([f"layer.{at}" for at in range(MOST_BOXES + 1)]))) == PIECES


def test_operators_are_counted_the_most_frequent_first():
    kinds = ["Add"] * 200 + ["Mul"] * 80 + ["Relu"] * 20 + ["Neg", "Abs"]
    nodes = [Node(kind, "", "one", ()) for kind in kinds]
    (box,) = boxes(nodes)
    assert box.note == "200 Add, 80 Mul, 20 Relu, 2 more"
