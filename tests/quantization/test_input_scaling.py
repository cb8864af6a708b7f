"""A scale that moves from an input into a weight leaves torch's own layers' outputs as they are."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from bench_core.quantization.input_scaling import scale_inputs, unscale_outputs


@st.composite
def problems(draw):
    """Random numbers to draw from, and scales that differ by up to 10⁶."""
    generator = torch.Generator().manual_seed(draw(st.integers(0, 999)))
    channels = draw(st.integers(1, 6))
    exponents = 6 * torch.rand(channels, dtype=torch.float64, generator=generator) - 3

    def normal(*shape):
        return torch.randn(*shape, dtype=torch.float64, generator=generator)

    return channels, normal, 10**exponents


# A quotient and a product more per term than before, 2⁻⁵³ each, of sums of a few hundred.
CLOSE = {"rtol": 1e-9, "atol": 1e-9}


@given(problems())
@settings(max_examples=30, deadline=None)
def test_a_layer_norm_takes_it_for_all_who_read_it(problem):
    channels, normal, scale = problem
    x, gamma, beta = normal(7, channels), normal(channels), normal(channels)
    readers = [(normal(3, channels), normal(3)) for _ in range(3)]
    normed = F.layer_norm(x, [channels], gamma, beta)
    unscaled = F.layer_norm(x, [channels], *unscale_outputs(gamma, beta, scale))
    torch.testing.assert_close(unscaled, normed / scale, **CLOSE)
    for weight, bias in readers:
        expected = F.linear(normed, weight, bias)
        torch.testing.assert_close(
            F.linear(unscaled, scale_inputs(weight, scale), bias), expected, **CLOSE
        )


@given(problems(), st.booleans())
@settings(max_examples=30, deadline=None)
def test_a_linear_layer_and_a_convolution_take_it(problem, biased):
    channels, normal, scale = problem
    bias = normal(channels) if biased else None
    x, before, after = normal(2, 3, 6, 6), normal(channels, 3, 2, 2), normal(4, channels, 3, 3)
    expected = F.conv2d(F.conv2d(x, before, bias), after)
    found = F.conv2d(F.conv2d(x, *unscale_outputs(before, bias, scale)), scale_inputs(after, scale))
    torch.testing.assert_close(found, expected, **CLOSE)
    rows, first, second = normal(5, 3), before[:, :, 0, 0], after[:, :, 0, 0]
    expected = F.linear(F.linear(rows, first, bias), second)
    found = F.linear(
        F.linear(rows, *unscale_outputs(first, bias, scale)), scale_inputs(second, scale)
    )
    torch.testing.assert_close(found, expected, **CLOSE)


def test_what_has_another_number_of_channels_is_refused():
    scale = torch.ones(3)
    with pytest.raises(ValueError, match=r"found \[3, 2\] and \[3\]"):
        scale_inputs(torch.ones(3, 2), scale)
    with pytest.raises(ValueError, match=r"found \[3\] and \[3\]"):
        scale_inputs(torch.ones(3), scale)
    with pytest.raises(ValueError, match=r"found \[2, 3\] and \[3\]"):
        unscale_outputs(torch.ones(2, 3), None, scale)
    with pytest.raises(ValueError, match=r"found \[\] and \[3\]"):
        unscale_outputs(torch.tensor(1.0), None, scale)
