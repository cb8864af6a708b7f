"""One look at the flagged cells: what each comes out as, and what it takes."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from bench_core.analysis.gate.confirm import at_look
from bench_core.analysis.gate.launches import (
    TrimmedMean,
    at_least_the_machines,
    log_bounds,
    p_above,
    steadied,
    yuen,
)
from bench_core.analysis.gate.rule import GateCell, rule_for
from bench_core.analysis.gate.screen import Screened
from bench_core.analysis.statistics import LaunchSpread

RULE = rule_for(0.05)
SPREAD = LaunchSpread(1.0, 20)
"""Of a class so wide that it steadies nothing."""
LAST = len(RULE.looks) - 1
TESTED = 1
"""The first look that spends anything, at 4 launches; the one before can only find `within`."""
means, sds, seeds = st.floats(-0.1, 0.1), st.floats(0, 0.05), st.integers(0, 2**32 - 1)
looks = st.integers(0, LAST)
suites = st.lists(
    st.tuples(means, sds, st.sampled_from([-0.02, 0.0, 0.02])), min_size=1, max_size=6
)


def drawn(suite, seed, look):
    """By cell: its fresh launches, and the mean that the screen flagged it for."""
    rng = np.random.default_rng(seed)
    return {
        f"c{i}": ((mean + sd * rng.normal(size=RULE.looks[look])).tolist(), flag)
        for i, (mean, sd, flag) in enumerate(suite)
    }


def flagged(mean):
    return Screened(mean, mean - 0.02, mean + 0.02, RULE.screen_launches, True, SPREAD)


def judged(values, look, *, others=(), threshold=0.05):
    """`others`: the means of cells that were flagged too, and decided before."""
    screened = {cell: flagged(mean) for cell, (_, mean) in values.items()}
    screened |= {f"other {i}": flagged(mean) for i, mean in enumerate(others)}
    cells = dict.fromkeys(screened, GateCell("compute", threshold))
    found = at_look(RULE, look, cells, screened, {cell: v for cell, (v, _) in values.items()})
    return {cell: verdict.kind for cell, verdict in found.items()}, found


@given(suites, seeds, looks)
def test_swapping_the_sides_swaps_worse_and_better(suite, seed, look):
    forth = drawn(suite, seed, look)
    back = {cell: ([-v for v in values], -mean) for cell, (values, mean) in forth.items()}
    swapped = {"worse": "better", "better": "worse"}
    kinds, _ = judged(forth, look)
    assert judged(back, look)[0] == {c: swapped.get(kind, kind) for c, kind in kinds.items()}


@given(suites, seeds, looks, st.floats(0, 0.1))
def test_a_larger_slowdown_never_turns_worse_into_anything_else(suite, seed, look, more):
    values = drawn(suite, seed, look)
    before, _ = judged(values, look)
    first, mean = values["c0"]
    after, _ = judged(values | {"c0": ([v + more + 1e-9 for v in first], mean)}, look)
    if before.get("c0") == "worse":
        assert after["c0"] == "worse"
    for cell, kind in before.items():  # Holm: finding one more leaves the others their chance
        assert kind != "worse" or after[cell] == "worse"


@given(suites, seeds, looks)
def test_the_order_of_cells_changes_nothing(suite, seed, look):
    values = drawn(suite, seed, look)
    assert judged(values, look)[1] == judged(dict(reversed(values.items())), look)[1]


@given(suites, seeds, looks)
def test_the_verdicts_follow_from_p_and_bounds(suite, seed, look):
    values = drawn(suite, seed, look)
    kinds, found = judged(values, look)
    family = sum(mean >= 0 for _, mean in values.values())
    for cell, (launches, mean) in values.items():
        e = at_least_the_machines(yuen(launches))
        low, high = log_bounds(e)
        inside = -RULE.log_limit < low and high < RULE.log_limit
        p = p_above(e, RULE.log_null)
        if mean >= 0 and p <= RULE.alpha_at(look) / family:  # Bonferroni's rejections are Holm's
            assert kinds[cell] == "worse"
        if mean < 0 or p > RULE.alpha_at(look):
            assert kinds.get(cell) != "worse"
        if kinds.get(cell) == "within":
            assert inside
        assert inside <= (cell in kinds)
        assert (cell in kinds) or look < LAST
        if cell in found:
            change = found[cell].change
            assert (change.low, change.high) == (math.exp(low), math.exp(high))
            assert found[cell].launches == RULE.looks[look]
            below = found[cell].kind in ("within", "unsure")
            assert found[cell].watch == (below and (low > 0 or high < 0))


def spread_out(mean, se, count=24):
    """Launches as even as a normal distribution's quantiles, with this Yuen estimate."""
    shape = stats.norm.ppf((np.arange(count) + 0.5) / count)
    return (mean + se / yuen(shape.tolist()).se * shape).tolist()


@given(st.floats(0.008, 0.1), st.integers(1, 10))
def test_the_smallest_slowdown_would_be_found_with_95_percent_power(se, family):
    """By scipy's non-central t: the launches are beyond the test's limit in 95 of 100."""
    launches = spread_out(RULE.log_null, se)
    kinds, found = judged({"a": (launches, 0.02)}, LAST, others=[0.02] * (family - 1))
    if kinds["a"] == "unsure":
        distance = (math.log1p(found["a"].smallest) - RULE.log_null) / se
        needed = stats.t.ppf(1 - RULE.alpha_at(LAST) / family, yuen(launches).dof)
        power = stats.nct.sf(needed, yuen(launches).dof, distance)
        assert power == pytest.approx(0.95, abs=1e-4)
    else:
        assert se < 0.016


