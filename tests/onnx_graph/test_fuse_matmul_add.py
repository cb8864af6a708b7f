"""A matrix product and a sum become a Gemm."""

import pytest

from bench_core.onnx_graph.fuse_matmul_add import fuse_matmul_add
from tests.onnx_graph.judge import acts, applied, operators, parse

W = "float[3,2] w = {1, -2, 3, 0.5, 1, 2}"
BIAS = {
    "float b = {2}": "",
    "float[1] b = {2}": "1",
    "float[2] b = {2, -1}": "2",
    "float[1,1] b = {2}": "1,1",
    "float[1,2] b = {2, -1}": "1,2",
    "float[2,1] b = {2, -1}": "2,1",
    "float[2,2] b = {2, -1, 0, 1}": "2,2",
}


def product(body="m = MatMul(x, w) y = Add(m, b)", bias="float[2] b = {2, -1}", **how):
    how = {"inputs": "float[2,3] x", "outputs": "float[2,2] y", "weights": f"{W}, {bias}"} | how
    return parse(body, **how)


@pytest.mark.parametrize("bias", BIAS)
def test_a_sum_that_spreads_over_the_product(bias):
    proto = product(bias=bias)
    assert acts(fuse_matmul_add, proto) == 1
    assert operators(applied(fuse_matmul_add, proto)[1]) == ["Gemm"]


def test_either_way_round():
    assert acts(fuse_matmul_add, product("m = MatMul(x, w) y = Add(b, m)")) == 1


def test_what_is_added_may_be_computed():
    assert acts(fuse_matmul_add, product("m = MatMul(x, w) c = Relu(b) y = Add(m, c)")) == 1


def test_a_free_number_of_rows():
    """The bias spreads over whatever it is; what has rows of its own may have others."""
    free = {"inputs": "float[N,3] x", "outputs": "float[N,2] y"}
    assert acts(fuse_matmul_add, product(**free)) == 1
    assert acts(fuse_matmul_add, product(bias="float[2,2] b = {2, -1, 0, 1}", **free)) == 0
    assert acts(fuse_matmul_add, product(bias="float[1,2] b = {2, -1}", **free)) == 1


def test_a_sum_that_is_larger_than_the_product_stays():
    """[1, 2] and [3, 1] make [3, 2]; an axis more makes [1, 2, 2]."""
    one_row = {"inputs": "float[1,3] x", "outputs": "float[3,2] y"}
    assert acts(fuse_matmul_add, product(bias="float[3,1] b = {2, -1, 0}", **one_row)) == 0
    larger = product(bias="float[1,1,2] b = {2, -1}", outputs="float[1,2,2] y")
    assert acts(fuse_matmul_add, larger) == 0


def test_more_than_matrices_stay():
    proto = product(inputs="float[4,2,3] x", outputs="float[4,2,2] y")
    assert acts(fuse_matmul_add, proto) == 0


def test_vectors_stay():
    assert acts(fuse_matmul_add, product(inputs="float[3] x", outputs="float[2] y")) == 0


def test_integers_stay():
    """ONNX has a Gemm of them, of which ONNX Runtime has no kernel."""
    weights = "int64[3,2] w = {1, -2, 3, 0, 1, 2}, int64[2] b = {2, -1}"
    proto = product(inputs="int64[2,3] x", outputs="int64[2,2] y", weights=weights)
    assert acts(fuse_matmul_add, proto) == 0


def test_a_product_that_others_read_stays():
    body = "m = MatMul(x, w) y = Add(m, b) z = Neg(m)"
    assert acts(fuse_matmul_add, product(body, outputs="float[2,2] y, float[2,2] z")) == 0
    body = "m = MatMul(x, w) y = Add(m, b)"
    assert acts(fuse_matmul_add, product(body, outputs="float[2,2] y, float[2,2] m")) == 0


def test_a_product_added_to_itself_stays():
    assert acts(fuse_matmul_add, product("m = MatMul(x, w) y = Add(m, m)")) == 0


def test_of_two_products_one_is_fused():
    proto = product("m = MatMul(x, w) n = MatMul(x, w) y = Add(m, n)")
    assert acts(fuse_matmul_add, proto) == 1
    assert operators(applied(fuse_matmul_add, proto)[1]) == ["MatMul", "Gemm"]


def test_a_product_outside_of_a_body_stays_outside():
    body = """
        m = MatMul(x, w)
        y = If (c) <
            then_branch = t () => (float[2,2] ty) { ty = Add(m, b) },
            else_branch = e () => (float[2,2] ey) { ey = MatMul(x, w) }
        >
    """
    assert acts(fuse_matmul_add, product(body, inputs="float[2,3] x, bool c")) == 0


def test_inside_of_a_body_it_is_fused():
    body = """
        y = If (c) <
            then_branch = t () => (float[2,2] ty) { m = MatMul(x, w) ty = Add(m, b) },
            else_branch = e () => (float[2,2] ey) { ey = MatMul(x, w) }
        >
    """
    assert acts(fuse_matmul_add, product(body, inputs="float[2,3] x, bool c")) == 1


def test_before_opset_7_sums_broadcast_otherwise():
    proto = product("m = MatMul(x, w) y = Add<broadcast = 1>(m, b)", opset=6)
    assert applied(fuse_matmul_add, proto)[0] == 0
