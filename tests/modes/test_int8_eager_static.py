"""int8_eager_static_{engine} is proved by its layers, their fixed ranges, and the engine."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings

from bench_core.errors import Unavailable, Unsupported
from bench_core.modes import int8_eager_static
from bench_core.modes.int8 import INT8_DYNAMIC, INT8_MIN_SQNR_DB
from bench_core.modes.int8_eager_static import INT8_EAGER_STATIC_X86, Mode
from bench_core.runtimes import oracle
from tests.modes import small
from tests.modes.static import MEASURED, ONE_LAYER, grew, seeds, times, uncalibratable

MODES = [value for value in vars(int8_eager_static).values() if isinstance(value, Mode)]
HERE = [
    mode
    for mode in MODES
    if mode.name.removeprefix("int8_eager_static_") in torch.backends.quantized.supported_engines
]
modes = pytest.mark.parametrize("mode", HERE, ids=lambda mode: mode.name)


@pytest.fixture(autouse=True)
def engine_restored():
    before = torch.backends.quantized.engine
    yield
    torch.backends.quantized.engine = before


def test_there_is_a_mode_for_every_engine_of_torch():
    names = {mode.name.removeprefix("int8_eager_static_") for mode in MODES}
    assert names >= set(torch.backends.quantized.supported_engines) - {"none"}
    assert INT8_EAGER_STATIC_X86 in HERE or "x86" not in names


@modes
def test_layers_are_int8_by_its_engine_and_outputs_near(mode, tmp_path):
    job = small.job(small.IMAGE, tmp_path)
    runner = mode.prepare(job)
    evidence = runner.evidence()
    assert evidence["quantised"] == {"Conv2d": 2, "Linear": 1}
    assert evidence["engine"] == mode.name.removeprefix("int8_eager_static_")
    assert evidence["calibration"] == {"source": "random inputs", "items": 32}
    assert mode.engaged(evidence) is None
    inputs = [job.model.inputs(7, 1, 50, False), job.model.inputs(9, 3, 51, True)]
    exact, _, _ = oracle.run(job.module, inputs)
    assert INT8_MIN_SQNR_DB < small.sqnr_db(exact, small.outputs(runner, inputs)) < 70


@modes
def test_ranges_are_fixed_where_the_dynamic_sibling_measures_them(mode, tmp_path):
    (tmp_path / "dynamic").mkdir()
    dynamic = INT8_DYNAMIC.prepare(small.job(ONE_LAYER, tmp_path / "dynamic"))
    static = mode.prepare(small.job(ONE_LAYER, tmp_path))

    @settings(max_examples=25)
    @given(seeds, times)
    def check(seed, times):
        assert grew(static, seed, times) == 1
        assert grew(dynamic, seed, times) == pytest.approx(times, rel=MEASURED)

    check()


@modes
def test_the_input_s_scale_is_torch_s_own_of_the_calibration_data(mode, tmp_path):
    """A histogram's range is one that the values have, in as many bits as the engine gives it."""
    job = small.job(ONE_LAYER, tmp_path)
    mode.prepare(job)
    (path,) = tmp_path.glob("*.pt")
    kept = torch.load(path, weights_only=True)["state"]
    (scale,) = (value for name, value in kept.items() if name.endswith("input_scale_0"))
    x = np.concatenate([batch for (batch,) in ONE_LAYER.calibration()])
    bits = 7 if mode.name.endswith(("x86", "fbgemm")) else 8
    widest = (x.max() - x.min()) / (2**bits - 1)
    assert 0.5 * widest < float(scale) <= widest * (1 + 1e-6)


@modes
def test_a_second_start_calibrates_nothing_and_puts_out_the_same(mode, tmp_path):
    first = mode.prepare(small.job(ONE_LAYER, tmp_path))
    again = mode.prepare(small.job(uncalibratable(ONE_LAYER), tmp_path))
    assert again.evidence() == first.evidence()
    assert again.artifact_sha256 == first.artifact_sha256
    inputs = [ONE_LAYER.inputs(7, 1, 50, False), ONE_LAYER.inputs(9, 3, 51, False)]
    for one, other in zip(small.outputs(first, inputs), small.outputs(again, inputs), strict=True):
        np.testing.assert_array_equal(one, other)


def test_each_is_engaged_by_its_own_evidence_alone(tmp_path):
    found = {}
    for mode in (*HERE, INT8_DYNAMIC):
        (tmp_path / mode.name).mkdir()
        found[mode.name] = mode.prepare(small.job(ONE_LAYER, tmp_path / mode.name)).evidence()
    for mode in HERE:
        for other, evidence in found.items():
            assert (mode.engaged(evidence) is None) == (mode.name == other), (mode.name, other)


@modes
def test_layers_that_saw_no_data_are_not_engaged(mode, tmp_path):
    model = replace(ONE_LAYER, calibration=list)
    said = mode.engaged(mode.prepare(small.job(model, tmp_path)).evidence())
    assert said == "expected a range for each, found 1 without"


@pytest.mark.parametrize(
    "evidence",
    [
        {},
        {"quantised": {}, "operators": {}, "unobserved": 0, "engine": "x86"},
        {"quantised": {"Linear": 1}, "engine": "x86"},
        {"quantised": {"Linear": 1}, "unobserved": 0, "engine": "fbgemm"},
    ],
)
def test_anything_else_is_not_engaged(evidence):
    assert INT8_EAGER_STATIC_X86.engaged(evidence) is not None
    own = {"quantised": {"Linear": 1}, "operators": {}, "unobserved": 0, "engine": "x86"}
    assert INT8_EAGER_STATIC_X86.engaged(own) is None


@modes
def test_a_quarter_of_the_float_bytes(mode, tmp_path):
    from torch import nn

    model = replace(ONE_LAYER, build=small.seeded(lambda: nn.Sequential(nn.Linear(16, 4096))))
    runner = mode.prepare(small.job(model, tmp_path))
    weights, biases = 16 * 4096, 4 * 4096
    # A scale (float64) and a zero point (int64) per channel, at most.
    assert weights + biases < runner.artifact_bytes < weights + biases + 16 * 4096 + 10_000


@modes
def test_the_job_s_module_stays_as_it_is(mode, tmp_path):
    job = small.job(small.IMAGE, tmp_path)
    before = {name: value.clone() for name, value in job.module.state_dict().items()}
    mode.prepare(job)
    after = job.module.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert job.module.training and type(job.module.first) is torch.nn.Conv2d


@modes
@pytest.mark.parametrize(
    ("model", "says"),
    [
        (small.FORKED, "^torch.fx cannot trace forked: TraceError: symbolically traced"),
        (small.TEXT, "^[a-z0-9]+ cannot calibrate text: NotImplementedError: .*'Long'"),
    ],
    ids=["control flow", "integers to observe"],
)
def test_what_it_cannot_take_is_unsupported_in_torch_s_words(mode, model, says, tmp_path):
    with pytest.raises(Unsupported, match=says):
        mode.prepare(small.job(model, tmp_path))
    assert not list(tmp_path.glob("*.pt"))


def test_an_engine_that_this_torch_was_built_without_is_unavailable(tmp_path):
    with pytest.raises(Unavailable, match=r"no quantised engine 'npu'; it has \["):
        int8_eager_static._prepare(small.job(small.ROWS, tmp_path), "npu")
