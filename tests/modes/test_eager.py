"""Each eager mode has one property that its neighbours lack."""

from pathlib import Path

import numpy as np
import pytest

from bench_core.mode import Mode
from bench_core.modes import eager
from bench_core.runtimes import oracle
from tests.modes import small

MODES = [value for value in vars(eager).values() if isinstance(value, Mode)]
DETERMINISTIC = [mode for mode in MODES if not mode.stochastic]


def prepared(mode: Mode, model=small.TEXT, folder: Path | None = None):
    job = small.job(model, folder)
    return job, mode.prepare(job)


@pytest.mark.parametrize(
    ("mode", "training", "grad", "inference"),
    [
        (eager.EAGER_AS_LOADED, True, True, False),
        (eager.EAGER_TRAIN, True, True, False),
        (eager.EAGER_EVAL, False, True, False),
        (eager.EAGER_NO_GRAD, False, False, False),
        (eager.EAGER_INFERENCE_MODE, False, False, True),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_state_that_a_call_really_has(mode, training, grad, inference, tmp_path):
    job, runner = prepared(mode, folder=tmp_path)
    output = runner.call(runner.feed(job.examples[0]))
    assert (output.requires_grad, output.is_inference()) == (grad, inference)
    evidence = runner.evidence()
    assert (evidence["training"], evidence["grad"]) == (training, grad)
    assert mode.engaged(evidence) is None


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_no_mode_accepts_the_evidence_of_another_program(mode, tmp_path):
    """The model is left in train mode, so as_loaded and train alone are the same program."""
    same = {eager.EAGER_AS_LOADED.name, eager.EAGER_TRAIN.name}
    for other in MODES:
        folder = tmp_path / other.name
        folder.mkdir()
        _, runner = prepared(other, folder=folder)
        accepted = mode.engaged(runner.evidence()) is None
        assert accepted == (mode is other or {mode.name, other.name} == same)


def test_as_loaded_keeps_a_module_that_its_loader_put_into_eval(tmp_path):
    from dataclasses import replace

    loaded_in_eval = replace(small.TEXT, build=lambda: small.TEXT.build().eval())
    _, runner = prepared(eager.EAGER_AS_LOADED, loaded_in_eval, tmp_path)
    assert runner.evidence() == {
        "training": False,
        "as_loaded": True,
        "grad": True,
        "inference": False,
    }
    assert eager.EAGER_AS_LOADED.engaged(runner.evidence()) is None


@pytest.mark.parametrize("mode", [eager.EAGER_TRAIN, eager.EAGER_AS_LOADED], ids=lambda m: m.name)
def test_batch_norm_moves_in_a_copy_only(mode, tmp_path):
    job, runner = prepared(mode, small.IMAGE, tmp_path)
    before = job.module.norm.running_mean.clone()
    runner.call(runner.feed(job.examples[0]))
    assert (job.module.norm.running_mean == before).all()


def test_train_drops_out_and_says_that_it_is_stochastic(tmp_path):
    job, runner = prepared(eager.EAGER_TRAIN, folder=tmp_path)
    first, second = small.outputs(runner, [job.examples[0]] * 2)
    assert not np.array_equal(first, second)
    assert eager.EAGER_TRAIN.stochastic


@pytest.mark.parametrize(
    "mode",
    [eager.EAGER_EVAL, eager.EAGER_NO_GRAD, eager.EAGER_INFERENCE_MODE],
    ids=lambda mode: mode.name,
)
def test_outputs_are_the_float32_module_s_at_any_shape(mode, tmp_path):
    job, runner = prepared(mode, small.TEXT, tmp_path)
    inputs = [job.model.inputs(7, 1, 50, False), job.model.inputs(11, 3, 51, True)]
    expected = oracle.eager_outputs(job.module, inputs)
    for found, right in zip(small.outputs(runner, inputs), expected, strict=True):
        np.testing.assert_array_equal(found, right)


def test_read_returns_a_copy(tmp_path):
    job, runner = prepared(eager.EAGER_INFERENCE_MODE, folder=tmp_path)
    output = runner.call(runner.feed(job.examples[0]))
    (array,) = runner.read(output)
    array += 1
    assert array.dtype == np.float64
    assert not np.array_equal(runner.read(output)[0], array)
