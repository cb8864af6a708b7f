"""What padding costs, over the lengths of one mode."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench_core.analysis.lengths.padding import Padding, mean_cost, padded_length
from invented_lengths import ratio

costs = st.lists(st.tuples(st.floats(0.5, 8), st.floats(0, 1)), min_size=1, max_size=8)


@given(st.integers(1, 10**6), st.integers(2, 4096))
def test_the_padded_length_is_the_least_multiple_that_holds_it(length, bucket):
    padded = padded_length(length, bucket)
    assert padded % bucket == 0
    assert padded - bucket < length <= padded


@given(costs, st.integers(0, 4))
def test_the_mean_is_geometric_and_a_multiple_costs_nothing(found, multiples):
    paddings = [Padding("mode", 5, 8, ratio(value, half)) for value, half in found]
    paddings += [Padding("mode", 8, 8)] * multiples
    mean = mean_cost(paddings)
    values = [value for value, _ in found] + [1.0] * multiples
    assert mean.value == pytest.approx(stats.gmean(values), rel=1e-12)
    # Independent errors of the logs: their mean's is √Σ h² / n.
    half = math.sqrt(sum(half**2 for _, half in found)) / len(values)
    assert math.log(mean.high / mean.value) == pytest.approx(half, abs=1e-9)
    assert math.log(mean.value / mean.low) == pytest.approx(half, abs=1e-9)


def test_of_what_was_not_measured_there_is_no_mean():
    failed = Padding("mode", 5, 8, reason="it crashed")
    assert mean_cost([Padding("mode", 8, 8), failed]) is None
    assert mean_cost([]) is None
