"""Half precision is proved by the dtypes of parameters, layers and output."""

from dataclasses import replace

import numpy as np
import pytest

from bench_core.errors import Unavailable, Unsupported
from bench_core.modes.half import (
    AUTOCAST_BF16,
    AUTOCAST_FP16,
    BF16,
    FP16,
    FP16_MIN_SQNR_DB,
)
from bench_core.runtimes import oracle
from tests.modes import small

MODES = (BF16, FP16, AUTOCAST_BF16, AUTOCAST_FP16)
PURE, AUTOCAST = MODES[:2], MODES[2:]
MODELS = [small.TEXT, small.IMAGE, small.ROWS]


def named(values):
    return pytest.mark.parametrize("mode", values, ids=lambda mode: mode.name)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@named(MODES)
def test_half_the_bits_and_still_the_model(mode, model, tmp_path):
    job = small.job(model, tmp_path)
    runner = mode.prepare(job)
    inputs = [model.inputs(7, 1, 50, False), model.inputs(9, 3, 51, True)]
    exact, name, _ = oracle.run(job.module, inputs)
    found = small.sqnr_db(exact, small.outputs(runner, inputs))
    assert name == "float64"
    # A single rounding of p significant bits has 20·log10(√3·2ᵖ⁺¹) dB at the worst mantissa, and
    # 6 at the best: more would not be that precision at all.
    bits = {"bfloat16": 8, "float16": 11}[mode.dtype]
    assert mode.min_sqnr_db < found < 20 * np.log10(3**0.5 * 2 ** (bits + 1)) + 7


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@named(PURE)
def test_pure_half_has_no_float32_layer(mode, model, tmp_path):
    evidence = mode.prepare(small.job(model, tmp_path)).evidence()
    assert set(evidence["parameters"]) == set(evidence["activations"]) == {mode.dtype}


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
@named(AUTOCAST)
def test_autocast_leaves_parameters_and_what_it_does_not_cast(mode, model, tmp_path):
    job = small.job(model, tmp_path)
    evidence = mode.prepare(job).evidence()
    assert set(evidence["parameters"]) == {"float32"}
    low = {mode.dtype, "float32"} if model is small.TEXT else {mode.dtype}
    assert set(evidence["activations"]) == low  # the embedding's output stays float32
    assert all(parameter.dtype.itemsize == 4 for parameter in job.module.parameters())


def test_each_mode_is_engaged_by_its_own_evidence_alone(tmp_path):
    found = {}
    for mode in MODES:
        (tmp_path / mode.name).mkdir()
        found[mode.name] = mode.prepare(small.job(small.TEXT, tmp_path / mode.name)).evidence()
    for mode in MODES:
        for other, evidence in found.items():
            assert (mode.engaged(evidence) is None) == (mode.name == other), (mode.name, other)


def test_pure_half_ships_half_the_bytes_autocast_all(tmp_path):
    from torch import nn

    model = replace(small.ROWS, build=small.seeded(lambda: nn.Linear(16, 4096)))
    sizes = {}
    for mode in MODES:
        (tmp_path / mode.name).mkdir()
        runner = mode.prepare(small.job(model, tmp_path / mode.name))
        sizes[mode.name] = runner.artifact_bytes
    for pure, autocast in zip(PURE, AUTOCAST, strict=True):
        assert 1.9 < sizes[autocast.name] / sizes[pure.name] < 2.1


@named(PURE)
def test_the_job_s_module_keeps_its_precision(mode, tmp_path):
    import torch

    job = small.job(small.IMAGE, tmp_path)
    mode.prepare(job)
    assert {p.dtype for p in job.module.parameters()} == {torch.float32}
    assert job.module.norm.running_mean.dtype == torch.float32
    assert job.module.training


