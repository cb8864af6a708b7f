"""The share of int8 kernels: which operators count, and that it is a share."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.analysis.explain.integer import int8_share
from bench_core.analysis.explain.profile import Profile, Row

INTEGER = (
    "MatMulIntegerToFloat", "DynamicQuantizeMatMul", "QLinearConv", "QGemm", "QLinearAdd",
    "DynamicQuantizeLSTM", "ConvInteger", "quantized::linear_dynamic", "onednn::qlinear_pointwise",
)  # fmt: skip
OTHER = ("MatMul", "FusedMatMul", "QuantizeLinear", "DynamicQuantizeLinear", "aten::linear", "Conv")


def profile(**seconds: float) -> Profile:
    rows = tuple(Row(name, "", True, "", 1.0, one) for name, one in seconds.items())
    whole = sum(seconds.values())
    return Profile("", rows, whole, whole)


@pytest.mark.parametrize("name", INTEGER)
def test_a_kernel_of_integers_counts(name):
    assert int8_share(profile(**{name: 3.0, "LayerNormalization": 1.0})) == pytest.approx(0.75)


@pytest.mark.parametrize("name", OTHER)
def test_floats_and_conversions_do_not(name):
    assert int8_share(profile(**{name: 3.0})) == 0


@given(st.dictionaries(st.sampled_from(INTEGER + OTHER), st.floats(1e-9, 1e3), min_size=1))
def test_it_is_a_share_and_the_unit_does_not_matter(seconds):
    share = int8_share(profile(**seconds))
    assert 0 <= share <= 1 + 1e-9
    thousandfold = {name: 1000 * one for name, one in seconds.items()}
    assert int8_share(profile(**thousandfold)) == pytest.approx(share)
