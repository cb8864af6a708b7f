"""Yuen's t against scipy's, and Holm's step-down against its definition."""

import warnings

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy import stats

from bench_core.analysis.gate.launches import holm, log_bounds, p_above, ratios, yuen

seeds = st.integers(0, 2**32 - 1)
samples = st.builds(
    lambda n, seed, heavy: (
        np.random.default_rng(seed).standard_t(2 if heavy else 50, n) * 0.02
    ).tolist(),
    st.integers(2, 40),
    seeds,
    st.booleans(),
)
values = st.lists(st.floats(-1, 1), min_size=2, max_size=40)
nulls = st.floats(-0.05, 0.05)
p_tables = st.dictionaries(st.text(max_size=3), st.floats(0, 0.02) | st.floats(0, 1), max_size=8)


@given(samples, nulls)
def test_it_is_scipys_trimmed_t_test(sample, null):
    """Of two samples, one of which is the bound itself: Welch's form then is Yuen's one-sample."""
    bound = np.full(len(sample), null)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # scipy warns of the sample without spread
        theirs = stats.ttest_ind(sample, bound, equal_var=False, trim=0.2, alternative="greater")
    ours = yuen(sample)
    assert (ours.mean - null) / ours.se == pytest.approx(theirs.statistic, rel=1e-9, abs=1e-9)
    assert ours.dof == pytest.approx(theirs.df)
    assert p_above(ours, null) == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-12)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=4).filter(lambda v: np.ptp(v) > 1e-6), nulls)
def test_up_to_4_launches_it_is_students_t(sample, null):
    theirs = stats.ttest_1samp(sample, null, alternative="greater")
    assert p_above(yuen(sample), null) == pytest.approx(theirs.pvalue, rel=1e-6, abs=1e-9)
    interval = stats.ttest_1samp(sample, 0.0).confidence_interval(0.98)
    assert log_bounds(yuen(sample)) == pytest.approx(tuple(interval), rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    ("n", "kept"), [(4, 4), (5, 3), (8, 6), (16, 10), (24, 16), (28, 18), (40, 24)]
)
def test_a_fifth_is_cut_off_each_end(n, kept):
    ordered = np.arange(n, dtype=float)
    assert yuen(ordered.tolist()).dof == kept - 1
    assert yuen(ordered.tolist()).mean == pytest.approx(ordered.mean())


@given(values)
def test_swapping_the_sides_negates(sample):
    forth, back = yuen(sample), yuen([-value for value in sample])
    assert (forth.mean, forth.se, forth.dof) == (-back.mean, back.se, back.dof)
    low, high = log_bounds(forth)
    assert log_bounds(back) == (-high, -low)


@given(values, st.randoms())
def test_the_order_of_launches_changes_nothing(sample, random):
    shuffled = random.sample(sample, len(sample))
    assert yuen(shuffled) == yuen(sample)


@given(st.floats(-1, 1), st.integers(2, 40))
@example(0.1, 3)
@example(0.0, 4)
def test_without_spread_the_value_is_sure(value, n):
    same = yuen([value] * n)
    assert (same.mean, same.se) == (value, 0.0)
    assert log_bounds(same) == (value, value)
    assert p_above(same, value) == 1.0
    assert p_above(same, value - 0.01) == 0.0
    assert p_above(same, value + 0.01) == 1.0


@given(samples, nulls, st.floats(1e-6, 1))
def test_a_larger_slowdown_is_likelier_to_be_one(sample, null, more):
    slower = yuen([value + more for value in sample])
    assert p_above(slower, null) <= p_above(yuen(sample), null) * (1 + 1e-9)


def test_one_wild_launch_of_8_moves_nothing_far():
    calm = np.linspace(-0.01, 0.01, 8).tolist()
    wild = [*calm[:-1], 3.0]
    assert yuen(wild).mean == pytest.approx(yuen(calm).mean)
    assert yuen(wild).se == pytest.approx(yuen(calm).se)


@pytest.mark.parametrize("few", [[], [0.1], [0.1, float("nan")], [0.1, float("inf")]])
def test_what_cannot_be_judged_is_refused(few):
    with pytest.raises(ValueError, match="at least 2 finite launch values"):
        yuen(few)


def adjusted(p_values: dict[str, float], total: int) -> dict[str, float]:
    """Holm's adjusted p by its definition: the largest (m - j) p of all up to its own."""
    ordered = sorted(p_values.values()) + [1.0] * (total - len(p_values))
    return {
        name: max((total - j) * other for j, other in enumerate(ordered) if other <= p)
        for name, p in p_values.items()
    }


@given(p_tables, st.integers(0, 5), st.floats(1e-4, 0.2))
def test_holm_rejects_what_its_definition_does(p_values, others, alpha):
    total = len(p_values) + others
    expected = adjusted(p_values, total)
    close = [p for p in expected.values() if abs(p - alpha) < 1e-12]
    if not close:
        assert holm(p_values, alpha, total) == {n for n, p in expected.items() if p <= alpha}


@given(p_tables, st.floats(1e-4, 0.2), st.integers(0, 5))
def test_more_hypotheses_never_reject_more(p_values, alpha, others):
    total = len(p_values)
    assert holm(p_values, alpha, total + others) <= holm(p_values, alpha, total)


def test_holm_steps_down():
    p_values = {"a": 0.002, "b": 0.004, "c": 0.009, "d": 0.5}
    assert holm(p_values, 0.01, 4) == {"a"}
    assert holm(p_values, 0.012, 4) == {"a", "b"}
    assert holm(p_values, 0.018, 4) == {"a", "b", "c"}
    with pytest.raises(ValueError, match="at most 3 hypotheses, found 4"):
        holm(p_values, 0.01, 3)


def test_a_bound_stays_a_number():
    assert ratios(0.0, -2e3, 2e3).low == 0.0
    assert 1e300 < ratios(0.0, -2e3, 2e3).high < float("inf")
