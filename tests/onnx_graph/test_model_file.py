"""Files come in and go out whole: external weights, any size; what would be lost is refused."""

import os

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from bench_core.errors import Unsupported
from bench_core.onnx_graph.model_file import read, write
from bench_core.onnx_graph.optimise import optimise
from tests.onnx_graph.judge import feeds_of, operators, parse, reference, runtime

GIB = 2**30
INLINE = 2**20


def saved(proto, path, **how):
    onnx.save(proto, path, **how)
    return path


def linear():
    """A product and a sum, to be fused, of weights of 8 kB."""
    rng = np.random.default_rng(0)
    weights = [
        numpy_helper.from_array(rng.standard_normal(shape).astype(np.float32), name)
        for name, shape in (("w", (64, 32)), ("b", (32,)))
    ]
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["m"]),
        helper.make_node("Add", ["m", "b"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes, "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 64])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [2, 32])],
        weights,
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=8)


@pytest.mark.parametrize("external", [False, True])
@pytest.mark.parametrize("inline_bytes", [INLINE, 1000])
def test_weights_are_found_wherever_they_lie_and_go_where_they_fit(
    external, inline_bytes, tmp_path
):
    proto, source, target = linear(), tmp_path / "in", tmp_path / "out"
    source.mkdir(), target.mkdir()
    how = (
        {"save_as_external_data": True, "location": "w.bin", "size_threshold": 0}
        if external
        else {}
    )
    path = saved(onnx.ModelProto.FromString(proto.SerializeToString()), source / "m.onnx", **how)
    model = read(path)
    assert optimise(model)["fuse_matmul_add"] == 1
    write(model, target / "m.onnx", inline_bytes=inline_bytes)
    beside = inline_bytes < 8000
    assert {path.name for path in target.iterdir()} == {"m.onnx", *["m.onnx.data"] * beside}
    source.rename(tmp_path / "gone")
    after = onnx.load(target / "m.onnx")
    assert operators(after) == ["Gemm"]
    feeds = feeds_of(proto)
    np.testing.assert_allclose(
        reference(after, feeds)[0], reference(proto, feeds)[0], rtol=1e-5, atol=1e-5
    )


def test_above_2_gib_nothing_is_read_that_no_pass_looks_at(tmp_path):
    """A sparse file stands for 5 GiB of weights, which would not fit a protobuf message."""
    proto = linear()
    size = 5 * GIB
    rows = size // (4 * 32)
    big = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[rows, 32])
    big.data_location = TensorProto.EXTERNAL
    for key, value in (("location", "w.bin"), ("offset", "0"), ("length", str(size))):
        big.external_data.add(key=key, value=value)
    proto.graph.initializer[0].CopyFrom(big)
    proto.graph.input[0].type.tensor_type.shape.dim[1].dim_value = rows
    path = saved(proto, tmp_path / "m.onnx")
    with (tmp_path / "w.bin").open("wb") as file:
        file.truncate(size)
    before = resident_bytes()
    model = read(path)
    assert optimise(model)["fuse_matmul_add"] == 1
    assert resident_bytes() - before < GIB
    assert model.graph.initializers["w"].const_value.nbytes == size
    assert not any(optimise(model).values())


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_initialisers_of_ir_version_3_are_no_inputs(tmp_path):
    proto = linear()
    proto.ir_version = 3
    for tensor in proto.graph.initializer:
        proto.graph.input.append(
            helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims)
        )
    model = read(saved(proto, tmp_path / "m.onnx"))
    assert [value.name for value in model.graph.inputs] == ["x"]
    write(model, tmp_path / "after.onnx", inline_bytes=INLINE)
    after = onnx.load(tmp_path / "after.onnx")
    onnx.checker.check_model(after)
    feeds = {"x": np.ones((2, 64), np.float32)}
    np.testing.assert_array_equal(runtime(after, feeds)[0], runtime(proto, feeds)[0])


def test_the_standard_domain_by_its_long_name(tmp_path):
    proto = parse("a = Identity(x) y = Neg(a)")
    proto.opset_import[0].domain = "ai.onnx"
    model = read(saved(proto, tmp_path / "m.onnx"))
    assert model.opset_imports == {"": 20}
    assert optimise(model)["drop_identity"] == 1


def test_a_branch_that_gives_back_what_is_outside_is_refused(tmp_path):
    body = """
        a = Neg(x)
        y = If (c) <
            then_branch = t () => (float[2,3] a) { },
            else_branch = e () => (float[2,3] ey) { ey = Abs(x) }
        >
    """
    path = saved(parse(body, inputs="float[2,3] x, bool c"), tmp_path / "m.onnx")
    with pytest.raises(Unsupported, match=r"'a'.*Identity"):
        read(path)


def test_sparse_initialisers_are_refused(tmp_path):
    proto = parse("y = Add(x, s)")
    values = numpy_helper.from_array(np.ones(1, np.float32), "s")
    indices = numpy_helper.from_array(np.array([1]), "s_indices")
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, indices, [3]))
    with pytest.raises(Unsupported, match=r"'s'.*sparse"):
        read(saved(proto, tmp_path / "m.onnx"))
