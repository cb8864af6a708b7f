"""The flow as a whole: what each step keeps, what it needs, and what it refuses."""

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bench_core.errors import Unsupported, UsageError
from bench_core.fusion.tensors import held
from bench_core.quantization.affine import Grid
from bench_core.quantization.ptq import ptq
from bench_core.quantization.recipe import PLAIN, Recipe, prefixes
from bench_core.quantization.sqnr import sqnr_db
from bench_core.quantization.steps.equalise import absorb_high_biases, equalise
from bench_core.quantization.target import TENSORRT, X86
from bench_core.quantization.work import Work
from tests.quantization.nets import Bottleneck, Tied, Twice, export, exported, shaken

DATA = [(torch.randn(8, 3, 7, 7, generator=torch.Generator().manual_seed(s)),) for s in range(4)]
SHAPE = (2, 3, 7, 7)


def program(activation=nn.ReLU, seed=0):
    torch.manual_seed(seed)
    return exported(shaken(Bottleneck(activation), seed), *SHAPE)


def outputs(graph, batches=DATA):
    with torch.no_grad():
        return torch.cat([graph(*batch) for batch in batches])


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), activation=st.sampled_from([nn.ReLU, nn.ReLU6, nn.Identity]))
def test_equalisation_and_absorption_keep_the_function(seed, activation):
    torch.manual_seed(seed)
    module = shaken(Bottleneck(activation), seed).double().eval()
    data = [tuple(part.double() for part in batch) for batch in DATA]
    with torch.no_grad():
        work = Work.begin(export(module, data[0]), X86, data)
        before = outputs(work.graph, data)
        equalise(work)
        assert work.notes["equalised_pairs"] >= 2
        torch.testing.assert_close(outputs(work.graph, data), before, rtol=1e-9, atol=1e-9)
        # Absorption is exact where no value lies below what is absorbed: make it so.
        for name, known in work.known.items():
            work.known[name] = replace(known, std=known.std + 100)
        absorb_high_biases(work)
        torch.testing.assert_close(outputs(work.graph, data), before, rtol=1e-9, atol=1e-9)


def test_more_bits_are_nearer():
    found = []
    for bits in (4, 6, 8):
        target = replace(X86, weights=Grid(bits, narrow=True))
        quantised = ptq(program(), DATA, target, PLAIN)
        found.append(sqnr_db(outputs(program().module()), outputs(quantised.graph)))
    assert found == sorted(found)
    # Each bit is 6 dB; two are 12, less what the activations' 8 bits take of the last two.
    assert found[1] - found[0] > 6


def test_the_defaults_without_data_need_the_range_of_the_inputs():
    with pytest.raises(Unsupported, match="no batch norm says what range x has; give calib"):
        ptq(program(nn.ReLU))
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 4, 1), nn.BatchNorm2d(4)
    )
    quantised = ptq(exported(shaken(net), *SHAPE), input_range=(-5.0, 5.0))
    assert quantised.notes["corrected_biases"] == 1
    assert sqnr_db(outputs(net), outputs(quantised.graph)) > 15


def test_smoothing_needs_data():
    with pytest.raises(UsageError, match="give calibration data"):
        ptq(program(), recipe=Recipe(smooth=0.5))


def test_an_unknown_range_method_is_told_with_those_there_are():
    with pytest.raises(UsageError, match=r"'mean'; there are .*mse.*percentile"):
        ptq(program(), DATA, recipe=replace(PLAIN, activation_ranges="mean"))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_bad_data_is_told_by_the_value_that_shows_it(bad):
    data = [*DATA, (torch.full((1, 3, 7, 7), bad),)]
    with pytest.raises(ValueError, match="the values of x: expected"):
        ptq(program(), data, recipe=PLAIN)


def test_a_dead_channel_and_a_constant_input_are_quantised():
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 1))
    with torch.no_grad():
        module[0].weight[1] = 0
        module[0].bias[1] = 0
    data = [(torch.ones(4, 3, 5, 5),)]
    quantised = ptq(exported(module, 2, 3, 5, 5), data)
    assert sqnr_db(outputs(module, data), outputs(quantised.graph, data)) > 30


@pytest.mark.parametrize("module, shape", [(Tied(), (4, 6)), (shaken(Twice()), (4, 4, 5, 5))])
def test_a_weight_that_is_used_twice_is_quantised_once(module, shape):
    data = [(torch.randn(shape),)]
    quantised = ptq(exported(module, *shape), data)
    assert len(quantised.layers) == 2
    assert len(quantised.work.weights) == 1
    assert sqnr_db(outputs(module, data), outputs(quantised.graph, data)) > 20


def test_what_a_tensorrt_graph_may_hold():
    quantised = ptq(program(), DATA, TENSORRT, PLAIN)
    zero_points = [
        held(quantised.graph, node)
        for node in quantised.graph.graph.find_nodes(op="get_attr")
        if str(node.target).rstrip("_").endswith("zero_point")
    ]
    assert zero_points
    assert all(value.dtype == torch.int8 and not value.any() for value in zero_points)


