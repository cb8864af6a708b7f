"""Re-estimated statistics against those that torch's own norms keep."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from bench_core.fusion.fold import Norm
from bench_core.quantization.batch_norm_reestimation import NormEstimate
from tests.fusion.linear_layers import UNTIMED, normal


def old(channels: int, dtype: torch.dtype = torch.float64) -> Norm:
    gamma, beta = torch.full((2, channels), 3.0, dtype=dtype)
    return Norm(torch.zeros_like(gamma), torch.ones_like(gamma), gamma, beta, 1e-3)


def reestimated(batches: list[torch.Tensor]) -> Norm:
    estimate = NormEstimate()
    for batch in batches:
        estimate.see(batch)
    return estimate.norm(old(batches[0].shape[1], batches[0].dtype))


@st.composite
def batches(draw) -> list[torch.Tensor]:
    """Of one layer's outputs; each with a mean of its own, so that they differ."""
    axes, channels = draw(st.integers(0, 3)), draw(st.integers(1, 4))
    sizes = draw(st.lists(st.integers(0, 4), min_size=1, max_size=5).filter(lambda s: sum(s) > 1))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    shape = (channels, *[3] * axes)
    drawn = [torch.randn(size, *shape, generator=generator).double() for size in sizes]
    return [one * 10**i + i for i, one in enumerate(drawn)]


@UNTIMED
@given(batches())
def test_all_the_data_in_batches_is_all_the_data_at_once_to_torch(data):
    whole = torch.cat(data)
    kind = getattr(torch.nn, f"BatchNorm{max(1, whole.ndim - 2)}d")
    torchs = kind(whole.shape[1], momentum=None).double()
    torchs(whole)
    found = reestimated(data)
    # Sums of at most 540 values of one sign or bounded by their largest, 1e5.
    largest = whole.abs().max().item()
    torch.testing.assert_close(found.mean, torchs.running_mean, rtol=0, atol=1e-13 * largest)
    torch.testing.assert_close(found.variance, torchs.running_var, rtol=1e-10, atol=0)


@UNTIMED
@given(batches())
def test_the_rest_of_the_norm_stays(data):
    before, after = old(data[0].shape[1]), reestimated(data)
    assert after.eps == before.eps
    assert torch.equal(after.weight, before.weight)
    assert torch.equal(after.bias, before.bias)


def test_torch_leaves_out_how_far_batches_lie_apart():
    """Why not torch's running mean of variances: 0 and 10 vary, though no batch does."""
    data = [torch.zeros(2, 1), torch.full((2, 1), 10.0)]
    torchs = torch.nn.BatchNorm1d(1, momentum=None)
    for batch in data:
        torchs(batch)
    assert torchs.running_var.item() == 0
    assert reestimated(data).variance.item() == pytest.approx(100 / 3)


def test_a_large_mean_costs_no_digits():
    """A difference of sums of squares would be 0 or negative: (10⁸)² · 2⁻⁵³ is about 1."""
    noise = normal(0, 64, 1)
    found = reestimated([1e8 + noise[:20], 1e8 + noise[20:]])
    # 1e8 + noise is itself rounded, to 1.5e-8.
    torch.testing.assert_close(found.variance, noise.var(0), rtol=1e-6, atol=0)


def test_float32_is_summed_in_float64():
    found = reestimated([torch.full((1000, 1), 0.1)] * 50)
    assert found.mean.dtype == torch.float32
    assert found.mean.item() == torch.tensor(0.1).item()
    # 50 merges in float64, each good to 1e-17 of a mean of 0.1, squared; nothing near 0.1² · 2⁻²⁴.
    assert found.variance.item() == pytest.approx(0, abs=1e-30)


def test_too_little_and_what_is_no_number_is_refused():
    estimate = NormEstimate()
    with pytest.raises(ValueError, match="expected two values a channel"):
        estimate.norm(old(2))
    estimate.see(torch.zeros(1, 2))
    with pytest.raises(ValueError, match="expected two values a channel or more, found 1"):
        estimate.norm(old(2))
    with pytest.raises(ValueError, match="NaN"):
        estimate.see(torch.full((1, 2), torch.nan))
    with pytest.raises(ValueError, match="expected 2 channels, found 3"):
        estimate.see(torch.zeros(1, 3))
