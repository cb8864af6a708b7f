"""AWQ against the search spelt out on the inputs themselves."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.quantization.affine import Grid, dequantize
from bench_core.quantization.awq import awq
from bench_core.quantization.input_statistics import InputStatistics
from bench_core.quantization.rtn import rtn

INT4 = Grid(4, signed=True)
SEEDS = range(20)


def normal(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator)


def outlying(seed, rows, inputs):
    """Inputs whose channels differ by up to about 100 in magnitude, as activations' do."""
    return normal(seed, rows, inputs) * normal(seed + 1, inputs).mul(1.5).exp()


def searched(weights, x, grid=INT4, *, group, symmetric=True):
    statistics = InputStatistics(x.shape[1])
    statistics.see(x)
    return awq(
        weights,
        statistics.hessian(),
        statistics.mean_magnitude(),
        grid,
        group=group,
        symmetric=symmetric,
    )


def output_error(weight, x, scale, grid, group, symmetric):
    """Σ ‖W x − Q(W · diag(s)) (x / s)‖² on the inputs."""
    q, params = rtn(weight * scale, grid, group=group, symmetric=symmetric)
    rounded = (x / scale) @ dequantize(q, params, torch.float64).T
    return float((x @ weight.T - rounded).square().sum())


@st.composite
def problems(draw):
    group, groups = draw(st.integers(1, 8)), draw(st.integers(1, 4))
    seed, inputs = draw(st.integers(0, 999)), group * groups
    weights = [
        normal(seed + i, draw(st.integers(1, 4)), inputs) for i in range(draw(st.integers(1, 3)))
    ]
    return weights, outlying(seed, draw(st.integers(1, 30)), inputs), group


@given(problems(), st.sampled_from([INT4, Grid(4, signed=False), Grid(2)]), st.booleans())
@settings(max_examples=20, deadline=None)
def test_it_finds_the_least_error_of_the_candidates_on_the_inputs(problem, grid, symmetric):
    weights, x, group = problem
    found = searched(weights, x, grid, group=group, symmetric=symmetric)

    def error(scale):
        return sum(output_error(w, x, scale, grid, group, symmetric) for w in weights)

    magnitude = x.abs().mean(0)
    scales = [magnitude ** (i / 20) for i in range(21)]
    errors = [error(s / (s.max() * s.min()).sqrt()) for s in scales]
    # Two ways to sum a few thousand squares in float64; a scale that is off by its last digit
    # can move a weight that lies on a half, which random ones do not.
    slack = 1e-9 * sum(float((x @ w.T).square().sum()) for w in weights)
    assert found.error == pytest.approx(min(errors), rel=1e-9, abs=slack)
    assert found.error == pytest.approx(error(found.scale), rel=1e-9, abs=slack)
    assert found.rtn_error == pytest.approx(error(torch.ones_like(magnitude)), rel=1e-9, abs=slack)
    assert found.error <= found.rtn_error
    # √(max · min) = 1, but for the rounding of two roots and a quotient.
    assert float(found.scale.max() * found.scale.min()) == pytest.approx(1, rel=1e-12)


@given(problems())
@settings(max_examples=10, deadline=None)
def test_layers_that_share_an_input_are_searched_as_one(problem):
    weights, x, group = problem
    apart, stacked = (
        searched(weights, x, group=group),
        searched([torch.cat(weights)], x, group=group),
    )
    assert apart.alpha == stacked.alpha
    assert torch.equal(apart.scale, stacked.scale)
    assert apart.error == pytest.approx(stacked.error, rel=1e-9)


def test_where_the_channels_differ_it_lowers_the_error():
    ratios = []
    for seed in SEEDS:
        found = searched([normal(seed, 16, 128)], outlying(1000 + seed, 256, 128), group=32)
        ratios.append(found.error / found.rtn_error)
    # Never above; the geometric mean over 20 problems.
    assert max(ratios) <= 1
    assert math.exp(sum(map(math.log, ratios)) / len(ratios)) < 0.8


def test_equal_channels_are_left_alone():
    """All magnitudes equal: every α gives s = 1, the first is kept, and it is round to nearest."""
    weight, x = normal(0, 4, 8), torch.tensor([[1.0, -1.0] * 4]).double()
    found = searched([weight], x, group=4)
    assert (found.alpha, found.error) == (0.0, found.rtn_error)
    assert torch.equal(found.scale, torch.ones(8).double())


def test_one_channel_and_dead_ones():
    assert searched([normal(0, 2, 1)], normal(1, 9, 1), group=1).scale.tolist() == [1.0]
    x = outlying(1, 20, 8)
    x[:, 3] = 0
    assert searched([normal(0, 4, 8)], x, group=4).scale[3] == 1
    dead = searched([normal(0, 4, 8)], torch.zeros(20, 8), group=4)
    assert (dead.alpha, dead.error) == (0.0, 0.0)
    assert (dead.scale == 1).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_the_scale_is_float32_at_least_and_the_weight_stays_as_it_is(dtype):
    weight = normal(0, 4, 8).to(dtype).requires_grad_()
    before = weight.detach().clone()
    assert searched([weight], outlying(1, 20, 8), group=4).scale.dtype == torch.float32
    assert torch.equal(weight.detach(), before)


def test_what_does_not_fit_is_refused():
    good = {"grid": INT4, "group": 2, "symmetric": True}
    one, eye = torch.ones(2), torch.eye(2)
    with pytest.raises(ValueError, match=r"weights \[out, 2\], found none"):
        awq([], eye, one, **good)
    with pytest.raises(ValueError, match=r"weights \[out, 2\], found \[2, 2\], \[1, 4\]"):
        awq([eye, torch.ones(1, 4)], eye, one, **good)
    for hessian in (torch.eye(3), torch.full((2, 2), float("nan"))):
        with pytest.raises(ValueError, match=r"a finite hessian \[2, 2\]"):
            awq([eye], hessian, one, **good)
    for bad in (-1.0, float("nan"), float("inf")):
        with pytest.raises(ValueError, match="expected mean"):
            awq([eye], eye, torch.tensor([1.0, bad]), **good)
