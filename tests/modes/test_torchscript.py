"""TorchScript's modes run a saved graph, not the Python that defined the model."""

import numpy as np
import pytest

from bench_core.errors import WrongOutput
from bench_core.modes.torchscript import TORCHSCRIPT_FREEZE, TORCHSCRIPT_TRACE
from bench_core.runtimes import oracle
from tests.modes import small

MODES = pytest.mark.parametrize(
    "mode", [TORCHSCRIPT_TRACE, TORCHSCRIPT_FREEZE], ids=lambda mode: mode.name
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
def test_traced_in_eval_for_any_shape(mode, model, tmp_path):
    job = small.job(model, tmp_path)
    runner = mode.prepare(job)
    assert mode.engaged(runner.evidence()) is None
    inputs = [model.inputs(7, 1, 50, False), model.inputs(12, 3, 51, True)]
    expected = oracle.eager_outputs(job.module, inputs)
    for found, right in zip(small.outputs(runner, inputs), expected, strict=True):
        # The same operators; the fuser may reorder a sum of at most 72 terms.
        np.testing.assert_allclose(found, right, rtol=0, atol=72 * 2**-24 * abs(right).max())


def test_only_freezing_makes_weights_constants(tmp_path):
    traced = TORCHSCRIPT_TRACE.prepare(small.job(small.TEXT, tmp_path)).evidence()
    frozen = TORCHSCRIPT_FREEZE.prepare(small.job(small.TEXT, tmp_path)).evidence()
    assert traced["parameters"] == 7
    assert traced["get_attr"] > 0
    assert (frozen["parameters"], frozen["get_attr"]) == (0, 0)
    assert TORCHSCRIPT_FREEZE.engaged(traced) is not None
    assert TORCHSCRIPT_TRACE.engaged({}) is not None


@MODES
def test_control_flow_that_depends_on_the_data_is_found_by_the_check_inputs(mode, tmp_path):
    def opposite(length, batch, seed, padded):
        (array,) = small.row_inputs(length, batch, seed, padded)
        return (abs(array) if seed % 2 else -abs(array),)

    from dataclasses import replace

    with pytest.raises(WrongOutput, match="depends on the data"):
        mode.prepare(small.job(replace(small.FORKED, inputs=opposite), tmp_path))


@MODES
def test_or_else_by_the_oracle(mode, tmp_path):
    """Examples that all take one branch, verification inputs that take the other."""

    def positive_examples(length, batch, seed, padded):
        (array,) = small.row_inputs(length, batch, seed, padded)
        return (abs(array) if seed < 50 else -abs(array),)

    from dataclasses import replace

    job = small.job(replace(small.FORKED, inputs=positive_examples), tmp_path)
    runner = mode.prepare(job)
    same, other = [job.examples[1]], [job.model.inputs(7, 1, 50, False)]
    assert small.sqnr_db(oracle.run(job.module, same)[0], small.outputs(runner, same)) > 100
    assert small.sqnr_db(oracle.run(job.module, other)[0], small.outputs(runner, other)) < 10
