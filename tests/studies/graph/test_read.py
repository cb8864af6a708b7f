"""What a file says of its nodes: layers by either exporter, and what another file has not."""

import onnx
import pytest
from onnx import helper

from bench_core.errors import UsageError
from bench_core.studies.graph.read import graph_of, layers_of, nodes_of
from tests.onnx_graph.judge import parse

BEFORE = parse("a = Neg(x) b = Abs(a) c = Relu(a) y = Add(b, c)")


def test_operators_names_and_wires():
    found = nodes_of(BEFORE, BEFORE)
    assert [node.operator for node in found] == ["Neg", "Abs", "Relu", "Add"]
    assert [node.reads for node in found] == [(), (0,), (0,), (1, 2)]
    assert not any(node.changed for node in found)


def test_constants_are_not_drawn():
    proto = parse("k = Constant<value_float = 1.0>() a = Add(x, k) y = Neg(a)")
    assert [(node.operator, node.reads) for node in nodes_of(proto, proto)] == [
        ("Add", ()),
        ("Neg", (0,)),
    ]


def test_what_a_branch_reads_is_read():
    body = """
        a = Neg(x)
        y = If (c) <
            then_branch = t () => (float[2,3] ty) { ty = Abs(a) },
            else_branch = e () => (float[2,3] ey) { ey = Identity(x) }
        >
    """
    proto = parse(body, inputs="float[2,3] x, bool c")
    assert [node.reads for node in nodes_of(proto, proto)] == [(), (0,)]


def test_what_was_fused_is_changed_on_both_sides():
    """A value's name and its operator tell a node that was left alone."""
    after = parse("a = Neg(x) y = Add(b, c) b = Abs(a) c = Relu(a)")
    del after.graph.node[:]
    after.graph.node.extend(
        [BEFORE.graph.node[0], helper.make_node("AbsReluAdd", ["a"], ["y"], domain="com.microsoft")]
    )
    old, new = nodes_of(BEFORE, after), nodes_of(after, BEFORE)
    assert [node.changed for node in old] == [False, True, True, True]
    assert [(node.operator, node.changed) for node in new] == [
        ("Neg", False), ("com.microsoft.AbsReluAdd", True),
    ]  # fmt: skip


def test_files_without_a_name_in_common_are_compared_by_operator():
    other = parse("p = Neg(z) w = Exp(p)", inputs="float[2,3] z", outputs="float[2,3] w")
    assert [node.changed for node in nodes_of(BEFORE, other)] == [False, True, True, True]
    assert [node.changed for node in nodes_of(other, BEFORE)] == [False, True]


@pytest.mark.parametrize(
    ("name", "layer"),
    [
        ("/encoder/layer.3/attention/self/MatMul_1", "encoder/layer.3"),
        ("/embeddings/word/Gather", "embeddings"),
        ("/0/Conv", "0"),
        ("Conv_17", ""),
        ("", ""),
    ],
)
def test_layers_by_the_torchscript_exporter_s_names(name, layer):
    proto = parse("y = Neg(x)")
    proto.graph.node[0].name = name
    assert nodes_of(proto, proto)[0].layer == layer


def test_layers_by_the_dynamo_exporter_s_metadata():
    proto = parse("y = Neg(x)")
    proto.graph.node[0].metadata_props.add(
        key="namespace",
        value=": n.Net/encoder: n.Stack/encoder.layer.3: n.Layer/linear_7: aten.linear.default",
    )
    assert nodes_of(proto, proto)[0].layer == "encoder.layer.3"


def test_a_node_that_does_not_tell_its_layer_is_told_by_what_it_makes():
    before = parse("a = Neg(x) y = Abs(a)")
    before.graph.node[1].name = "/layer.5/Abs"
    after = parse("a = Neg(x) y = Exp(a)")
    layers = layers_of(before)
    assert layers == {"y": "layer.5"}
    assert [node.layer for node in nodes_of(after, before, layers)] == ["", "layer.5"]


def test_what_is_no_graph_is_one_line(tmp_path):
    (tmp_path / "text.onnx").write_text("this is no graph\n")
    (tmp_path / "empty.onnx").write_bytes(b"")
    onnx.save(parse("", inputs="float[2,3] y"), tmp_path / "none.onnx")
    for name, says in {
        "missing.onnx": "found nothing", ".": "found a folder",
        "text.onnx": "expected an ONNX graph",
        "empty.onnx": "without any node", "none.onnx": "without any node",
    }.items():  # fmt: skip
        with pytest.raises(UsageError, match=says) as caught:
            graph_of(tmp_path / name)
        assert "\n" not in str(caught.value)
