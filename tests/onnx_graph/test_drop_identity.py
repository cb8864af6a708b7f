"""An Identity goes where the outputs keep their names without it."""

from bench_core.onnx_graph.drop_identity import drop_identity
from tests.onnx_graph.judge import acts, applied, operators, parse


def test_what_reads_it_reads_what_it_read():
    assert acts(drop_identity, parse("a = Identity(x) b = Identity(a) y = Relu(b)")) == 2


def test_a_value_takes_over_the_output_s_name():
    proto = parse("a = Relu(x) y = Identity(a) z = Neg(a)", outputs="float[2,3] y, float[2,3] z")
    assert acts(drop_identity, proto) == 1
    _, after = applied(drop_identity, proto)
    assert after.graph.node[0].output == ["y"] and after.graph.node[1].input == ["y"]


def test_an_output_that_is_an_input_keeps_its_name():
    assert acts(drop_identity, parse("y = Identity(x)")) == 0


def test_an_output_that_is_an_initialiser_keeps_its_name():
    proto = parse("y = Identity(w) z = Relu(x)", outputs="float[1] y, float[2,3] z",
                  weights="float[1] w = {2}")  # fmt: skip
    assert acts(drop_identity, proto) == 0


def test_of_two_outputs_both_keep_their_names():
    proto = parse("a = Relu(x) y = Identity(a)", outputs="float[2,3] a, float[2,3] y")
    assert acts(drop_identity, proto) == 0


BRANCHES = """
    a = Relu(x)
    y = If (c) <
        then_branch = t () => (float[2,3] ty) {{ {then} }},
        else_branch = e () => (float[2,3] ey) {{ ey = Neg(a) }}
    >
"""


def test_a_branch_s_output_is_not_a_value_from_outside():
    proto = parse(BRANCHES.format(then="ty = Identity(a)"), inputs="float[2,3] x, bool c")
    assert acts(drop_identity, proto) == 0


def test_inside_a_branch_what_comes_from_outside_is_read_as_it_is():
    body = BRANCHES.format(then="b = Identity(a) ty = Abs(b)")
    assert acts(drop_identity, parse(body, inputs="float[2,3] x, bool c")) == 1


def test_a_value_that_a_branch_reads_keeps_its_name_there_too():
    body = "b = Identity(x)" + BRANCHES.format(then="ty = Sub(b, a)")
    proto = parse(body, inputs="float[2,3] x, bool c")
    count, after = applied(drop_identity, proto)
    assert count == 1 and operators(after) == ["Relu", "If"]
    assert acts(drop_identity, proto) == 1


def test_other_domains_have_other_identities():
    proto = parse("y = Relu(x)")
    proto.graph.node[0].domain, proto.graph.node[0].op_type = "other", "Identity"
    proto.opset_import.add(domain="other", version=1)
    assert applied(drop_identity, proto)[0] == 0
