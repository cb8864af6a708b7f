"""Latency over length as a curve: what must hold of any points, and of any two curves."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import lsq_linear

from bench_core.analysis.lengths.curve import (
    LEAST_HALF_WIDTH,
    Crossing,
    Curve,
    Point,
    crossings,
    fit,
)

half_widths = st.floats(0, 0.5)
powers_of_two = st.integers(-30, 30).map(lambda k: 2.0**k)


@st.composite
def lengths(draw):
    """Four to eight, each at least half as long again as the one before."""
    found = [draw(st.integers(1, 64))]
    for ratio in draw(st.lists(st.floats(1.5, 4), min_size=3, max_size=7)):
        found.append(math.ceil(found[-1] * ratio))
    return found


@st.composite
def curves(draw, low=1, high=1024):
    """Terms of which each takes nothing, or between 1 µs and 1 s at the longest."""
    takes_s = st.just(0.0) | st.floats(1e-6, 1)
    terms_s = draw(st.tuples(takes_s, takes_s, takes_s).filter(any))
    fixed_s, linear_s, square_s = terms_s
    return Curve(fixed_s, linear_s / high, square_s / high**2, low, high, 0.0)


@st.composite
def noisy_points(draw):
    found = draw(lengths())
    truth = draw(curves(found[0], found[-1]))
    factors = draw(st.lists(st.floats(0.7, 1.4), min_size=len(found), max_size=len(found)))
    return [
        Point(n, truth.latency_s(n) * factor, draw(half_widths))
        for n, factor in zip(found, factors, strict=True)
    ]


@given(lengths(), st.data())
def test_points_of_a_curve_give_it_back(found, data):
    truth = data.draw(curves(found[0], found[-1]))
    fitted = fit([Point(n, truth.latency_s(n), data.draw(half_widths)) for n in found])
    # Columns of one size, lengths half as far again: the condition is below 1e5, and weights
    # (half-widths of 0.5 to 50 %) make it 1e7: 1e-16 becomes 1e-9.
    for n in np.geomspace(found[0], found[-1], 20):
        assert fitted.latency_s(n) == pytest.approx(truth.latency_s(n), rel=1e-6)
    assert fitted.off_by < 1e-6
    assert (fitted.shortest, fitted.longest) == (found[0], found[-1])


@given(noisy_points(), powers_of_two)
def test_a_change_of_unit_changes_nothing(points, unit):
    """Powers of two are exact, so not a digit may differ."""
    before = fit(points)
    after = fit([Point(p.length, p.latency_s * unit, p.half_width) for p in points])
    assert (after.fixed_s, after.linear_s, after.square_s) == (
        before.fixed_s * unit,
        before.linear_s * unit,
        before.square_s * unit,
    )
    assert after.off_by == before.off_by
    longer = fit([Point(p.length * 4, p.latency_s, p.half_width) for p in points])
    assert (longer.fixed_s, longer.linear_s * 4, longer.square_s * 16) == (
        before.fixed_s,
        before.linear_s,
        before.square_s,
    )


@given(noisy_points())
def test_it_is_the_least_squares_that_scipy_finds_by_another_method(points):
    curve = fit(points)
    known = np.maximum([p.half_width for p in points], LEAST_HALF_WIDTH)
    n, t = np.array([(p.length, p.latency_s) for p in points]).T
    shares = (n / n[-1])[:, None] ** np.arange(3)

    def misfit(latencies_s):
        return float(np.sum(((latencies_s / t - 1) / known) ** 2))

    other = lsq_linear(shares / (t * known)[:, None], 1 / known, (0, np.inf), method="bvls").x
    # Of two solvers of one convex problem neither may be better; the squares are of up to 1e3.
    ours, theirs = misfit([curve.latency_s(length) for length in n]), misfit(shares @ other)
    assert ours <= theirs * (1 + 1e-9) + 1e-9
    assert min(curve.fixed_s, curve.linear_s, curve.square_s) >= 0


def test_a_point_that_is_known_well_weighs_more():
    points = [Point(n, 1e-3 * n, 0.01) for n in (1, 2, 4, 8)]
    wild = Point(4, 8e-3, 0.01)
    surely, hardly = (
        fit([*points[:2], Point(4, wild.latency_s, half), points[3]]).latency_s(4)
        for half in (0.001, 0.4)
    )
    assert abs(hardly - 4e-3) < abs(surely - 4e-3)


@pytest.mark.parametrize(
    ("points", "says"),
    [
        ([], "at least 4 lengths, found 0"),
        ([Point(n, 1.0, 0.1) for n in (1, 2, 3)], "at least 4 lengths, found 3"),
        ([Point(n, 1.0, 0.1) for n in (1, 2, 3, 3)], "at least 4 lengths, found 3"),
        ([Point(n, 0.0, 0.1) for n in (1, 2, 3, 4)], "above 0 s"),
        ([Point(n, math.nan, 0.1) for n in (1, 2, 3, 4)], "above 0 s"),
    ],
)
def test_what_cannot_be_fitted_is_refused(points, says):
    with pytest.raises(ValueError, match=says):
        fit(points)


pairs = st.tuples(curves(), curves())


@given(pairs)
def test_the_two_curves_are_alike(pair):
    first, second = pair
    there, back = crossings(first, second), crossings(second, first)
    # The two roots of a pure square swap their formulae, which are some ε apart.
    assert back == [
        Crossing(pytest.approx(one.length, rel=1e-12), not one.first_below) for one in there
    ]


@given(pairs, powers_of_two)
def test_the_unit_of_time_moves_no_crossing(pair, unit):
    def scaled(one):
        return Curve(one.fixed_s * unit, one.linear_s * unit, one.square_s * unit, 1, 1024, 0.0)

    assert crossings(*map(scaled, pair)) == crossings(*pair)


@given(pairs, st.integers(1, 1024), st.integers(1, 1024))
def test_none_is_claimed_outside_of_what_both_were_measured_at(pair, low, high):
    first, second = pair
    short = Curve(second.fixed_s, second.linear_s, second.square_s, low, high, 0.0)
    for crossing in crossings(first, short):
        assert low < crossing.length < high
        ours, theirs = first.latency_s(crossing.length), second.latency_s(crossing.length)
        assert ours == pytest.approx(theirs, rel=1e-9)


@given(pairs)
def test_the_faster_one_changes_there_and_nowhere_else(pair):
    first, second = pair
    found = crossings(first, second)
    grid = np.linspace(1, 1024, 100)
    gap = np.array([first.latency_s(n) / second.latency_s(n) - 1 for n in grid])
    for (n, before), (m, after) in zip(
        zip(grid, gap, strict=True), zip(grid[1:], gap[1:], strict=True)
    ):
        if min(abs(before), abs(after)) < 1e-9:
            continue  # level, as far as rounding tells
        between = [one for one in found if n < one.length < m]
        assert len(between) % 2 == (before * after < 0)
        if len(between) == 1:
            assert between[0].first_below == (before < 0)


def test_curves_that_touch_or_are_one_do_not_cross():
    square = Curve(100.0, 0.0, 1.0, 1, 100, 0.0)
    tangent = Curve(0.0, 20.0, 0.0, 1, 100, 0.0)  # (n - 10)² between them
    assert crossings(square, tangent) == []
    assert crossings(square, square) == []


def test_one_and_two_crossings_of_a_pair():
    flat, bent = Curve(10.0, 0.0, 0.0, 1, 100, 0.0), Curve(0.0, 7.0, 0.0, 1, 100, 0.0)
    assert crossings(flat, bent) == [Crossing(pytest.approx(10 / 7), False)]
    square, line = Curve(24.0, 0.0, 1.0, 1, 100, 0.0), Curve(0.0, 11.0, 0.0, 1, 100, 0.0)
    assert crossings(square, line) == [  # n² - 11 n + 24 is 0 at 3 and 8
        Crossing(pytest.approx(3), False),
        Crossing(pytest.approx(8), True),
    ]
