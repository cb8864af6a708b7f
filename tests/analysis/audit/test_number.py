"""Ranges hold what is done to any of their values."""

import doctest
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.analysis.audit import number, sheet, typed
from bench_core.analysis.audit.number import Number, Range, span

quantities = st.floats(1e-6, 1e6)
inside = st.floats(0, 1)


@st.composite
def ranges(draw):
    """A range, and a value in it."""
    low, high = sorted((draw(quantities), draw(quantities)))
    return Range(low, high), min(high, max(low, low + draw(inside) * (high - low)))


@given(ranges(), ranges())
def test_products_and_quotients_hold_those_of_values(one, other):
    (a, x), (b, y) = one, other
    assert (a * b).meets(Range(x * y, x * y))
    assert (a / b).meets(Range(x / y, x / y))


@given(ranges(), ranges())
def test_meeting_is_mutual_and_having_a_value_in_common(one, other):
    (a, x), (b, _) = one, other
    assert a.meets(a) and a.meets(b) == b.meets(a)
    if b.low <= x <= b.high:
        assert a.meets(b)
    if a.high < b.low * (1 - 1e-8):
        assert not a.meets(b)


@given(quantities)
def test_a_rounding_apart_is_not_apart_and_a_millionth_is(x):
    assert Range(x, x).meets(Range(x * (1 + 1e-12), x * (1 + 1e-12)))
    assert not Range(x, x).meets(Range(x * (1 + 1e-6), x * (1 + 1e-6)))


def test_nothing_follows_from_a_divisor_that_cannot_be():
    assert Range(1, 2) / Range(-3, -1) == Range(0, math.inf)
    assert Range(1, 2) / Range(-1, 4) == Range(0.25, math.inf)
    assert Range(-1, 2) * Range(3, 4) == Range(0, 8)


@given(st.integers(1, 10**6), st.floats(0, 0.49), st.floats(0, 0.49))
def test_whole_numbers_are_seen(n, below, above):
    assert Range(n - below, n + above).holds_whole()
    assert not Range(n + 0.001, n + 0.5).holds_whole() or n > 10**5


def test_less_than_one_item_is_no_whole_number():
    assert not Range(0.2, 0.9).holds_whole()
    assert not Range(0.0, 0.9).holds_whole()
    assert Range(0.0, math.inf).holds_whole()


@given(ranges())
def test_a_span_is_in_the_columns_own_unit(one):
    bounds, _ = one
    number = Number(bounds.low, bounds.high, "latency_ms", "", 1e-3)
    assert number.same_unit(bounds) == span(bounds.low / 1e-3, bounds.high / 1e-3)


def test_a_span_has_the_digits_that_tell_its_bounds_apart():
    assert span(399.99, 400.01) == "399.99 to 400.01"
    assert span(1 / 3, 1 / 3) == "0.333333333"


@pytest.mark.parametrize("module", [number, sheet, typed], ids=lambda module: module.__name__)
def test_what_the_docstrings_show_is_so(module):
    done = doctest.testmod(module)
    assert done.attempted and not done.failed
