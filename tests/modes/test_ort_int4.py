"""Four-bit weights: every linear layer runs MatMulNBits, the file is smaller, the maths holds."""

import pytest

from bench_core.errors import Unsupported
from bench_core.modes import ort_int4 as modes
from bench_core.runtimes import oracle
from tests.modes import small

VARIANTS = small.variants(modes, "ort_int4_")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    found = {}
    for variant, mode in VARIANTS.items():
        job = small.job(small.TEXT, tmp_path_factory.mktemp(variant))
        runner = mode.prepare(job)
        found[variant] = runner, runner.evidence()
    return found


@pytest.mark.parametrize("variant", VARIANTS)
def test_right_and_engaged(made, variant):
    runner, evidence = made[variant]
    assert VARIANTS[variant].engaged(evidence) is None
    inputs = [small.TEXT.inputs(7, 4, seed, True) for seed in (100, 101)]
    exact, _, _ = oracle.run(small.TEXT.build(), inputs)
    # 6.02 · 4 − 7.27 = 17 dB for a Gaussian (Jayant and Noll 1984, §4.3), less two layers' worth.
    assert small.sqnr_db(exact, small.outputs(runner, inputs)) > 11
    assert evidence["int4_layers"] == ["widen", "narrow"]


def test_each_shows_what_no_other_does(made):
    assert made["rtn"][1]["calibration"] is None
    assert made["gptq"][1]["calibration"]["source"] == "random inputs"
    assert "alphas" not in made["gptq"][1]["steps"]
    assert len(made["awq"][1]["steps"]["alphas"]) == 2
    assert made["rtn"][0].artifact_sha256 != made["gptq"][0].artifact_sha256


def test_a_layer_that_stayed_float_is_not_engaged(made):
    evidence = made["rtn"][1]
    lying = {**evidence, "kernels": {"com.microsoft.MatMulNBits": 1, "MatMul": 1}}
    assert VARIANTS["rtn"].engaged(lying).startswith("expected 2 of MatMulNBits")


def test_a_model_without_linear_layers_is_unsupported(tmp_path):
    from dataclasses import replace

    from torch import nn

    model = replace(small.IMAGE, build=small.seeded(lambda: nn.Conv2d(3, 4, 3)))
    with pytest.raises(Unsupported, match="no linear layer"):
        VARIANTS["rtn"].prepare(small.job(model, tmp_path))
