"""Intervals of shares, against the papers, other programs, and a score test inverted by force."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, stats
from sklearn import metrics

from bench_core.analysis.paired import macro_scores, tango, wilson

tables = st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(0, 400)).filter(any)
levels = st.sampled_from([0.5, 0.9, 0.95, 0.99])


@given(st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), levels)
def test_wilson_is_scipys(share, level):
    successes, n = share
    theirs = stats.binomtest(successes, n).proportion_ci(level, method="wilson")
    ours = wilson(successes, n, level)
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert 0 <= ours.low <= ours.value <= ours.high <= 1


@pytest.mark.parametrize(
    ("b", "c", "n", "level", "low", "high", "digits"),
    [
        (0, 1, 44, 0.90, -0.096, None, 3),  # Tango 1998, §6.1, p. 902: the lower limit
        (60, 20, 1000, 0.95, 0.0231, 0.0584, 4),  # R, PropCIs 0.3-0, scoreci.mp(20, 60, 1000)
        (28, 25, 618, 0.90, -0.0148, 0.0247, 4),  # R, PropCIs, scoreci.mp(25, 28, 618, .90)
        (1, 7, 21, 0.95, -0.517, -0.026, 3),  # Fagerland et al. 2014, Stat. Med. 33:2850, airways
    ],
)
def test_tango_is_what_was_published(b, c, n, level, low, high, digits):
    ours = tango(b, c, n, level)
    assert round(ours.low, digits) == low
    assert high is None or round(ours.high, digits) == high


def score_z(b: int, c: int, n: int, delta: float) -> float:
    """The score statistic, its nuisance share found by maximising the likelihood by search."""

    def minus_log_likelihood(q: float) -> float:
        cells = ((b, q + delta), (c, q), (n - b - c, 1 - 2 * q - delta))
        return -sum(k * math.log(p) if p > 0 else -math.inf for k, p in cells if k)

    bounds = max(0.0, -delta), (1 - delta) / 2
    q = optimize.minimize_scalar(
        minus_log_likelihood, bounds=bounds, method="bounded", options={"xatol": 1e-12}
    ).x
    return (b - c - n * delta) / math.sqrt(n * (2 * q + delta * (1 - delta)))


@settings(max_examples=40)
@given(st.integers(1, 60), st.integers(1, 60), st.integers(1, 400), levels)
def test_the_bounds_are_where_the_score_test_turns(b, c, rest, level):
    ours = tango(b, c, b + c + rest, level)
    z = stats.norm.ppf((1 + level) / 2)
    assert score_z(b, c, b + c + rest, ours.low) == pytest.approx(z, rel=1e-4)
    assert score_z(b, c, b + c + rest, ours.high) == pytest.approx(-z, rel=1e-4)


@given(tables, levels)
def test_swapping_the_two_negates(table, level):
    b, c, rest = table
    forth, back = tango(b, c, b + c + rest, level), tango(c, b, b + c + rest, level)
    assert (forth.value, forth.low, forth.high) == (-back.value, -back.high, -back.low)


@given(tables)
def test_tango_holds_its_estimate_and_widens_with_confidence(table):
    b, c, rest = table
    narrow, wide = (tango(b, c, b + c + rest, level) for level in (0.9, 0.99))
    assert -1 <= wide.low <= narrow.low <= narrow.value <= narrow.high <= wide.high <= 1


@given(st.integers(1, 10**6), levels)
def test_without_discordant_items_the_bounds_are_z2_over_n_plus_z2(n, level):
    z2 = stats.norm.ppf((1 + level) / 2) ** 2
    ours = tango(0, 0, n, level)
    assert (ours.low, ours.value, ours.high) == (
        pytest.approx(-z2 / (n + z2), rel=1e-9), 0, pytest.approx(z2 / (n + z2), rel=1e-9),
    )  # fmt: skip


@pytest.mark.parametrize("n", [1, 7, 1000])
def test_all_items_discordant_one_way_end_at_the_border(n):
    assert tango(n, 0, n).high == 1.0
    assert tango(0, n, n).low == -1.0
    assert -1 < tango(n, 0, n).low < 1


def test_tango_covers():
    """4000 paired samples of 900 items that lose 3 % and gain 2 %: 95 % within 99.99 % luck."""
    rng = np.random.default_rng(5)
    draws = rng.multinomial(900, [0.02, 0.03, 0.95], 4000)
    intervals = {(b, c): tango(b, c, 900) for b, c in {(int(b), int(c)) for b, c, _ in draws}}
    missed = sum(
        not intervals[b, c].low <= -0.01 <= intervals[b, c].high for b, c, _ in draws.tolist()
    )
    low, high = stats.binom.ppf([0.0001, 0.9999], 4000, 0.05)
    assert low <= missed <= high


labels = st.integers(1, 60).flatmap(
    lambda n: st.tuples(*[st.lists(st.integers(-2, 5), min_size=n, max_size=n)] * 2)
)


@settings(max_examples=50)
@given(labels)
def test_macro_scores_are_sklearns(pair):
    predicted, expected = map(np.array, pair)
    ours = macro_scores(predicted, expected, resamples=10)
    theirs = metrics.precision_recall_fscore_support(
        expected, predicted, average="macro", zero_division=0
    )
    assert [ours[f"macro_{name}"].value for name in ("precision", "recall", "f1")] == (
        pytest.approx(theirs[:3], abs=1e-12)
    )


def test_the_bootstrap_is_the_plain_one():
    """Quantiles of 2000 resamples, against items drawn one by one and scored by sklearn."""
    rng = np.random.default_rng(3)
    expected = rng.integers(0, 4, 150)
    predicted = np.where(rng.random(150) < 0.85, expected, rng.integers(0, 4, 150))
    draws = rng.integers(0, 150, (400, 150))
    theirs = [
        metrics.f1_score(expected[d], predicted[d], average="macro", zero_division=0) for d in draws
    ]
    ours = macro_scores(predicted, expected)["macro_f1"]
    # The standard error of a 2.5 % quantile of 400 draws is 2.7 · sd / √400; four of them.
    tolerance = 4 * 2.7 * np.std(theirs) / math.sqrt(400)
    assert (ours.low, ours.high) == pytest.approx(
        tuple(np.quantile(theirs, [0.025, 0.975])), abs=tolerance
    )


def test_a_class_that_a_resample_misses_does_not_count_in_it():
    """One item of its class in ten: a third of the resamples are without it, and all score 1."""
    expected = np.array([0] * 9 + [1])
    for score in macro_scores(expected, expected).values():
        assert (score.value, score.low, score.high) == (1.0, 1.0, 1.0)


def test_the_bootstrap_is_seeded():
    predicted, expected = np.array([0, 1, 1, 2] * 9), np.array([0, 1, 2, 2] * 9)
    assert macro_scores(predicted, expected) == macro_scores(predicted, expected)
    assert macro_scores(predicted, expected) != macro_scores(predicted, expected, seed=1)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: wilson(1, 0),
        lambda: wilson(3, 2),
        lambda: wilson(-1, 2),
        lambda: tango(1, 1, 1),
        lambda: tango(-1, 1, 5),
        lambda: tango(0, 0, 0),
        lambda: macro_scores(np.zeros(3), np.zeros(4)),
        lambda: macro_scores(np.zeros(0), np.zeros(0)),
        lambda: macro_scores(np.zeros((2, 2)), np.zeros((2, 2))),
    ],
)
def test_impossible_counts_are_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        wrong()
