"""The least mean squared error, of which min_max's is an upper bound."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import simpson
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from bench_core.quantization.affine import Grid, fake_quantize, params_from_range
from bench_core.quantization.histogram import Histogram
from bench_core.quantization.range_method import range_methods
from tests.quantization.streams import found, streams, targets

MSE, MIN_MAX = range_methods()["mse"], range_methods()["min_max"]

few = settings(max_examples=25, deadline=None)
S8 = (Grid(8, signed=True, narrow=True), True)


def squared_error(x, ends, target, axis=None):
    """Σ (x − x̂)², of each channel."""
    grid, symmetric = target
    params = params_from_range(*ends, grid, symmetric=symmetric, axis=axis)
    errors = (x - fake_quantize(x, params)).double().square()
    return errors.sum() if axis is None else errors.movedim(axis, 0).flatten(1).sum(1)


@few
@given(streams(long=False, channels=3), targets)
def test_of_a_weight_it_errs_no_more_than_min_max(batches, target):
    whole = torch.cat(batches)
    ours, theirs = (
        squared_error(whole, found(m, batches, target, axis=1), target, axis=1)
        for m in (MSE, MIN_MAX)
    )
    # The same squares, summed in another order: 48 of them in float64.
    assert (ours <= theirs * (1 + 1e-14)).all()


@settings(max_examples=15, deadline=None)
@given(streams(long=True), targets)
def test_in_bins_it_errs_no_more_than_min_max_but_for_two_bins(batches, target):
    """Each of the two root mean squares is off by less than a bin."""
    histogram = Histogram(None)
    for batch in batches:
        histogram.see(batch)
    whole = torch.cat(batches)
    ours, theirs = (
        (squared_error(whole, found(m, batches, target), target) / len(whole)).sqrt()
        for m in (MSE, MIN_MAX)
    )
    assert ours <= theirs + 2 * histogram.bins().width


@pytest.mark.parametrize("bits", [2, 3, 4, 6, 8])
def test_a_bell_is_clipped_where_the_integral_says(bits):
    """The expected error of the range found, against the least there is, both integrated."""
    grid = Grid(bits, signed=True, narrow=True)
    x = np.linspace(-12, 12, 100_001)

    def expected_error(high):
        scale = high / grid.quant_max
        quantised = np.clip(np.round(x / scale), grid.quant_min, grid.quant_max) * scale
        return simpson((x - quantised) ** 2 * norm.pdf(x), x)

    drawn = torch.randn(200_000, generator=torch.Generator().manual_seed(0))
    _, high = found(MSE, [drawn], (grid, True))
    least = minimize_scalar(expected_error, bounds=(0.3, 6), method="bounded").fun
    # What half of a finest step costs on either side of a minimum, and the sample's own minimum.
    assert expected_error(high.item()) <= 1.01 * least


@pytest.mark.parametrize("target", [(Grid(4), True), (Grid(4, signed=False), False)])
def test_an_outlier_is_clipped_and_the_rest_gains(target):
    """Up to the outlier a step is of 1 σ or more, without it of a third of that."""
    x = torch.randn(100_000, generator=torch.Generator().manual_seed(1))
    x[0] = 12.0
    low, high = found(MSE, [x], target)
    assert high < 4
    assert low > -4
    ours, theirs = (squared_error(x, found(m, [x], target), target) for m in (MSE, MIN_MAX))
    assert ours < theirs / 5


def test_ends_are_clipped_apart_where_the_grid_is_asymmetric():
    x = torch.rand(100_000, generator=torch.Generator().manual_seed(2)) - 0.25
    x[0] = 9.0
    low, high = found(MSE, [x], (Grid(4, signed=False), False))
    assert low == pytest.approx(-0.25, abs=0.05)  # a step
    assert high == pytest.approx(0.75, abs=0.05)


@few
@given(st.lists(st.integers(-127, 127), min_size=1, max_size=20))
def test_values_on_a_grid_are_left_alone(steps):
    """Where min_max is exact already, nothing is better."""
    x = torch.tensor([127.0, *steps]) / 8
    assert found(MSE, [x], S8) == found(MIN_MAX, [x], S8)