def test_the_bias_is_int32_at_the_scale_of_the_products():
    quantised = ptq(program(), DATA, X86, PLAIN)
    work = quantised.work
    (layer,) = [one for one in work.placement.layers if one.name == "stem"]
    value = work.placement.values[layer.inputs[0]]
    scale = work.activations[value].scale * work.weights[layer.weights[0]].params.scale
    q = quantised.graph.get_buffer("stem_bias_q")
    assert q.dtype == torch.int32
    bias = held(work.graph, layer.bias)
    torch.testing.assert_close(q * scale, bias, rtol=0, atol=float(scale.max()) / 2 * (1 + 1e-6))


def test_biases_corrected_on_data_make_the_means_equal():
    recipe = replace(PLAIN, correct_biases=True)
    target = replace(X86, weights=Grid(4, narrow=True))
    expected = outputs(program().module()).mean(0)

    def error(recipe):
        work = ptq(program(), DATA, target, recipe).work
        values = work.values(quantised_weights=True)
        for node in values.steps():
            if node.op == "output":
                found = torch.cat([one[0] for one in values.run(node)]).mean(0)
        return float((found - expected).abs().max())

    assert error(recipe) < 1e-4 < error(PLAIN)


def test_learnt_rounding_is_nearer_than_the_nearest_at_4_bits():
    target = replace(X86, weights=Grid(4, narrow=True))
    expected = outputs(program().module())
    nearest, learnt = (
        sqnr_db(expected, outputs(ptq(program(), DATA, target, recipe).graph))
        for recipe in (PLAIN, replace(PLAIN, rounding="adaround"))
    )
    assert learnt > nearest + 1


@pytest.mark.parametrize(("activation", "kept"), [(nn.ReLU, "adaround"), (nn.ReLU6, "nearest")])
def test_rounding_is_learnt_for_what_the_activation_lets_through(activation, kept):
    """Beyond 6 a ReLU6 hides how a weight is rounded, so that there is nothing to learn."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(32, 16), activation())
    nn.init.constant_(module[0].bias, 100.0)
    data = [(torch.randn(64, 1) + 0.1 * torch.randn(64, 32),) for _ in range(2)]  # correlated
    found = ptq(exported(module, 2, 32), data, recipe=replace(PLAIN, rounding="adaround"))
    assert found.notes["rounding"] == {"0": kept}


def test_each_step_is_explained(capsys):
    recipe = Recipe(smooth=0.5, correct_biases=True)
    ptq(program(), DATA, recipe=recipe, explain_on=DATA[:1], score=lambda ys: float(len(ys)))
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(list(prefixes(recipe)))
    assert lines[0].startswith("min-max ranges, nearest rounding")
    assert all(" dB  1" in line for line in lines)


def test_norms_taken_anew_put_out_what_they_did_before():
    """Mean β and deviation |γ| of each channel, on data of which the norms' statistics are true."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8, momentum=None), nn.ReLU())
    with torch.no_grad():
        module[1].weight.uniform_(0.5, 2)
        module[1].bias.normal_()
        module.train()
        module(torch.cat([x for (x,) in DATA]))
    target = replace(X86, weights=Grid(3, narrow=True))
    found = {}
    for again in (False, True):
        recipe = replace(PLAIN, reestimate_norms=again)
        work = ptq(exported(module, *SHAPE), DATA, target, recipe).work
        (layer,) = work.placement.layers
        values = work.values(quantised_weights=True)
        for node in values.steps():
            if node is layer.node:
                found[again] = torch.cat(values.run(node)).transpose(0, 1).flatten(1)
    norm = module[1]
    for again, near in ((False, False), (True, True)):
        mean, std = found[again].mean(1), found[again].std(1)
        assert torch.allclose(mean, norm.bias, atol=1e-4) == near
        # √(σ² / (σ² + ε)) is what a norm's deviation is of |γ|.
        assert torch.allclose(std, norm.weight, rtol=1e-3) == near


@pytest.mark.parametrize("free", [(0,), (0, 2, 3)])
def test_without_data_a_transposed_layer_is_corrected_where_its_sizes_are_known(free):
    """Its outputs see few taps each: how many, only sizes tell."""
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.ConvTranspose2d(8, 4, 3, stride=2)
    )
    program = exported(shaken(net), *SHAPE, free=free)
    quantised = ptq(program, input_range=(-5.0, 5.0), recipe=Recipe(equalise=False))
    assert quantised.notes["corrected_biases"] == (1 if free == (0,) else 0)


def test_a_product_with_a_weight_clips_along_its_last_axis():
    """Two of them and a ReLU6, whose ceilings equalisation makes one for each channel."""

    class Products(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Parameter(torch.randn(6, 5))
            self.second = nn.Parameter(torch.randn(5, 4))

        def forward(self, x):
            return nn.functional.relu6(x @ self.first) @ self.second

    data = [(4 * torch.randn(8, 3, 6),)]
    work = Work.begin(exported(Products(), 2, 3, 6), X86, data)
    before = outputs(work.graph, data)
    equalise(work)
    assert work.notes["equalised_pairs"] == 1
    # Sums of 6 and of 5 products in float32, scaled otherwise.
    torch.testing.assert_close(outputs(work.graph, data), before, rtol=1e-5, atol=1e-4)
