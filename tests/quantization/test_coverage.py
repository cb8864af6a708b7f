"""How often taps meet an input: against torch's own convolutions of an image of ones."""

import torch
import torch.nn.functional as F
from hypothesis import assume, given
from hypothesis import strategies as st

from bench_core.quantization.coverage import coverage
from tests.fusion.linear_layers import UNTIMED, normal


@UNTIMED
@given(st.integers(1, 3), st.booleans(), st.data())
def test_the_mean_over_positions_is_torchs(dims, transposed, data):
    def each(least, most):
        return data.draw(st.lists(st.integers(least, most), min_size=dims, max_size=dims))

    inputs, kernel = each(1, 6), each(1, 3)
    stride, padding, dilation = each(1, 3), each(0, 2), each(1, 2)
    ones = torch.ones(1, 1, *inputs).double()
    weight = normal(data.draw(st.integers(0, 2**31)), 1, 1, *kernel)
    call = getattr(F, f"conv_transpose{dims}d" if transposed else f"conv{dims}d")
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True)]
    if transposed:
        sizes = zip(inputs, stride, padding, reach, strict=True)
        assume(all((i - 1) * s - 2 * p + r > 0 for i, s, p, r in sizes))
    else:
        assume(all(i + 2 * p >= r for i, p, r in zip(inputs, padding, reach, strict=True)))
    y = call(ones, weight, stride=stride, padding=padding, dilation=dilation)
    share = coverage(
        inputs,
        y.shape[2:],
        kernel,
        stride=stride,
        padding=padding,
        dilation=dilation,
        transposed=transposed,
    )
    assert share.shape == tuple(kernel)
    # Two orders of summing at most 27 products of numbers below 10.
    torch.testing.assert_close((share * weight[0, 0]).sum(), y.mean(), rtol=0, atol=1e-12)


def test_a_kernel_of_3_on_4_positions():
    """Padded by 1: of 4 outputs the first has no left neighbour, the last no right one."""
    share = coverage([4], [4], [3], stride=[1], padding=[1], dilation=[1])
    assert share.tolist() == [0.75, 1, 0.75]


def test_without_padding_every_tap_always_meets_an_input():
    share = coverage([7, 5], [3, 2], [3, 2], stride=[2, 3], padding=[0, 0], dilation=[1, 1])
    assert (share == 1).all()


def test_a_transposed_stride_shares_the_outputs_among_taps():
    share = coverage([3], [6], [2], stride=[2], padding=[0], dilation=[1], transposed=True)
    assert share.tolist() == [0.5, 0.5]
