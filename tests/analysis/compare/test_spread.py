"""The limits of a saved comparison are those that were published for it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm, t

from bench_core.analysis.compare.spread import ASSUMED_SD, LEAST, found_from, limits, log_se
from bench_core.analysis.verdict import UNSURE, Verdict
from bench_core.record import Interval
from invented import speedup

SESSION_SD, RATIO_SD = ASSUMED_SD.values()


def limit(sd: float, sessions: int, assumed: float = SESSION_SD, noise: float = 0, cells: int = 1):
    full = [np.full(cells, value, float) for value in (sd, sessions, noise)]
    return limits(*full, assumed).limit[0]


def test_one_file_flags_from_14_percent_and_a_ratio_from_7():
    assert limit(np.nan, 1) == pytest.approx(3.72 * 2**0.5 * 0.0266, rel=1e-3)
    assert round(100 * limit(np.nan, 1), 1) == 14.0
    assert round(100 * limit(np.nan, 1, RATIO_SD), 1) == 7.4


@pytest.mark.parametrize(("sessions", "percent"), [(6, 14.6), (10, 8.8), (20, 6.6)])
def test_the_prediction_interval_over_100_cells_is_the_published_one(sessions, percent):
    found = limit(0.014, sessions, assumed=1.0, cells=100)
    assert round(100 * found, 1) == percent
    expected = t.ppf(1 - 0.01 / 100, sessions - 1) * 0.014 * (1 + 1 / sessions) ** 0.5
    assert found == pytest.approx(expected)


@given(st.floats(0, 1), st.integers(1, 50), st.integers(1, 300))
def test_more_files_never_see_less_than_one(sd, sessions, cells):
    one = limit(np.nan, 1, cells=cells)
    assert LEAST <= limit(sd if sessions > 1 else np.nan, sessions, cells=cells) <= one


@given(st.floats(0, 0.2), st.integers(3, 50))
def test_no_limit_is_below_what_the_records_allow(noise, sessions):
    assert limit(0.0, sessions, RATIO_SD, noise) >= np.expm1(3.719 * noise)


def test_more_than_100_cells_are_searched_with_more_care():
    assert limit(np.nan, 1, cells=100) == limit(np.nan, 1, cells=5)
    z = norm.ppf(1 - 0.01 / 1000)
    assert limit(np.nan, 1, cells=1000) == pytest.approx(z * 2**0.5 * 0.0266)


def test_unchanged_suites_are_flagged_one_time_in_a_hundred_at_most():
    rng = np.random.default_rng(5)
    stored, new = rng.normal(0, 0.005, (400, 100, 20)), rng.normal(0, 0.005, (400, 100))
    flagged = 0
    for old, now in zip(stored, new, strict=True):
        found = limits(old.std(axis=1, ddof=1), np.full(100, 20), np.zeros(100), SESSION_SD).limit
        flagged += bool((now - old.mean(axis=1) > np.log1p(found)).any())
    # At 1 % more than 11 of 400 come up once in 500 times.
    assert 0 < flagged <= 11


def test_a_slowdown_is_found_95_times_in_100_from_20_percent():
    """The figure that goes with 14 %."""
    half = norm.ppf(0.99) * 2**0.5 * 0.0266
    change = Interval(1.0, float(np.exp(-half)), float(np.exp(half)))
    assert found_from(Verdict("c", "latency", UNSURE, change, 0.14)) == pytest.approx(
        0.202, abs=1e-3
    )
    assert found_from(Verdict("c", "latency", UNSURE)) == float("inf")


def test_the_standard_error_of_a_speed_up_is_read_from_its_interval():
    duel = speedup(2.0, 1.0, 0.05)
    assert log_se(duel) == pytest.approx(np.log(1.05 / 0.95) / 2 / 1.96, rel=1e-3)
