"""Signal to quantisation noise."""

import math

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from sklearn.metrics import mean_squared_error

from bench_core.quantization.affine import Grid, fake_quantize, params_from_range
from bench_core.quantization.sqnr import sqnr_db

few = settings(max_examples=100, deadline=None)
finite = st.floats(width=32, allow_nan=False, allow_infinity=False)


@st.composite
def pairs(draw, elements=finite):
    shape = draw(array_shapes(max_dims=3, max_side=4))
    return [torch.tensor(draw(arrays(np.float32, shape, elements=elements))) for _ in range(2)]


@few
@given(pairs())
def test_it_is_ten_times_the_logarithm_of_power_over_mean_squared_error(pair):
    y, y_hat = pair
    flat, flat_hat = (t.double().numpy().ravel() for t in pair)
    noise = mean_squared_error(flat, flat_hat)
    power = mean_squared_error(flat, np.zeros_like(flat))
    assume(noise > 0 and power > 0)
    # Sums of up to 64 squares in another order, 2⁻⁵³ each: nothing beside 1e-9 dB.
    assert sqnr_db(y, y_hat) == pytest.approx(10 * math.log10(power / noise), abs=1e-9)


@few
@given(pairs(st.floats(-(2.0**60), 2.0**60, width=32)), st.integers(-40, 40))
def test_a_power_of_two_changes_nothing(pair, exponent):
    y, y_hat = (t.double() for t in pair)
    factor = 2.0**exponent
    # log10 of both shifts by the same, and is rounded at another place.
    assert sqnr_db(y * factor, y_hat * factor) == pytest.approx(sqnr_db(y, y_hat), abs=1e-9)


@few
@given(pairs())
def test_what_does_not_differ_has_no_noise(pair):
    y, _ = pair
    assert sqnr_db(y, y.clone()) == math.inf


def test_noise_on_nothing():
    assert sqnr_db(torch.zeros(3), torch.ones(3)) == -math.inf
    assert sqnr_db(torch.ones(3), torch.zeros(3)) == 0.0


@pytest.mark.parametrize("bits", [2, 4, 8, 12])
def test_a_uniform_signal_has_6_decibels_a_bit(bits):
    """Power ⅓ against noise scale² / 12, scale = 2 / (2^bits − 1): the ratio is (2^bits − 1)²."""
    # The middles of 50 parts of each step, whose variance is 1 − 50⁻² of the step's: 0.002 dB.
    parts = 50 * (2**bits - 1)
    x = (torch.arange(parts, dtype=torch.float64) + 0.5) / parts * 2 - 1
    ends = torch.tensor(-1.0), torch.tensor(1.0)
    params = params_from_range(*ends, Grid(bits, signed=False), symmetric=False)
    found = sqnr_db(x, fake_quantize(x, params))
    assert found == pytest.approx(20 * math.log10(2**bits - 1), abs=0.01)


def test_dtypes_may_differ_and_nothing_overflows():
    y = torch.full((4,), 3e38)
    assert sqnr_db(y, y.double() * 0.9) == pytest.approx(20, abs=1e-5)
    tiny = torch.full((4,), 2.0**-140)
    assert sqnr_db(tiny, tiny * 0.5) == pytest.approx(20 * math.log10(2))
    assert sqnr_db(torch.ones(2, dtype=torch.float16), torch.ones(2)) == math.inf


def test_a_tensor_that_has_a_gradient_is_measured_as_any():
    y = torch.ones(2, requires_grad=True)
    assert sqnr_db(y, y * 0.9) == pytest.approx(20, abs=1e-5)


@pytest.mark.parametrize(("shape", "other"), [((2,), (3,)), ((2, 1), (2,)), ((0,), (0,))])
def test_two_shapes_and_nothing_are_refused(shape, other):
    with pytest.raises(ValueError, match="expected two tensors of one shape, not empty"):
        sqnr_db(torch.ones(shape), torch.ones(other))


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_what_is_not_finite_is_refused(bad):
    for pair in ([1.0, bad], [1.0, 1.0]), ([1.0, 1.0], [1.0, bad]):
        with pytest.raises(ValueError, match="expected finite tensors"):
            sqnr_db(*map(torch.tensor, pair))
