"""What nobody reads goes, and nothing else."""

import pytest

from bench_core.onnx_graph.drop_dead import drop_dead
from tests.onnx_graph.judge import acts, applied, operators, parse


def test_what_nobody_reads_goes_with_all_that_only_it_read():
    proto = parse("a = Neg(x) b = Abs(a) y = Relu(x)")
    assert acts(drop_dead, proto) == 2
    assert operators(applied(drop_dead, proto)[1]) == ["Relu"]


def test_a_node_stays_for_any_of_its_outputs():
    proto = parse("a, b = Split<num_outputs = 2>(x) y = Neg(b)", inputs="float[4,3] x")
    assert acts(drop_dead, proto) == 0


def test_outputs_stay():
    assert (
        acts(drop_dead, parse("y = Neg(x) z = Abs(x)", outputs="float[2,3] y, float[2,3] z")) == 0
    )


def test_initialisers_that_nobody_reads_go():
    weights = "float[1] a = {1}, float[1] b = {2}"
    proto = parse("y = Add(x, a)", weights=weights)
    assert acts(drop_dead, proto) == 1
    assert [tensor.name for tensor in applied(drop_dead, proto)[1].graph.initializer] == ["a"]


def test_an_initialiser_stays_that_is_an_input_or_an_output():
    proto = parse("y = Neg(x)", outputs="float[2,3] y, float[1] b", weights="float[1] b = {2}")
    assert acts(drop_dead, proto) == 0
    proto = parse("y = Neg(x)", inputs="float[2,3] x, float[1] b", weights="float[1] b = {2}")
    assert acts(drop_dead, proto) == 0


BRANCHES = """
    a = Neg(x) b = Abs(x)
    {result} = If (c) <
        then_branch = t () => (float[2,3] ty) {{ d = Neg(a) ty = Relu(a) }},
        else_branch = e () => (float[2,3] ey) {{ ey = Sub(b, a) }}
    >
"""
INPUTS = "float[2,3] x, bool c"


def test_what_a_branch_reads_is_read():
    proto = parse(BRANCHES.format(result="y"), inputs=INPUTS)
    count, after = applied(drop_dead, proto)
    assert count == 1 and operators(after) == ["Neg", "Abs", "If"]  # d, inside, has gone
    assert acts(drop_dead, proto) == 1


def test_a_branch_that_is_dead_reads_nothing():
    proto = parse(BRANCHES.format(result="z") + "y = Relu(x)", inputs=INPUTS)
    assert operators(applied(drop_dead, proto)[1]) == ["Relu"]
    assert acts(drop_dead, proto) == 4


LOOP = """
    one = Constant<value_int = 1>() scale = Abs(x)
    y = Loop (trips, go, x) <
        body = b (int64 i, bool more, float[2,3] state) => (bool on, float[2,3] next) {
            on = Identity(more) unread = Neg(scale) next = Mul(state, scale)
        }
    >
"""


def test_what_a_loop_reads_is_read():
    proto = parse(LOOP, inputs="float[2,3] x, int64 trips, bool go")
    count, after = applied(drop_dead, proto)
    assert count == 2 and operators(after) == ["Abs", "Loop"]
    assert acts(drop_dead, proto) == 2


@pytest.mark.parametrize("times", [1, 2])
def test_it_is_done_at_once(times):
    """Readers are looked at before what they read."""
    proto = parse(
        " ".join(f"v{at + 1} = Neg({f'v{at}' if at else 'x'})" for at in range(50)) + " y = Relu(x)"
    )
    for _ in range(times):
        count, proto = applied(drop_dead, proto)
    assert count == (50 if times == 1 else 0)
