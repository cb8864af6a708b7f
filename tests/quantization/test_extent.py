"""What an extent takes in, and what it refuses."""

import pytest
import torch

from bench_core.quantization.extent import Extent


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("axis", [None, 0])
def test_a_value_that_is_not_finite_is_refused_and_changes_nothing(bad, axis):
    extent = Extent(axis)
    extent.see(torch.tensor([1.0, 2.0]))
    with pytest.raises(ValueError, match="NaN"):
        extent.see(torch.tensor([9.0, bad]))
    assert extent.high.max() == 2


def test_float64_beyond_float32_is_refused():
    with pytest.raises(ValueError, match="finite in float32"):
        Extent(None).see(torch.tensor([1e39], dtype=torch.float64))


def test_integers_are_refused():
    with pytest.raises(ValueError, match="expected floats"):
        Extent(None).see(torch.tensor([1, 2]))


def test_an_axis_that_is_not_there_is_refused():
    with pytest.raises(ValueError, match="axis 2"):
        Extent(2).see(torch.zeros(2, 3))


def test_other_channels_than_before_are_refused():
    extent = Extent(1)
    extent.see(torch.zeros(2, 3))
    with pytest.raises(ValueError, match="expected 3 channels"):
        extent.see(torch.zeros(2, 1))


@pytest.mark.parametrize("shape", [(0,), (2, 0), (0, 2)])
@pytest.mark.parametrize("axis", [None, 0])
def test_empty_tensors_are_nothing_seen(shape, axis):
    extent = Extent(axis)
    extent.see(torch.zeros(shape))
    with pytest.raises(ValueError, match="nothing was"):
        _ = extent.low


def test_rows_are_channels():
    x = torch.arange(24.0).reshape(2, 3, 4)
    for axis in (0, 1, 2, -1):
        rows = Extent(axis).see(x)
        assert torch.equal(rows, torch.stack([part.flatten() for part in x.unbind(axis)]))
    assert torch.equal(Extent(None).see(x), x.reshape(1, 24))
    assert Extent(None).see(torch.tensor(2.0)).tolist() == [[2.0]]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_float_is_taken_as_float32(dtype):
    x = torch.tensor([-1 / 3, 2 / 3], dtype=dtype)
    extent = Extent(None)
    extent.see(x.requires_grad_())
    assert torch.equal(torch.cat([extent.low, extent.high]), x.detach().float())
