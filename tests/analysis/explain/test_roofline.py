"""The least that a layer can take: by its arithmetic or by its bytes, whichever is more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.analysis.explain.roofline import ITEM_BYTES, Ceiling, Layer, bounds_s, least_s
from bench_core.discover import modes

rates = st.floats(1e6, 1e13)
layers = st.lists(st.builds(Layer, st.text(), st.floats(0, 1e12), st.floats(0, 1e9)), max_size=6)
ceilings = st.builds(Ceiling, st.sampled_from(list(ITEM_BYTES)), rates, rates)


@given(layers, ceilings)
def test_all_layers_together_take_no_less_than_all_arithmetic_or_all_bytes(chosen, ceiling):
    arithmetic_s, bytes_s = (
        sum(bound) for bound in zip(*(bounds_s(x, ceiling) for x in chosen), (0, 0), strict=True)
    )
    least = least_s(chosen, ceiling)
    assert max(arithmetic_s, bytes_s) <= least * (1 + 1e-12) + 1e-300
    assert least <= (arithmetic_s + bytes_s) * (1 + 1e-12)


@given(layers, ceilings)
def test_a_machine_that_is_twice_as_fast_takes_half_as_long(chosen, ceiling):
    faster = Ceiling(ceiling.dtype, 2 * ceiling.flops_per_s, 2 * ceiling.bytes_per_s)
    assert least_s(chosen, faster) == pytest.approx(least_s(chosen, ceiling) / 2)


def test_what_bounds_a_layer_depends_on_the_dtype():
    """2e6 operations on 1e5 bytes: at 1 GFLOP/s and 10 MB/s 2 ms of arithmetic, 10 of bytes."""
    layer = Layer("linear", 2e6, 1e5)
    assert bounds_s(layer, Ceiling("float32", 1e9, 1e7)) == pytest.approx((2e-3, 10e-3))
    assert bounds_s(layer, Ceiling("int8", 1e9, 1e7)) == pytest.approx((2e-3, 2.5e-3))
    assert least_s([layer, layer], Ceiling("bfloat16", 1e8, 1e7)) == pytest.approx(40e-3)


def test_every_modes_dtype_has_a_size():
    assert {mode.dtype for mode in modes().values()} <= set(ITEM_BYTES)
