"""What is kept of inputs: the sums that numpy finds in all of them at once."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.quantization.input_statistics import InputStatistics


def seen(*batches):
    statistics = InputStatistics(batches[0].shape[-1])
    for batch in batches:
        statistics.see(batch)
    return statistics


@given(st.integers(0, 999), st.integers(1, 6), st.lists(st.integers(0, 9), min_size=1, max_size=4))
@settings(max_examples=50, deadline=None)
def test_batches_add_up_to_the_whole(seed, channels, sizes):
    generator = torch.Generator().manual_seed(seed)
    batches = [
        torch.randn(size, 2, channels, dtype=torch.float64, generator=generator) for size in sizes
    ]
    rows = torch.cat(batches).reshape(-1, channels).numpy()
    statistics = seen(*batches)
    if not len(rows):
        return
    # Up to 72 products of normals a sum: 72 · 10 · 2⁻⁵³.
    np.testing.assert_allclose(statistics.hessian(), 2 * rows.T @ rows, rtol=0, atol=1e-12)
    np.testing.assert_allclose(statistics.mean_magnitude(), np.abs(rows).mean(0), rtol=1e-12)


@given(st.integers(0, 999))
@settings(max_examples=20, deadline=None)
def test_the_hessian_gives_the_squared_error_of_any_change_of_the_weight(seed):
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(20, 5, dtype=torch.float64, generator=generator)
    change = torch.randn(3, 5, dtype=torch.float64, generator=generator)
    expected = (x @ change.T).square().sum(0)
    found = (change @ seen(x).hessian() * change).sum(1) / 2
    torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_fewer_bits_are_summed_exactly(dtype):
    # Products and sums of these are exact in float32, and 2¹² + 2⁻¹² in float64 alone.
    x = torch.tensor([[64.0], [2**-6]], dtype=dtype)
    assert seen(x[:1], x[1:]).hessian().item() == 2 * (2**12 + 2**-12)


def test_what_is_not_an_input_is_refused():
    with pytest.raises(ValueError, match="found none"):
        InputStatistics(3).hessian()
    with pytest.raises(ValueError, match="found none"):
        seen(torch.zeros(0, 3)).mean_magnitude()
    with pytest.raises(ValueError, match=r"inputs \[..., 3\], found \[2, 4\]"):
        InputStatistics(3).see(torch.zeros(2, 4))
    for bad in (float("nan"), float("inf")):
        with pytest.raises(ValueError, match="NaN or inf"):
            InputStatistics(1).see(torch.tensor([[bad]]))
