"""PyTorch's own folding: by the same evidence as ours, right where both fold, and where it errs."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from bench_core.errors import Unsupported
from bench_core.models.digits_cnn import DIGITS_CNN
from bench_core.modes.fused_torch import FX_FUSED_TORCH, PAIRS_FUSED_TORCH
from bench_core.modes.fx_fused import FX_FUSED
from bench_core.runtimes import oracle
from tests.fusion.normed_layers import shake
from tests.modes import small
from tests.modes.test_fx_fused import TWICE

PEERS = [FX_FUSED_TORCH, PAIRS_FUSED_TORCH]
each_peer = pytest.mark.parametrize("mode", PEERS, ids=lambda mode: mode.name)


def prepared(mode, model, folder, length=7):
    folder = folder / mode.name
    folder.mkdir()
    job = small.job(model, folder, length)
    return job, mode.prepare(job)


def of(make):
    """Builds what `make` lists, its norms as after training."""
    return small.seeded(lambda: shake(nn.Sequential(*make())))


@each_peer
def test_it_folds_what_ours_does(mode, tmp_path):
    _, ours = prepared(FX_FUSED, DIGITS_CNN, tmp_path, 8)
    job, runner = prepared(mode, DIGITS_CNN, tmp_path, 8)
    evidence, own = runner.evidence(), ours.evidence()
    assert sorted(evidence["folded"]) == sorted(own["folded"])
    assert evidence["operators"]["aten::batch_norm"] == own["operators"]["aten::batch_norm"]
    assert mode.engaged(evidence) is None
    inputs = [DIGITS_CNN.inputs(8, 3, 50, False)]
    (right,), (found,) = oracle.eager_outputs(job.module, inputs), small.outputs(runner, inputs)
    assert np.abs(found - right).max() <= 1e-5 * np.abs(right).max()
    assert runner.artifact_bytes == pytest.approx(ours.artifact_bytes, rel=0.1)


def test_neighbours_in_the_module_alone_are_no_pair(tmp_path):
    _, runner = prepared(PAIRS_FUSED_TORCH, small.IMAGE, tmp_path)
    assert PAIRS_FUSED_TORCH.engaged(runner.evidence()) == "nothing was folded; left: norm"


def test_transposed_layers_are_pairs_and_no_pattern(tmp_path):
    model = replace(
        small.IMAGE, build=of(lambda: [nn.ConvTranspose2d(3, 4, 3, stride=2), nn.BatchNorm2d(4)])
    )
    _, traced = prepared(FX_FUSED_TORCH, model, tmp_path)
    assert traced.evidence()["left"] == ["1"]
    job, pairs = prepared(PAIRS_FUSED_TORCH, model, tmp_path)
    assert pairs.evidence()["folded"] == ["1 into 0"]
    inputs = [model.inputs(7, 2, 50, False)]
    exact, _, _ = oracle.run(job.module, inputs)
    assert small.sqnr_db(exact, small.outputs(pairs, inputs)) > 120


def test_what_it_cannot_fold_is_unsupported_in_torchs_words(tmp_path):
    def make():
        grouped = nn.ConvTranspose2d(6, 4, 3, groups=2)
        return nn.Conv2d(3, 6, 1), grouped, nn.BatchNorm2d(4)

    model = replace(small.IMAGE, build=of(make))
    with pytest.raises(Unsupported, match="torch cannot fold the batch norms of image: Runtime"):
        prepared(PAIRS_FUSED_TORCH, model, tmp_path)


def test_what_cannot_be_traced_is_unsupported_with_its_line(tmp_path):
    with pytest.raises(Unsupported, match=r"TraceError: .*small\.py:\d+, in forward: return"):
        prepared(FX_FUSED_TORCH, small.FORKED, tmp_path)


def wrong(mode, model, folder) -> bool:
    """Whether its outputs are not the model's, as the sweep then finds."""
    job, runner = prepared(mode, model, folder)
    inputs = [model.inputs(16, 3, 50, False)]
    exact, _, _ = oracle.run(job.module, inputs)
    return small.sqnr_db(exact, small.outputs(runner, inputs)) < 60


def test_a_layer_called_twice_is_folded_for_both_calls(tmp_path):
    model = replace(TWICE, build=small.seeded(lambda: shake(TWICE.build())))
    assert wrong(FX_FUSED_TORCH, model, tmp_path)
    assert not wrong(FX_FUSED, model, tmp_path)


@each_peer
def test_a_linear_layers_last_axis_is_taken_for_the_norms_second(mode, tmp_path):
    """16 rows of 16: as many rows, which the norm's channels are, as features."""
    width = small.WIDTH
    model = replace(small.ROWS, build=of(lambda: [nn.Linear(width, width), nn.BatchNorm1d(width)]))
    inputs = [model.inputs(width, 3, 50, False)]
    for candidate in (mode, FX_FUSED):
        job, runner = prepared(candidate, model, tmp_path, width)
        exact, _, _ = oracle.run(job.module, inputs)
        found = small.outputs(runner, inputs)
        assert (small.sqnr_db(exact, found) < 60) == (candidate is mode)


@each_peer
def test_the_jobs_module_stays(mode, tmp_path):
    job = small.job(DIGITS_CNN, tmp_path, 8)
    before = {name: value.clone() for name, value in job.module.state_dict().items()}
    mode.prepare(job)
    after = job.module.state_dict()
    assert list(after) == list(before)
    assert all(torch.equal(after[name], value) for name, value in before.items())
