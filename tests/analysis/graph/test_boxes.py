"""A large graph is drawn by layer, and nothing of it is lost."""

from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.analysis.graph.boxes import MOST_BOXES, PIECES, Node, by_layer, one_each


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
    found = one_each(nodes)
    assert [(box.title, box.note, box.reads) for box in found] == [
        (node.operator, node.name, node.reads) for node in nodes
    ]


@settings(max_examples=100)
@given(graphs(least=1))
def test_by_layer_nothing_is_lost(nodes):
    found = by_layer(nodes)
    assert sum(box.nodes for box in found) == len(nodes)
    assert sum(box.changed for box in found) == sum(node.changed for node in nodes)
    assert all(read < at for at, box in enumerate(found) for read in box.reads)
    assert all(box.nodes for box in found)


def test_one_box_a_layer_and_what_an_optimiser_put_in_goes_with_it():
    layers = ["embed"] * 100 + ["", ""] + ["layer.0"] * 150 + ["layer.1"] * 149
    found = by_layer(chain(layers, changed={100, 399}))
    assert [box.title for box in found] == ["embed", "layer.0", "layer.1"]
    assert [box.nodes for box in found] == [102, 150, 149]
    assert [box.changed for box in found] == [1, 0, 1]
    assert [box.reads for box in found] == [(), (0,), (1,)]


def test_a_layer_that_comes_back_has_two_boxes():
    layers = ["a"] * 150 + ["b"] * 151 + ["a"]
    assert [box.title for box in by_layer(chain(layers))] == ["a", "b", "a"]


def test_without_layers_it_is_cut_into_pieces():
    found = by_layer(chain([""] * (MOST_BOXES + 50)))
    assert len(found) == PIECES
    assert (found[0].title, found[-1].title) == ("nodes 1 to 3", "nodes 347 to 350")


def test_with_too_many_layers_too():
    assert len(by_layer(chain([f"layer.{at}" for at in range(MOST_BOXES + 1)]))) == PIECES


def test_operators_are_counted_the_most_frequent_first():
    kinds = ["Add"] * 200 + ["Mul"] * 80 + ["Relu"] * 20 + ["Neg", "Abs"]
    nodes = [Node(kind, "", "one", ()) for kind in kinds]
    (box,) = by_layer(nodes)
    assert box.note == "200 Add, 80 Mul, 20 Relu, 2 more"


def test_a_piece_of_one_node_is_called_after_its_operator():
    assert [box.title for box in by_layer(chain([""] * 3))] == ["Add"] * 3
