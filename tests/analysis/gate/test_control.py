"""The session's own control: when base against base says that nothing can be believed."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench_core.analysis.gate.control import invalid

sentinels = st.dictionaries(
    st.text(min_size=1, max_size=3), st.lists(st.floats(-0.2, 0.2), max_size=26), max_size=4
)


@given(sentinels)
def test_swapping_the_arms_changes_nothing(values):
    assert invalid(values) == invalid({c: [-v for v in found] for c, found in values.items()})


@given(sentinels)
def test_the_order_of_sentinels_changes_nothing(values):
    assert invalid(values) == invalid(dict(reversed(values.items())))


@given(st.dictionaries(st.text(max_size=3), st.lists(st.floats(-5, 5), max_size=1)))
def test_a_single_value_says_nothing(values):
    assert invalid(values) is None


@given(st.lists(st.floats(-0.015, 0.015), min_size=2, max_size=26))
def test_a_calm_session_is_valid(values):
    assert invalid({"a": values}) is None


@pytest.mark.parametrize("side", [1, -1])
def test_a_shift_is_named(side):
    shifted = [side * value for value in (0.05, 0.051, 0.049, 0.05)]
    assert invalid({"a": shifted, "b": [0.0] * 4}) == (
        "a against itself differed by 5.0 %, expected at most 1.5 %"
    )


def test_a_scatter_is_named():
    assert invalid({"b": [0.1, -0.1] * 3, "a": [0.0] * 6}) == (
        "b against itself spread by 11.0 % from launch to launch, expected at most 3.0 %"
    )


@pytest.mark.parametrize("n", [2, 6, 18, 26])
def test_the_spread_is_tested_by_chi_square(n):
    """Just either side of the sd that χ² rejects at 1 %, alone and as one of three (Holm)."""
    shape = np.linspace(-1, 1, n)
    shape /= np.std(shape, ddof=1)
    for count in (1, 3):
        edge = 0.03 * (stats.chi2.ppf(1 - 0.01 / count, n - 1) / (n - 1)) ** 0.5
        calm = {f"calm {i}": [0.0] * n for i in range(count - 1)}
        assert invalid(calm | {"a": (edge * 0.999 * shape).tolist()}) is None
        assert invalid(calm | {"a": (edge * 1.001 * shape).tolist()}) is not None


@pytest.mark.parametrize("n", [2, 4, 6, 26])
def test_one_session_in_100_at_the_limits_is_called_invalid(n):
    """Three sentinels, each shifted by 1.5 %: by Yuen's t at most 1 in 100."""
    rng = np.random.default_rng(7)
    trials = 1500
    drawn = rng.normal(0.015, 0.008, (trials, 3, n))
    found = sum(invalid(dict(zip("abc", rows.tolist(), strict=True))) is not None for rows in drawn)
    assert found <= stats.binom.ppf(0.999, trials, 0.01)


def test_a_session_beyond_the_limits_is_found():
    rng = np.random.default_rng(8)
    for mean, sd in ((0.04, 0.013), (0.0, 0.07)):
        drawn = rng.normal(mean, sd, (100, 12))
        assert sum(invalid({"a": row.tolist()}) is not None for row in drawn) >= 95