def test_the_precisions_differ_in_bits_and_in_range(tmp_path):
    """1 + 2⁻⁹ needs 10 significant bits, 2¹⁷ more range than a float16 has."""
    from torch import nn

    model = replace(small.ROWS, build=lambda: nn.Sequential(nn.Identity(), nn.ReLU()))
    inputs = (np.array([[[1 + 2**-9, 2.0**17]]], np.float32),)
    values = {}
    for mode in PURE:
        (tmp_path / mode.name).mkdir()
        runner = mode.prepare(small.job(parametrised(model), tmp_path / mode.name))
        values[mode.name] = small.outputs(runner, [inputs])[0].ravel().tolist()
    assert values == {"bf16": [1.0, 2.0**17], "fp16": [1 + 2**-9, np.inf]}


def parametrised(model):
    """With a parameter, so that there is something to cast."""

    def build():
        from torch import nn

        module = model.build()
        module[0].register_parameter("unused", nn.Parameter(next(nn.Linear(1, 1).parameters())))
        return module

    return replace(model, build=build)


@named(MODES)
def test_an_operator_without_a_kernel_is_named(mode, tmp_path):
    import torch
    from torch import nn

    class Bessel(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(small.WIDTH, small.WIDTH)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return torch.special.bessel_j0(self.linear(x))

    job = small.job(replace(small.ROWS, build=Bessel), tmp_path)
    with pytest.raises(Unsupported, match=rf"in {mode.dtype} on a CPU: .*bessel_j0_cpu"):
        mode.prepare(job)


def test_what_onednn_lacks_on_this_processor_is_unavailable_not_an_error(tmp_path):
    """Its fp16 LSTM takes AVX512-FP16 or AMX-FP16; elsewhere it fails when it is first called."""
    from torch import nn

    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(small.WIDTH, small.WIDTH, batch_first=True)

        def forward(self, x):
            return self.lstm(x)[0]

    job = small.job(replace(small.ROWS, build=Recurrent), tmp_path)
    try:
        evidence = AUTOCAST_FP16.prepare(job).evidence()
    except Unavailable as error:
        assert "float16 on this processor" in str(error)
    else:
        assert AUTOCAST_FP16.engaged(evidence) is None


@named(MODES)
def test_another_error_is_not_taken_for_that(mode, tmp_path):
    from torch import nn

    model = replace(small.ROWS, build=lambda: nn.Linear(3, 3))
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        mode.prepare(small.job(model, tmp_path))


@named(MODES)
def test_what_the_cpu_has_is_what_linux_says(mode, tmp_path):
    from pathlib import Path

    evidence = mode.prepare(small.job(small.ROWS, tmp_path)).evidence()
    flags = next(
        line.split() for line in Path("/proc/cpuinfo").read_text().splitlines() if "flags" in line
    )
    assert evidence["cpu"] == {name: name in flags for name in evidence["cpu"]}
    assert len(evidence["cpu"]) >= 2


@pytest.mark.parametrize(
    "evidence",
    [
        {"parameters": {"float32": 8}, "activations": {"float32": 8}},
        {"parameters": {"LOW": 7, "float32": 1}, "activations": {"LOW": 8}},
        {"parameters": {"LOW": 8}, "activations": {"LOW": 4, "float32": 4}},
        {"parameters": {"LOW": 8}, "activations": {}},
        {"parameters": {"float32": 8}, "activations": {"LOW": 4, "float64": 1}},
        {"parameters": {"float32": 8}, "activations": {}},
        {},
    ],
)
@named(MODES)
def test_anything_else_is_not_engaged(mode, evidence):
    evidence = {
        tensors: {dtype.replace("LOW", mode.dtype): count for dtype, count in counts.items()}
        for tensors, counts in evidence.items()
    }
    assert mode.engaged(evidence) is not None


def test_the_least_signal_to_noise_ratios_follow_from_the_bits():
    for mode, bits in ((BF16, 8), (FP16, 11), (AUTOCAST_BF16, 8), (AUTOCAST_FP16, 11)):
        one_rounding_db = 20 * np.log10(3**0.5 * 2 ** (bits + 1))
        assert 3 < one_rounding_db - 10 * np.log10(1000) - mode.min_sqnr_db < 5
    assert FP16.min_sqnr_db == FP16_MIN_SQNR_DB
