"""Both exporters write the model, at any batch and length, and leave it as it was."""

from dataclasses import replace

import pytest

from bench_core.errors import Unsupported
from bench_core.runtimes import onnx_export, oracle
from bench_core.runtimes.onnx_export import EXPORTERS, candidates, export
from bench_core.runtimes.onnx_file import external_files, load
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
    with pytest.raises(Unsupported, match=r"axis 1 \(length\) of x to 7"):
        onnx_export._check_dynamic(tmp_path / "fixed.onnx", asked.dynamic_axes)


@pytest.mark.parametrize("by", EXPORTERS)
def test_weights_that_are_too_many_lie_beside(by, tmp_path, monkeypatch):
    """The TorchScript exporter decides by itself, at 2 GiB: more than a test may take."""
    monkeypatch.setattr(onnx_export, "INLINE_BYTES", 1000)
    path = tmp_path / "m.onnx"
    export(small.TEXT, small.TEXT.build(), small.TEXT.inputs(7, 2, 0, False), path, by)
    beside = [file.name for file in external_files(path, load(path))]
    assert beside == (["m.onnx.data"] if by == "dynamo" else [])


@pytest.mark.parametrize(
    ("lengths", "fixed_batch", "shape"),
    [((1, 3, 7), None, (2, 3)), ((1,), None, (2, 5)), ((7, 3), 1, (1, 7))],
)
def test_the_example_is_the_same_for_every_cell_where_it_can_be(
    lengths, fixed_batch, shape, tmp_path, monkeypatch
):
    """No size of 1, which torch.export takes for a constant, where the model allows another."""
    seen = []
    monkeypatch.setattr(
        onnx_export, "export", lambda model, module, example, path, by: seen.append(example)
    )
    model = replace(small.ROWS, lengths=lengths, fixed_batch=fixed_batch)
    (tmp_path / "cell").mkdir()
    candidates(small.job(model, tmp_path / "cell", length=5, batch=4))
    assert [example[0].shape[:2] for example in seen] == [shape] * 2


def test_a_file_of_the_user_s_is_all_there_is(tmp_path):
    model = replace(small.unbuildable(small.TEXT), onnx=tmp_path / "given.onnx")
    job = small.job(model, tmp_path)
    assert candidates(job) == ({"given": tmp_path / "given.onnx"}, {})
