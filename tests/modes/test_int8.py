"""int8_dynamic is proved by the quantised layers that the module holds."""

from dataclasses import replace

import numpy as np
import pytest

from bench_core.errors import Unsupported
from bench_core.modes.int8 import INT8_DYNAMIC, INT8_MIN_SQNR_DB
from bench_core.runtimes import oracle
from tests.modes import small


def test_linear_layers_are_int8_and_outputs_near(tmp_path):
    job = small.job(small.TEXT, tmp_path)
    runner = INT8_DYNAMIC.prepare(job)
    evidence = runner.evidence()
    assert evidence["quantised"] == {"Linear": 2}
    assert INT8_DYNAMIC.engaged(evidence) is None
    inputs = [job.model.inputs(7, 1, 50, False), job.model.inputs(9, 3, 51, True)]
    exact, _, _ = oracle.run(job.module, inputs)
    assert INT8_MIN_SQNR_DB < small.sqnr_db(exact, small.outputs(runner, inputs)) < 70


def test_recurrent_layers_count_and_name_their_content(tmp_path):
    import torch
    from torch import nn

    class Recurrent(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(small.WIDTH, 8, batch_first=True)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.lstm(x)[0][:, -1]

    digests = set()
    for seed, folder in ((0, "a"), (0, "b"), (1, "c")):

        def build(seed: int = seed) -> nn.Module:
            torch.manual_seed(seed)
            return Recurrent()

        (tmp_path / folder).mkdir()
        runner = INT8_DYNAMIC.prepare(
            small.job(replace(small.ROWS, build=build), tmp_path / folder)
        )
        assert runner.evidence()["quantised"] == {"LSTM": 1}
        digests.add(runner.artifact_sha256)
    assert len(digests) == 2


def test_smaller_than_the_float_model(tmp_path):
    from torch import nn

    model = replace(small.ROWS, build=small.seeded(lambda: nn.Sequential(nn.Linear(16, 1024))))
    runner = INT8_DYNAMIC.prepare(small.job(model, tmp_path))
    floats, biases = 4 * 16 * 1024, 4 * 1024
    assert floats / 4 + biases < runner.artifact_bytes < floats / 2


def test_a_model_without_such_layers_is_unsupported(tmp_path):
    from torch import nn

    model = replace(small.ROWS, build=lambda: nn.LayerNorm(small.WIDTH))
    with pytest.raises(Unsupported, match="has none"):
        INT8_DYNAMIC.prepare(small.job(model, tmp_path))


@pytest.mark.parametrize("evidence", [{"quantised": {}}, {}, {"training": False}])
def test_no_quantised_layer_is_not_engaged(evidence):
    assert INT8_DYNAMIC.engaged(evidence) is not None


def test_the_bound_tells_a_model_from_noise():
    """An unrelated output of the same power has −3 dB, an all-zero one 0 dB."""
    rng = np.random.default_rng(0)
    y, other = rng.standard_normal((2, 100_000))
    assert small.sqnr_db([y], [other]) == pytest.approx(-3.01, abs=0.1)
    assert small.sqnr_db([y], [0 * y]) == pytest.approx(0.0)
    assert INT8_MIN_SQNR_DB > 1
