"""Both exporters write the model, at any batch and length, and leave it as it was."""

from dataclasses import replace

import pytest

from bench_core.errors import Unsupported
from bench_core.runtimes import oracle
from bench_core.runtimes.onnx_export import EXPORTERS, export, operators
from tests.modes import small


def evaluate(path, names, inputs):
    """By ONNX's own reference evaluator."""
    from onnx.reference import ReferenceEvaluator

    session = ReferenceEvaluator(str(path))
    return [session.run(None, dict(zip(names, item, strict=True)))[0] for item in inputs]


@pytest.mark.parametrize("by", EXPORTERS)
@pytest.mark.parametrize("model", [small.TEXT, small.IMAGE], ids=lambda model: model.name)
def test_any_batch_and_length_and_the_flags_as_they_were(by, model, tmp_path):
    module = model.build().train()
    module.norm.eval()  # flags that differ must come back as they were, not all alike
    before = [part.training for part in module.modules()]
    export(model, module, model.inputs(7, 2, 0, False), tmp_path / "m.onnx", by)
    assert [part.training for part in module.modules()] == before
    inputs = [model.inputs(7, 1, 50, False), model.inputs(12, 3, 51, True)]
    exact, _, _ = oracle.run(module, inputs)
    found = evaluate(tmp_path / "m.onnx", model.input_names, inputs)
    assert small.sqnr_db(exact, found) > 100


@pytest.mark.parametrize("by", EXPORTERS)
def test_an_output_called_like_an_inner_value_still_loads(by, tmp_path):
    """The dynamo exporter names an embedding's result "embedding", as the output is called."""
    import onnx

    path = tmp_path / "m.onnx"
    export(small.TEXT, small.TEXT.build(), small.TEXT.inputs(7, 2, 0, False), path, by)
    onnx.checker.check_model(onnx.load(path), full_check=True)


@pytest.mark.parametrize("by", EXPORTERS)
def test_a_fixed_axis_is_refused(by, tmp_path):
    model = replace(small.ROWS, dynamic_axes={"x": {0: "batch"}})
    example = model.inputs(7, 2, 0, False)
    export(model, model.build(), example, tmp_path / "fixed.onnx", by)
    asked = replace(small.ROWS, build=model.build)
    from bench_core.runtimes import onnx_export

    with pytest.raises(Unsupported, match=r"axis 1 \(length\) of x to 7"):
        onnx_export._check_dynamic(tmp_path / "fixed.onnx", asked.dynamic_axes)


def test_operators_are_counted_without_constants(tmp_path):
    import onnx
    from onnx import TensorProto, helper

    value = helper.make_tensor("v", TensorProto.FLOAT, [1], [1.0])
    nodes = [
        helper.make_node("Constant", [], ["c"], value=value),
        helper.make_node("Add", ["x", "c"], ["y"]),
        helper.make_node("BiasGelu", ["y", "c"], ["z"], domain="com.microsoft"),
        helper.make_node("Conv", ["z"], ["w"], domain="com.microsoft.nchwc"),
    ]
    graph = helper.make_graph(nodes, "g", [], [])
    onnx.save(helper.make_model(graph), tmp_path / "m.onnx")
    assert operators(tmp_path / "m.onnx") == {"Add": 1, "BiasGelu": 1, "nchwc.Conv": 1}
