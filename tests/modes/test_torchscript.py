"""TorchScript's modes run a saved graph, not the Python that defined the model."""

from dataclasses import replace

import numpy as np
import pytest

from bench_core.errors import Unsupported, WrongOutput
from bench_core.modes.torchscript import (
    TORCHSCRIPT_FREEZE,
    TORCHSCRIPT_OPTIMIZED,
    TORCHSCRIPT_SCRIPT,
    TORCHSCRIPT_TRACE,
)
from bench_core.runtimes import oracle
from tests.modes import small

ALL = [TORCHSCRIPT_TRACE, TORCHSCRIPT_FREEZE, TORCHSCRIPT_SCRIPT, TORCHSCRIPT_OPTIMIZED]
MODES = pytest.mark.parametrize("mode", ALL, ids=lambda mode: mode.name)
TRACED = pytest.mark.parametrize(
    "mode", [one for one in ALL if one is not TORCHSCRIPT_SCRIPT], ids=lambda mode: mode.name
)


@MODES
def test_a_finished_artefact_is_run_without_building_the_module(mode, tmp_path):
    first = small.job(small.TEXT, tmp_path)
    made = mode.prepare(first)
    again = small.job(small.unbuildable(small.TEXT), tmp_path)
    loaded = mode.prepare(again)
    assert ["module" in vars(job) for job in (first, again)] == [True, False]
    assert loaded.artifact_sha256 == made.artifact_sha256
    inputs = [first.model.inputs(7, 1, 50, False)]
    np.testing.assert_array_equal(small.outputs(loaded, inputs), small.outputs(made, inputs))


@MODES
@pytest.mark.parametrize("model", [small.TEXT, small.IMAGE], ids=lambda model: model.name)
def test_in_eval_for_any_shape(mode, model, tmp_path):
    job = small.job(model, tmp_path)
    runner = mode.prepare(job)
    assert mode.engaged(runner.evidence()) is None
    inputs = [model.inputs(7, 1, 50, False), model.inputs(12, 3, 51, True)]
    expected = oracle.eager_outputs(job.module, inputs)
    for found, right in zip(small.outputs(runner, inputs), expected, strict=True):
        # The same operators; the fuser may reorder a sum of at most 72 terms.
        np.testing.assert_allclose(found, right, rtol=0, atol=72 * 2**-24 * abs(right).max())


@MODES
def test_no_evidence_is_not_engaged(mode):
    assert mode.engaged({}) is not None


def test_only_freezing_makes_weights_constants(tmp_path):
    traced = TORCHSCRIPT_TRACE.prepare(small.job(small.TEXT, tmp_path)).evidence()
    frozen = TORCHSCRIPT_FREEZE.prepare(small.job(small.TEXT, tmp_path)).evidence()
    assert traced["parameters"] == 7
    assert traced["get_attr"] > 0
    assert (frozen["parameters"], frozen["get_attr"]) == (0, 0)
    assert TORCHSCRIPT_FREEZE.engaged(traced) is not None


def test_only_optimizing_rewrites_what_was_saved_and_does_so_at_every_load(tmp_path):
    frozen = TORCHSCRIPT_FREEZE.prepare(small.job(small.IMAGE, tmp_path)).evidence()
    assert frozen["rewritten"] == {}
    assert TORCHSCRIPT_OPTIMIZED.engaged(frozen) is not None
    for model in (small.IMAGE, small.unbuildable(small.IMAGE)):
        runner = TORCHSCRIPT_OPTIMIZED.prepare(small.job(model, tmp_path))
        rewritten = runner.evidence()["rewritten"]
        assert rewritten["aten::_convolution"] == [2, 0]
        assert rewritten["prim::mkldnn_convolution"] == [0, 2]
        assert rewritten["prim::ConstantMKLDNNTensor"] == [0, 4]
        assert rewritten["aten::linear"] == [1, 0]  # its weight is transposed once, ahead


def test_what_optimizing_makes_of_a_convolution_cannot_be_kept(tmp_path):
    """Why the mode saves the frozen trace. Should this fail, it may save what it runs."""
    import torch

    from bench_core.runtimes import torchscript_file

    with torchscript_file.deprecations_silenced():
        frozen = torchscript_file.frozen(small.job(small.IMAGE, tmp_path))
        module = torch.jit.optimize_for_inference(frozen)
        torch.jit.save(module, tmp_path / "optimized.pt")
        with pytest.raises(RuntimeError, match="'value' is undefined"):
            torch.jit.load(tmp_path / "optimized.pt")


def test_only_scripting_keeps_control_flow_that_depends_on_the_data(tmp_path):
    job = small.job(small.FORKED, tmp_path)
    runner = TORCHSCRIPT_SCRIPT.prepare(job)
    (rows,) = small.row_inputs(7, 1, 50, False)
    for inputs in ([(abs(rows),)], [(-abs(rows),)]):
        assert small.sqnr_db(oracle.run(job.module, inputs)[0], small.outputs(runner, inputs)) > 100
    assert runner.evidence()["branches"] == 1


def test_a_trace_does_not_pass_for_compiled_source(tmp_path):
    compiled = TORCHSCRIPT_SCRIPT.prepare(small.job(small.ROWS, tmp_path)).evidence()
    traced = TORCHSCRIPT_TRACE.prepare(small.job(small.ROWS, tmp_path)).evidence()
    assert (compiled["compiled"] > 0, compiled["traced"]) == (True, 0)
    assert (traced["compiled"], traced["traced"] > 0) == (0, True)
    assert TORCHSCRIPT_SCRIPT.engaged(traced) is not None


def test_what_is_not_torchscript_is_unsupported_in_torchs_words(tmp_path):
    def build():
        from torch import nn

        class Anything(nn.Module):
            def forward(self, *rows):
                return rows[0]

        return Anything()

    with pytest.raises(Unsupported, match=r"^rows is not TorchScript .*variable number of arg"):
        TORCHSCRIPT_SCRIPT.prepare(small.job(replace(small.ROWS, build=build), tmp_path))
    assert not list(tmp_path.iterdir())


@TRACED
def test_control_flow_that_depends_on_the_data_is_found_by_the_check_inputs(mode, tmp_path):
    def opposite(length, batch, seed, padded):
        (array,) = small.row_inputs(length, batch, seed, padded)
        return (abs(array) if seed % 2 else -abs(array),)

    with pytest.raises(WrongOutput, match="depends on the data"):
        mode.prepare(small.job(replace(small.FORKED, inputs=opposite), tmp_path))


@TRACED
def test_or_else_by_the_oracle(mode, tmp_path):
    """Examples that all take one branch, verification inputs that take the other."""

    def positive_examples(length, batch, seed, padded):
        (array,) = small.row_inputs(length, batch, seed, padded)
        return (abs(array) if seed < 50 else -abs(array),)

    job = small.job(replace(small.FORKED, inputs=positive_examples), tmp_path)
    runner = mode.prepare(job)
    same, other = [job.examples[1]], [job.model.inputs(7, 1, 50, False)]
    assert small.sqnr_db(oracle.run(job.module, same)[0], small.outputs(runner, same)) > 100
    assert small.sqnr_db(oracle.run(job.module, other)[0], small.outputs(runner, other)) < 10
