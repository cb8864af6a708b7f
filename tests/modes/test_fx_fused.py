"""Folding is proved by the batch norms that a call no longer runs."""

import re
from dataclasses import replace

import numpy as np
import pytest

from bench_core.errors import Unsupported
from bench_core.models.digits_cnn import DIGITS_CNN
from bench_core.modes.fx_fused import EXPORT_FUSED, FX_FUSED, fewer_norms
from bench_core.runtimes import oracle
from tests.modes import small

MODES = [FX_FUSED, EXPORT_FUSED]
each_mode = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)


@each_mode
def test_norms_are_gone_from_what_a_call_runs(mode, tmp_path):
    job = small.job(small.IMAGE, tmp_path)
    runner = mode.prepare(job)
    evidence = runner.evidence()
    assert evidence["folded"] == ["norm into first"]
    assert evidence["operators"]["aten::batch_norm"] == [1, 0]
    assert evidence["operators"]["aten::conv2d"] == [2, 2]
    assert evidence["nodes"][1] == evidence["nodes"][0] - 1
    assert mode.engaged(evidence) is None
    inputs = [job.model.inputs(length, batch, 50, False) for length, batch in ((7, 1), (12, 3))]
    exact, _, _ = oracle.run(job.module, inputs)
    assert small.sqnr_db(exact, small.outputs(runner, inputs)) > 120


@each_mode
def test_every_norm_of_a_real_net(mode, tmp_path):
    job = small.job(DIGITS_CNN, tmp_path, length=8)
    runner = mode.prepare(job)
    evidence = runner.evidence()
    before, after = evidence["operators"]["aten::batch_norm"]
    assert (before, after) == (len(evidence["folded"]), 0)
    assert mode.engaged(evidence) is None
    inputs = [DIGITS_CNN.inputs(8, 3, 50, False)]
    (right,), (found,) = oracle.eager_outputs(job.module, inputs), small.outputs(runner, inputs)
    assert np.abs(found - right).max() <= 1e-5 * np.abs(right).max()


@each_mode
def test_without_a_norm_it_is_not_engaged_and_says_what_it_did(mode, tmp_path):
    evidence = mode.prepare(small.job(small.TEXT, tmp_path)).evidence()
    assert evidence["removed"] == ["drop"]
    assert mode.engaged(evidence) == "nothing was folded; there is no batch norm"


def twice():
    import torch
    from torch import nn

    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.norm = nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.first(self.norm(self.first(x)).relu())

    return Twice()


TWICE = replace(small.IMAGE, name="twice", build=small.seeded(twice))


@each_mode
def test_a_norm_that_cannot_be_folded_is_the_reason(mode, tmp_path):
    evidence = mode.prepare(small.job(TWICE, tmp_path)).evidence()
    assert evidence["operators"]["aten::batch_norm"] == [1, 1]
    said = "nothing was folded; left: norm: the weight of first is used elsewhere too"
    assert mode.engaged(evidence) == said


def test_what_torch_fx_cannot_trace_is_unsupported_with_its_line(tmp_path):
    line = r"small\.py:\d+, in forward: return self\.linear\(x\) if x\.sum\(\) > 0 else -3 \* x"
    with pytest.raises(Unsupported, match=f"cannot trace Forked: TraceError: .*{line}"):
        FX_FUSED.prepare(small.job(small.FORKED, tmp_path))


def test_nor_what_torch_export_cannot_capture(tmp_path):
    with pytest.raises(Unsupported, match=r"torch\.export cannot capture forked"):
        EXPORT_FUSED.prepare(small.job(small.FORKED, tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_a_saved_graph_runs_without_the_class_that_defined_it(tmp_path):
    made = EXPORT_FUSED.prepare(small.job(small.IMAGE, tmp_path))
    loaded = EXPORT_FUSED.prepare(small.job(small.unbuildable(small.IMAGE), tmp_path))
    assert loaded.artifact_sha256 == made.artifact_sha256
    assert loaded.evidence() == made.evidence()


@each_mode
def test_less_is_shipped_and_the_module_stays(mode, tmp_path):
    job = small.job(small.IMAGE, tmp_path)
    before = {name: value.clone() for name, value in job.module.state_dict().items()}
    mode.prepare(job)
    after = job.module.state_dict()
    assert list(after) == list(before)
    assert all((after[name] == value).all() for name, value in before.items())


ENGAGED = {"folded": ["a into b"], "left": [], "operators": {"aten::batch_norm": [2, 1]}}


@pytest.mark.parametrize(
    ("evidence", "says"),
    [
        ({}, "nothing was folded; there is no batch norm"),
        ({**ENGAGED, "folded": []}, "nothing was folded"),
        ({**ENGAGED, "operators": {}}, "expected 1 of 0 batch norms to be gone, found that 0 run"),
        ({**ENGAGED, "operators": {"aten::batch_norm": [2, 2]}}, "1 of 2 .* found that 2 run"),
        ({**ENGAGED, "folded": ["a into b", "c into d"]}, "2 of 2 .* found that 1 run"),
        ({"left": ["a: x", "b: y", "c: z", "d: x", "e: y"]}, "a: x; b: y; c: z; and 2 more$"),
    ],
)
def test_each_part_of_the_evidence_is_needed(evidence, says):
    assert fewer_norms(ENGAGED) is None
    assert re.search(says, fewer_norms(evidence) or "")
