"""channels_last is proved by the strides that activations really have."""

from dataclasses import replace

import pytest

from bench_core.errors import Unsupported
from bench_core.modes.channels_last import CHANNELS_LAST
from bench_core.runtimes import oracle
from tests.modes import small


def test_every_activation_whose_strides_tell_is_channels_last(tmp_path):
    job = small.job(small.IMAGE, tmp_path)
    runner = CHANNELS_LAST.prepare(job)
    evidence = runner.evidence()
    assert evidence == {"weights": [2, 2], "activations": [3, 3]}
    assert CHANNELS_LAST.engaged(evidence) is None
    inputs = [job.model.inputs(9, 2, 50, False)]
    exact, _, _ = oracle.run(job.module, inputs)
    # float32 sums in another order: ε is −138 dB, and 72 terms lose at most 20·log10(72) of it
    assert small.sqnr_db(exact, small.outputs(runner, inputs)) > 138 - 37


def test_the_job_s_module_keeps_its_order(tmp_path):
    job = small.job(small.IMAGE, tmp_path)
    CHANNELS_LAST.prepare(job)
    assert all(weight.is_contiguous() for weight in job.module.parameters())


def test_a_layer_that_goes_back_is_seen(tmp_path):
    import torch
    from torch import nn

    class Back(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.contiguous() + 1

    job = small.job(replace(small.IMAGE, build=Back), tmp_path)
    evidence = CHANNELS_LAST.prepare(job).evidence()
    assert evidence["activations"] == [0, 1]
    assert "found 0 of 1" in CHANNELS_LAST.engaged(evidence)


def test_what_has_one_channel_or_pixel_tells_nothing(tmp_path):
    from torch import nn

    model = replace(small.IMAGE, build=lambda: nn.Sequential(nn.Conv2d(3, 1, 1), nn.ReLU()))
    evidence = CHANNELS_LAST.prepare(small.job(model, tmp_path)).evidence()
    assert evidence == {"weights": [0, 0], "activations": [0, 0]}
    assert CHANNELS_LAST.engaged(evidence) is not None


def test_a_model_without_4_d_inputs_is_unsupported(tmp_path):
    with pytest.raises(Unsupported, match=r"\(1, 7\)"):
        CHANNELS_LAST.prepare(small.job(small.TEXT, tmp_path))
