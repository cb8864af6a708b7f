"""A graph is told by its operators and wiring; links carry weights that lie beside."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.runtimes.onnx_file import (
    domains,
    external_files,
    graph_digest,
    load,
    operators,
    place,
)


def model_of(nodes, weights=()):
    from onnx import TensorProto, helper

    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, [None])
    return helper.make_model(helper.make_graph(nodes, "g", [x], [], weights))


def node(kind, inputs, output, domain=None, **attributes):
    from onnx import helper

    return helper.make_node(kind, inputs, [output], domain=domain, **attributes)


def test_operators_are_counted_without_constants():
    from onnx import TensorProto, helper

    value = helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])
    counted = operators(
        model_of(
            [
                node("Constant", [], "c", value=value),
                node("Add", ["x", "c"], "y", domain="ai.onnx"),
                node("Add", ["x", "y"], "u"),
                node("BiasGelu", ["u", "c"], "z", domain="com.microsoft"),
                node("Conv", ["z"], "w", domain="com.microsoft.nchwc"),
            ]
        )
    )
    assert counted == {"Add": 2, "com.microsoft.BiasGelu": 1, "com.microsoft.nchwc.Conv": 1}
    assert domains(counted) == {"ai.onnx": 2, "com.microsoft": 1, "com.microsoft.nchwc": 1}


@st.composite
def graphs(draw):
    """Nodes in a valid order: (operator, the earlier values it reads); 0 is the input."""
    count = draw(st.integers(1, 6))
    return [
        (
            draw(st.sampled_from(["Add", "Mul", "Sub"])),
            [draw(st.integers(0, at)) for _ in range(2)],
        )
        for at in range(count)
    ]


def built(graph, order=None, name="v{}", **attributes):
    values = ["x", *(name.format(at) for at in range(len(graph)))]
    nodes = [
        node(kind, [values[at] for at in read], values[at_self + 1], name=f"n{name}", **attributes)
        for at_self, (kind, read) in enumerate(graph)
    ]
    return model_of([nodes[at] for at in order or range(len(nodes))])


@settings(max_examples=100, deadline=None)
@given(graphs(), st.data())
def test_names_attributes_and_order_do_not_change_the_graph(graph, data):
    left = list(range(len(graph)))
    order, known = [], {0}
    while left:
        ready = [at for at in left if set(graph[at][1]) <= known]
        at = data.draw(st.sampled_from(ready))
        left.remove(at)
        known.add(at + 1)
        order.append(at)
    other = built(graph, order, name="other{}", axis=1)
    assert graph_digest(built(graph)) == graph_digest(other)


@settings(max_examples=100, deadline=None)
@given(graphs(), st.data())
def test_another_operator_or_wire_does(graph, data):
    at = data.draw(st.integers(0, len(graph) - 1))
    kind, read = graph[at]
    digest = graph_digest(built(graph))
    assert graph_digest(built([*graph[:at], ("Div", read), *graph[at + 1 :]])) != digest
    assert graph_digest(built([*graph, ("Add", [at, at])])) != digest
    if read[0] != read[1]:
        turned = graph_digest(built([*graph[:at], (kind, read[::-1]), *graph[at + 1 :]]))
        same_values = digest == turned  # only if what is read was made the same way
        assert not same_values or graph[read[0] - 1] == graph[read[1] - 1]


def test_bodies_of_branches_belong_to_the_graph():
    from onnx import helper

    def forked(kind):
        body = helper.make_graph([node(kind, ["x", "x"], "inner")], "b", [], [])
        return model_of([node("If", ["x"], "y", then_branch=body, else_branch=body)])

    assert graph_digest(forked("Add")) == graph_digest(forked("Add"))
    assert graph_digest(forked("Add")) != graph_digest(forked("Mul"))


@pytest.mark.parametrize("one_file", [True, False])
def test_a_placed_file_has_its_weights_beside_it(one_file, tmp_path):
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper, numpy_helper

    (tmp_path / "moved").mkdir()
    arrays = [np.arange(400, dtype=np.float32) * factor for factor in (1, 2)]
    weights = [numpy_helper.from_array(array, f"w{i}") for i, array in enumerate(arrays)]
    model = model_of([node("Add", ["w0", "w1"], "s"), node("Add", ["s", "x"], "y")], weights)
    model.graph.output.append(helper.make_tensor_value_info("y", TensorProto.FLOAT, [None]))
    model.ir_version, model.opset_import[0].version = 9, 20
    source = tmp_path / "source" / "m.onnx"
    source.parent.mkdir()
    onnx.save(
        model,
        source,
        save_as_external_data=True,
        all_tensors_to_one_file=one_file,
        location="w.bin" if one_file else None,
    )
    assert len(external_files(source, load(source))) == (1 if one_file else 2)
    target = tmp_path / "cell" / "other.onnx"
    target.parent.mkdir()
    place(source, target)
    (tmp_path / "source").rename(tmp_path / "moved" / "source")
    (tmp_path / "cell").rename(tmp_path / "moved" / "cell")
    session = onnxruntime.InferenceSession(tmp_path / "moved" / "cell" / "other.onnx")
    (found,) = session.run(None, {"x": np.zeros(400, np.float32)})
    np.testing.assert_array_equal(found, sum(arrays))
