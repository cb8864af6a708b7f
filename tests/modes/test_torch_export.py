"""torch.export's file runs without the class that it was made from."""

from dataclasses import replace

import numpy as np
import pytest

from bench_core.errors import Unsupported
from bench_core.modes.aot_inductor import AOT_INDUCTOR
from bench_core.modes.torch_export import TORCH_EXPORT
from bench_core.runtimes import oracle, torch_module
from bench_core.runtimes.torch_export import export
from tests.modes import small
from tests.modes.compile_start import models


def test_a_saved_graph_runs_without_the_class_that_defined_it(tmp_path):
    first = small.job(small.TEXT, tmp_path)
    made = TORCH_EXPORT.prepare(first)
    again = small.job(small.unbuildable(small.TEXT), tmp_path)
    loaded = TORCH_EXPORT.prepare(again)
    assert ["module" in vars(job) for job in (first, again)] == [True, False]
    assert loaded.artifact_sha256 == made.artifact_sha256
    assert loaded.artifact_bytes == (tmp_path / "torch_export.pt2").stat().st_size
    evidence = loaded.evidence()
    assert TORCH_EXPORT.engaged(evidence) is None
    assert all(name.startswith("torch.") for name in evidence["classes"])
    inputs = [first.model.inputs(7, 1, 50, False)]
    np.testing.assert_array_equal(small.outputs(loaded, inputs), small.outputs(made, inputs))


@pytest.mark.parametrize("model", [small.TEXT, small.IMAGE], ids=lambda model: model.name)
@pytest.mark.parametrize("length", [1, 7])
def test_exported_in_eval_for_any_shape(model, length, tmp_path):
    job = small.job(model, tmp_path, length)
    runner = TORCH_EXPORT.prepare(job)
    evidence = runner.evidence()
    assert evidence["graphs_run"] == 0
    assert evidence["operators"].get("aten::linear") == evidence["in_graph"]["aten.linear.default"]
    shapes = [(7, 1, 50, False), (12, 3, 51, True), (length, 2, 52, False)]
    inputs = [model.inputs(*shape) for shape in shapes]
    exact, _, _ = oracle.run(job.module, inputs)
    assert small.sqnr_db(exact, small.outputs(runner, inputs)) > 120


@pytest.mark.parametrize("mode", [TORCH_EXPORT, AOT_INDUCTOR], ids=lambda mode: mode.name)
def test_control_flow_that_depends_on_the_data_is_unsupported(mode, tmp_path):
    says = r"data-dependent expression.*small\.py:\d+, in forward: return self\.linear"
    with pytest.raises(Unsupported, match=says) as caught:
        mode.prepare(small.job(small.FORKED, tmp_path))
    assert len(str(caught.value).splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == []


def test_what_was_made_of_a_module_is_exported_in_its_stead(tmp_path):
    """Here a graph that was exported before: it has no mode to be put into, eval() raises."""

    def doubled():
        module = small.ROWS.build()
        module[0].weight.data.mul_(2)
        return module

    made = export(small.job(replace(small.ROWS, build=doubled), tmp_path)).module()
    job = small.job(small.ROWS, tmp_path)
    inputs = torch_module.feed(small.ROWS.inputs(5, 3, 50, False))
    own, given = (export(job, module).module()(*inputs).detach() for module in (None, made))
    np.testing.assert_array_equal(given, made(*inputs).detach())
    assert not np.allclose(given, own)


def test_an_lstm_is_unrolled_to_one_length(tmp_path):
    with pytest.raises(Unsupported, match=r"fixed axis 1 \(length\) of x to 7"):
        TORCH_EXPORT.prepare(small.job(models()["recurrent"], tmp_path))


def test_an_axis_that_the_model_fixes_is_named(tmp_path):
    fixed = {"x": {0: "batch", 2: "features"}}
    with pytest.raises(Unsupported, match=r"fixed axis 2 \(features\) of x to 16"):
        TORCH_EXPORT.prepare(small.job(replace(small.ROWS, dynamic_axes=fixed), tmp_path))


ENGAGED = {"graph_nodes": 2, "operators": {"aten::linear": 1}, "classes": ["torch.fx.graph_module"]}


@pytest.mark.parametrize(
    "evidence",
    [
        {},
        {**ENGAGED, "graph_nodes": 0},
        {**ENGAGED, "operators": {}},
        {**ENGAGED, "classes": ["tests.modes.small"]},
    ],
)
def test_each_part_of_the_evidence_is_needed(evidence):
    assert TORCH_EXPORT.engaged(ENGAGED) is None
    assert TORCH_EXPORT.engaged(evidence) is not None
