"""Our static int8: integer kernels ran, and each variant shows what no other does."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper
from torch import nn

from bench_core.errors import Unsupported
from bench_core.modes import ort_int8_static as modes
from bench_core.quantization.quant_params import Grid
from bench_core.quantization.range_method import observe, range_methods
from bench_core.runtimes import oracle
from tests.modes import small
from tests.modes.static import uncalibratable

CALIBRATED = range(70, 74)


def _images():
    """Standard normal, and one value in ten thousand far out, for which methods differ."""
    found = []
    for seed in CALIBRATED:
        (x,) = small._image_inputs(7, 16, seed, False)
        x[np.random.default_rng(seed).random(x.shape) < 1e-3] *= 9
        found.append((x,))
    return found


def _net():
    """1×1 convolutions, so that biases can be absorbed, of channels far apart in range."""
    module = nn.Sequential(
        nn.Conv2d(3, 8, 1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 5),
    )
    with torch.no_grad():
        module[1].weight.copy_(torch.logspace(-2, 1, 8))
        module[1].bias.copy_(4 * module[1].weight)
    return module


NET = replace(
    small.IMAGE,
    name="net",
    build=small.seeded(_net),
    calibration=_images,
    dynamic_axes={"image": {0: "batch"}, "logits": {0: "batch"}},
)
VARIANTS = small.variants(modes, "ort_int8_static_")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """By variant: the runner, its evidence, and the tensors that its file holds."""
    found = {}
    for variant, mode in VARIANTS.items():
        folder = tmp_path_factory.mktemp("net") / variant
        folder.mkdir()
        runner = mode.prepare(small.job(NET, folder))
        small.outputs(runner, [NET.inputs(7, 2, 5, False)])
        (path,) = folder.glob("*.onnx")
        held = {t.name: numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
        found[variant] = runner, runner.evidence(), held
    return found


def weights(held):
    return [array for array in held.values() if array.dtype == np.int8 and array.ndim > 1]


@pytest.mark.parametrize("variant", VARIANTS)
def test_right_engaged_and_executed_as_simulated(made, variant):
    runner, evidence, _ = made[variant]
    assert VARIANTS[variant].engaged(evidence) is None
    inputs = [NET.inputs(7, 4, seed, False) for seed in (100, 101)]
    exact, _, _ = oracle.run(NET.build(), inputs)
    assert small.sqnr_db(exact, small.outputs(runner, inputs)) > 20
    assert evidence["executed"]["same_graph"]
    assert all(most <= 2 for _, most in evidence["executed"]["values"].values())
    assert evidence["calibration"] == {"source": "task-like", "items": 64}
    assert len(evidence["int8_layers"]) == 3


@pytest.mark.parametrize("variant", ["minmax", "mse", "percentile", "entropy"])
def test_the_input_s_scale_is_the_method_s(made, variant):
    data = [torch.from_numpy(x) for (x,) in _images()]
    scales = {
        name: float(observe(method, data, Grid(8, signed=False), symmetric=False).scale)
        for name, method in range_methods().items()
        if name in ("min_max", "mse", "percentile", "entropy")
    }
    assert len(set(scales.values())) == 4
    (scale,) = [float(a) for name, a in made[variant][2].items() if name == "input_1_scale"]
    assert scale == pytest.approx(scales[{"minmax": "min_max"}.get(variant, variant)])


def test_only_the_reduced_one_keeps_to_seven_bits(made):
    for variant, (_, _, held) in made.items():
        most = max(abs(array.astype(int)).max() for array in weights(held))
        assert most == (63 if variant == "reduced" else 127)


def test_what_each_further_step_changes(made):
    held = {variant: found[2] for variant, found in made.items()}
    steps = {variant: found[1]["steps"] for variant, found in made.items()}
    assert [name for name in steps if steps[name].get("equalised_pairs")] == [
        "cle",
        "cle_absorb",
        "cle_bias_corrected",
        "cle_adaround",
    ]
    assert [name for name in steps if steps[name].get("absorbed_pairs")] == ["cle_absorb"]
    assert [name for name in steps if steps[name].get("corrected_biases")] == ["cle_bias_corrected"]
    assert [name for name in steps if steps[name].get("rounding")] == ["cle_adaround"]
    assert [name for name in steps if steps[name].get("smoothed")] == ["smoothquant"]
    same = [
        np.array_equal(a, b)
        for a, b in zip(weights(held["cle"]), weights(held["cle_bias_corrected"]), strict=True)
    ]
    assert all(same)
    apart = [
        int(abs(a.astype(int) - b.astype(int)).max())
        for a, b in zip(weights(held["cle"]), weights(held["cle_adaround"]), strict=True)
    ]
    assert max(apart) == 1  # up or down, and not all are the nearest


def test_a_finished_file_needs_no_module_and_no_data(tmp_path):
    mode = VARIANTS["mse"]
    mode.prepare(small.job(NET, tmp_path))
    again = mode.prepare(small.job(uncalibratable(small.unbuildable(NET)), tmp_path))
    assert mode.engaged(again.evidence()) is None


def test_what_stays_float_is_listed(tmp_path):
    runner = VARIANTS["mse"].prepare(small.job(small.TEXT, tmp_path))
    evidence = runner.evidence()
    assert evidence["int8_layers"] == ["embed", "widen", "narrow"]
    assert {"gelu", "layer_norm"} <= evidence["float_operators"].keys()
    assert evidence["calibration"]["source"] == "random inputs"
    assert evidence["without"] == ["SkipLayerNormFusion"]
    assert evidence["kernels"]["LayerNormalization"] == 1


def test_a_model_without_neighbours_to_equalise_is_unsupported(tmp_path):
    with pytest.raises(Unsupported, match="text has no two layers with nothing but clips"):
        VARIANTS["cle"].prepare(small.job(small.TEXT, tmp_path))


def test_a_step_that_found_nothing_is_not_engaged(tmp_path):
    """The image's second convolution pads, so that nothing can be absorbed into it."""
    runner = VARIANTS["cle_absorb"].prepare(small.job(small.IMAGE, tmp_path))
    reason = VARIANTS["cle_absorb"].engaged(runner.evidence())
    assert reason == "expected absorbed pairs, found none in this model"


def test_a_file_without_integer_kernels_is_not_engaged(made):
    evidence = made["mse"][1]
    assert "QLinearConv" in evidence["fused"]
    lying = {**evidence, "fused": {"FusedConv": 3}}
    assert VARIANTS["mse"].engaged(lying).startswith("expected one of QLinearConv")
    elsewhere = {**evidence, "providers": {"CUDAExecutionProvider": 3}}
    assert "CPUExecutionProvider" in VARIANTS["mse"].engaged(elsewhere)
