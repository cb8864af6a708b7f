"""bf16 is proved by the dtypes of parameters and output."""

import pytest

from bench_core.modes.half import BF16, BF16_MIN_SQNR_DB
from bench_core.runtimes import oracle
from tests.modes import small


@pytest.mark.parametrize("model", [small.TEXT, small.IMAGE, small.ROWS], ids=lambda m: m.name)
def test_half_the_bits_and_still_the_model(model, tmp_path):
    job = small.job(model, tmp_path)
    runner = BF16.prepare(job)
    evidence = runner.evidence()
    assert set(evidence["parameters"]) == {"bfloat16"}
    assert set(evidence["activations"]) == {"bfloat16"}
    assert BF16.engaged(evidence) is None
    inputs = [model.inputs(7, 1, 50, False), model.inputs(9, 3, 51, True)]
    exact, name, _ = oracle.run(job.module, inputs)
    found = small.sqnr_db(exact, small.outputs(runner, inputs))
    assert name == "float64"
    # Above 24 significant bits' worth it would not be bfloat16 at all.
    assert BF16_MIN_SQNR_DB < found < 70


def test_the_job_s_module_keeps_its_precision(tmp_path):
    import torch

    job = small.job(small.IMAGE, tmp_path)
    BF16.prepare(job)
    assert {p.dtype for p in job.module.parameters()} == {torch.float32}
    assert job.module.norm.running_mean.dtype == torch.float32
    assert job.module.training


@pytest.mark.parametrize(
    "evidence",
    [
        {"parameters": {"float32": 8}, "activations": {"float32": 8}},
        {"parameters": {"bfloat16": 7, "float32": 1}, "activations": {"bfloat16": 8}},
        {"parameters": {"bfloat16": 8}, "activations": {"bfloat16": 4, "float32": 4}},
        {"parameters": {"bfloat16": 8}, "activations": {}},
        {},
    ],
)
def test_anything_else_is_not_engaged(evidence):
    assert BF16.engaged(evidence) is not None
