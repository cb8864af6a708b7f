"""The screen: who is flagged, which way, and on what spread."""

import math

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from bench_core.analysis.gate.rule import GateCell, rule_for
from bench_core.analysis.gate.screen import screen, within
from bench_core.analysis.statistics import PRIOR_LAUNCH_DOF, PRIOR_LAUNCH_SD

RULE = rule_for(0.05)
bounds = st.sampled_from(["compute", "memory", "dispatch"])
logs = st.floats(-0.1, 0.1)
suites = st.dictionaries(
    st.text(max_size=3), st.tuples(bounds, st.tuples(logs, logs)), min_size=1, max_size=6
)
sentinel_values = st.dictionaries(bounds, st.lists(logs, max_size=4))


def screened(suite, sentinels, threshold=0.05):
    cells = {cell: GateCell(bound, threshold) for cell, (bound, _) in suite.items()}
    return screen(RULE, cells, {cell: values for cell, (_, values) in suite.items()}, sentinels)


@given(suites, sentinel_values)
def test_the_spread_pools_the_prior_the_sentinels_and_the_cells_of_a_class(suite, sentinels):
    for cell, found in screened(suite, sentinels).items():
        family = [np.array(v) for bound, v in suite.values() if bound == suite[cell][0]]
        known = sentinels.get(suite[cell][0], [])
        squares = PRIOR_LAUNCH_DOF * PRIOR_LAUNCH_SD**2 + sum(v**2 for v in known)
        squares += sum(((v - v.mean()) ** 2).sum() for v in family)
        dof = PRIOR_LAUNCH_DOF + len(known) + len(family)
        half = stats.t.ppf(0.99, dof) * math.sqrt(squares / dof / 2)
        assert found.high - found.mean == pytest.approx(half, rel=1e-9)
        assert found.mean - found.low == pytest.approx(half, rel=1e-9)


@given(suites, sentinel_values)
def test_what_is_not_flagged_is_small_and_sure_to_be_inside(suite, sentinels):
    for cell, found in screened(suite, sentinels).items():
        small = abs(np.mean(suite[cell][1])) <= RULE.log_flag
        inside = -RULE.log_limit < found.low and found.high < RULE.log_limit
        assert found.flagged != (small and inside)


@given(suites, sentinel_values)
def test_swapping_the_sides_turns_the_direction(suite, sentinels):
    negated = {cell: (bound, tuple(-v for v in values)) for cell, (bound, values) in suite.items()}
    forth, back = screened(suite, sentinels), screened(negated, sentinels)
    for cell in suite:
        assert (forth[cell].slower, forth[cell].faster) == (back[cell].faster, back[cell].slower)


@given(suites, sentinel_values, logs.filter(bool))
def test_only_its_own_cell_is_moved_by_a_change(suite, sentinels, change):
    """A real slowdown must not widen the spread that the others are judged by."""
    first = next(iter(suite))
    bound, values = suite[first]
    changed = suite | {first: (bound, tuple(v + change for v in values))}
    before, after = screened(suite, sentinels), screened(changed, sentinels)
    for cell in list(suite)[1:]:
        assert after[cell].high == pytest.approx(before[cell].high, abs=1e-9)
        # Where rounding cannot decide.
        limits = (RULE.log_flag, RULE.log_limit)
        edges = (abs(before[cell].mean), before[cell].high, -before[cell].low)
        assume(all(abs(edge - limit) > 1e-9 for edge in edges for limit in limits))
        assert after[cell].flagged == before[cell].flagged


@pytest.mark.parametrize(
    ("values", "slower", "faster"),
    [
        ((0.02, 0.02), True, False),
        ((-0.02, -0.02), False, True),
        ((0.014, 0.014), False, False),
        ((0.4, -0.4), True, True),
    ],
)
def test_the_direction_is_that_of_the_mean(values, slower, faster):
    found = screened({"a": ("compute", values)}, {})["a"]
    assert (found.slower, found.faster) == (slower, faster)


def test_a_noisy_class_is_flagged_whole_and_no_other():
    suite = {"a": ("dispatch", (0.0, 0.0)), "b": ("compute", (0.0, 0.0))}
    found = screened(suite, {"dispatch": [0.09, -0.09] * 3})
    assert (found["a"].flagged, found["b"].flagged) == (True, False)


def test_a_cell_is_flagged_by_its_own_threshold():
    suite = {"a": ("compute", (0.02, 0.02))}
    assert screened(suite, {})["a"].flagged
    assert not screened(suite, {}, threshold=0.10)["a"].flagged


def test_an_unflagged_cell_is_within():
    found = screened({"a": ("compute", (0.001, 0.003))}, {})["a"]
    verdict = within("a", 0.05, found)
    assert (verdict.kind, verdict.metric, verdict.launches) == ("within", "latency", 2)
    assert verdict.change.value == pytest.approx(math.exp(0.002))
    assert verdict.change.low < 1 < verdict.change.high < 1.05


@pytest.mark.parametrize("count", [0, 1, 3])
def test_another_number_of_launches_is_refused(count):
    with pytest.raises(ValueError, match="expected 2 launches of each, not of 'a'"):
        screened({"a": ("compute", (0.0,) * count)}, {})
