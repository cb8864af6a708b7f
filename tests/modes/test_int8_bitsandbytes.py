"""bitsandbytes' mode is proved by weights in int8 and by its own products in a call."""

from dataclasses import replace
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings

from bench_core.errors import Unsupported
from bench_core.modes.int8 import INT8_MIN_SQNR_DB
from bench_core.modes.int8_bitsandbytes import INT8_BITSANDBYTES
from bench_core.runtimes import oracle
from tests.modes import small
from tests.modes.static import MEASURED, ONE_LAYER, grew, seeds, times

installed = pytest.mark.skipif(
    find_spec("bitsandbytes") is None, reason="bitsandbytes is an extra, and not installed here"
)


@installed
def test_linear_layers_are_int8_and_outputs_near(tmp_path):
    job = small.job(small.TEXT, tmp_path)
    runner = INT8_BITSANDBYTES.prepare(job)
    evidence = runner.evidence()
    assert evidence["weights"] == {"torch.float32": 1, "torch.int8": 2}  # the embedding stays
    assert evidence["operators"]["bitsandbytes::int8_mixed_scaled_mm"] == 2
    assert INT8_BITSANDBYTES.engaged(evidence) is None
    inputs = [job.model.inputs(7, 1, 50, False), job.model.inputs(9, 3, 51, True)]
    exact, _, _ = oracle.run(job.module, inputs)
    assert INT8_MIN_SQNR_DB < small.sqnr_db(exact, small.outputs(runner, inputs)) < 70


@installed
def test_columns_with_outliers_are_multiplied_in_float(tmp_path):
    """Only here: a value of 8000 beside others of 1 costs those nothing."""
    import torch

    def build():
        """Weights that int8 holds exactly: else theirs is the error of that column."""
        module = ONE_LAYER.build()
        whole = torch.randint(-127, 128, (16, 16))
        whole[:, 0] = 127
        module[0].weight.data = whole / 128
        return module

    job = small.job(replace(ONE_LAYER, build=build), tmp_path)
    runner = INT8_BITSANDBYTES.prepare(job)
    x = np.clip(ONE_LAYER.inputs(7, 1, 50, False)[0], -2, 2)
    x[..., 3] = 0
    out = x.copy()
    out[..., 3] = 8000
    weight = job.module[0].weight.detach().double().numpy()
    (found,) = small.outputs(runner, [(out,)])
    exact, _, _ = oracle.run(job.module, [(x,)])
    # In one scale with it, 8000 / 127 a step, they would all be rounded to 0: 0 dB.
    assert small.sqnr_db(exact, [found - out[..., 3:4] * weight[:, 3]]) > 10


@installed
def test_the_job_s_module_stays_as_it_is_and_the_artefact_is_smaller(tmp_path):
    from torch import nn

    model = replace(small.ROWS, build=small.seeded(lambda: nn.Linear(16, 4096)))
    job = small.job(model, tmp_path)
    runner = INT8_BITSANDBYTES.prepare(job)
    assert type(job.module) is nn.Linear and job.module.weight.dtype.itemsize == 4
    weights, biases, scales = 16 * 4096, 4 * 4096, 4 * 4096
    assert weights + biases < runner.artifact_bytes < weights + biases + scales + 10_000


@installed
def test_ranges_are_measured_at_each_call(tmp_path):
    runner = INT8_BITSANDBYTES.prepare(small.job(ONE_LAYER, tmp_path))

    @settings(max_examples=10)
    @given(seeds, times)
    def check(seed, times):
        assert grew(runner, seed, times) == pytest.approx(times, rel=MEASURED)

    check()


@installed
def test_a_model_without_linear_layers_is_unsupported(tmp_path):
    from torch import nn

    model = replace(small.ROWS, build=lambda: nn.LayerNorm(small.WIDTH))
    with pytest.raises(Unsupported, match="has none"):
        INT8_BITSANDBYTES.prepare(small.job(model, tmp_path))


OWN = {"weights": {"torch.int8": 1}, "operators": {"bitsandbytes::int8_scaled_mm": 1}}


@pytest.mark.parametrize(
    "liar",
    [
        {},
        {"weights": {"torch.float32": 1}},
        {"operators": {"bitsandbytes::int8_vectorwise_quant": 1}},
    ],
)
def test_each_part_of_the_evidence_is_needed(liar):
    assert INT8_BITSANDBYTES.engaged(OWN) is None
    assert INT8_BITSANDBYTES.engaged({**OWN, **liar} if liar else {}) is not None