def test_the_same_samples_twice_are_within_at_the_first_test():
    kinds, found = judged({"a": ([0.0] * 4, 0.02), "b": ([0.0] * 4, -0.02)}, TESTED)
    assert kinds == {"a": "within", "b": "within"}
    assert not found["a"].watch


def test_cells_decided_before_stay_hypotheses():
    """Holm's first step at look 4 is 0.3 % / m: alone this cell is worse, one of 30 it is not."""
    launches = spread_out(0.03, 0.006)
    p = p_above(yuen(launches), RULE.log_null)
    assert RULE.alpha_at(LAST) / 30 < p < RULE.alpha_at(LAST)
    assert judged({"a": (launches, 0.02)}, LAST)[0] == {"a": "worse"}
    assert judged({"a": (launches, 0.02)}, LAST, others=[-0.02] * 29)[0] == {"a": "worse"}
    assert judged({"a": (launches, 0.02)}, LAST, others=[0.02] * 29)[0] != {"a": "worse"}


def test_what_was_flagged_as_faster_is_never_called_slower():
    kinds, found = judged({"a": (np.linspace(0.09, 0.11, 24).tolist(), -0.02)}, LAST)
    assert kinds == {"a": "unsure"}
    assert found["a"].reason == "flagged as faster, but slower on fresh launches: run it again"
    assert found["a"].watch


def test_noise_says_what_could_have_been_found():
    launches = np.tile([0.2, -0.2], 12).tolist()
    verdict = judged({"a": (launches, 0.02)}, LAST)[1]["a"]
    assert verdict.reason == "cannot be gated at 5 % on this machine"
    assert 0.05 < verdict.smallest < 1
    assert not verdict.watch


def test_a_change_between_null_and_limit_may_stay_open():
    """Where the machine is quiet enough, and the change itself lies between."""
    kinds, found = judged({"a": (spread_out(0.0325, 0.0072), 0.02)}, LAST)
    assert kinds == {"a": "unsure"}
    assert found["a"].smallest < 0.05
    assert found["a"].reason == (
        "neither beyond 1 % nor inside 5 % for sure: a change between them may be real"
    )
    assert found["a"].watch


def test_a_real_change_below_the_limit_is_watched():
    kinds, found = judged({"a": (spread_out(0.02, 0.005), 0.02)}, LAST)
    assert (kinds, found["a"].watch) == ({"a": "within"}, True)
    kinds, found = judged({"a": (spread_out(0.01, 0.005), 0.02)}, LAST)
    assert (kinds, found["a"].watch) == ({"a": "within"}, False)


def test_a_cells_own_threshold_is_what_it_is_judged_by():
    launches = np.linspace(0.03, 0.05, 8).tolist()
    assert judged({"a": (launches, 0.02)}, TESTED + 1, threshold=0.05)[0] == {"a": "worse"}
    assert judged({"a": (launches, 0.02)}, TESTED + 1, threshold=0.30)[0] == {"a": "within"}


@pytest.mark.parametrize("count", [0, 3, 5, 8])
def test_another_number_of_launches_is_refused(count):
    with pytest.raises(ValueError, match="expected 4 launches of each, not of 'a'"):
        judged({"a": ([0.0] * count, 0.02)}, TESTED)


def test_two_launches_are_never_worse_nor_better():
    """However far off, and without any spread."""
    for mean in (0.5, -0.5):
        assert judged({"a": ([mean, mean], mean)}, 0)[0] == {}


def test_two_launches_of_a_quiet_class_are_enough_to_be_within():
    calm = replace(flagged(0.02), spread=LaunchSpread(0.01, 20))
    cells = {"a": GateCell("compute", RULE.threshold)}
    found = at_look(RULE, 0, cells, {"a": calm}, {"a": [0.0, 0.01]})
    assert found["a"].kind == "within"


def test_four_launches_of_a_quiet_class_are_enough_to_be_within():
    """By their own t, on 3 degrees of freedom, they would have to be launched again."""
    launches = spread_out(0.005, 0.01, RULE.looks[TESTED])
    calm = replace(flagged(0.02), spread=LaunchSpread(0.01, 20))
    for screened, kind in ((flagged(0.02), None), (calm, "within")):
        cells = {"a": GateCell("compute", RULE.threshold)}
        found = at_look(RULE, TESTED, cells, {"a": screened}, {"a": launches})
        assert (found["a"].kind if found else None) == kind


@given(st.floats(1e-4, 0.2), st.floats(1e-4, 0.2), st.integers(2, 24), st.floats(1, 50))
def test_a_steadied_spread_lies_between_the_cell_s_and_its_class_s(own, shared, count, dof):
    estimate = TrimmedMean(0.0, own / math.sqrt(count), count - 1)
    steady = steadied(estimate, LaunchSpread(shared, dof))
    sd = steady.se * math.sqrt(count)
    assert min(own, shared) * (1 - 1e-9) <= sd <= max(own, shared) * (1 + 1e-9)
    assert steady.dof == count - 1 + min(dof, 8)
