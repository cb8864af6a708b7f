"""The whole schedule on invented launches: what must hold exactly, and how often it errs."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from bench_core.analysis.gate.protocol import Launch, decisions
from bench_core.analysis.gate.rule import GateCell, rule_for
from bench_core.errors import UsageError

RULE = rule_for(0.05)
LAUNCHES = RULE.screen_launches + RULE.looks[-1]
FIRST_TEST = next(n for n, spent in zip(RULE.looks, RULE.spending, strict=True) if spent)
CLASSES = ("compute", "memory", "dispatch")
SENTINELS = {f"sentinel of {bound}": bound for bound in CLASSES}


def suite(cells, seed):
    """Times [cells, launches, base and head]; `cells`: (log slowdown, launch sd) of each."""
    rng = np.random.default_rng(seed)
    centre, sd = (np.array(column)[:, None] for column in zip(*cells, strict=True))
    base = np.exp(rng.normal(-5, 1, (len(cells), LAUNCHES)))
    return np.stack([base, base * np.exp(centre + sd * rng.normal(size=base.shape))], axis=-1)


changes = st.sampled_from([0.0, 0.01, 0.02, 0.05, 0.1]) | st.floats(-0.1, 0.1)
suites = st.builds(
    suite,
    st.lists(
        st.tuples(changes, st.sampled_from([0.0, 0.007, 0.013, 0.04])), min_size=1, max_size=5
    ),
    st.integers(0, 2**32 - 1),
)


def rows(times):
    logs = np.log(times[..., 1] / times[..., 0])
    return {f"cell {i}": row for i, row in enumerate(logs.tolist())}


def run(values, *, rule=RULE, sentinels=None, threshold=0.05, **options):
    """The last decision on given launch values; a cell whose values are used up has failed."""
    calls = itertools.count()
    sentinels = {} if sentinels is None else sentinels
    cells = {cell: GateCell(CLASSES[len(cell) % 3], threshold) for i, cell in enumerate(values)}

    def launch(asked):
        i = next(calls)
        found = {cell: values[cell][i] for cell in asked if i < len(values[cell])}
        return Launch(found, {cell: row[i] for cell, row in sentinels.items() if i < len(row)})

    *_, last = decisions(rule, cells, launch, sentinels=SENTINELS, **options)
    return last


def kinds(decision):
    return {verdict.cell: verdict.kind for verdict in decision.verdicts}


@given(suites)
def test_swapping_the_sides_swaps_worse_and_better(times):
    forth, back = (
        kinds(run(rows(times))),
        run({cell: [-v for v in row] for cell, row in rows(times).items()}),
    )
    swapped = {"worse": "better", "better": "worse"}
    assert kinds(back) == {cell: swapped.get(kind, kind) for cell, kind in forth.items()}


@given(suites, st.integers(-30, 30))
def test_a_change_of_unit_changes_nothing(times, power):
    """By a power of 2, which rounds nothing, so that not even a digit may differ."""
    assert run(rows(times * 2.0**power)) == run(rows(times))


@given(suites, st.floats(1e-6, 1e6))
def test_any_change_of_unit_changes_no_interval(times, unit):
    for before, after in zip(
        run(rows(times)).screen.values(), run(rows(times * unit)).screen.values(), strict=True
    ):
        assert after == pytest.approx(before, abs=1e-14)


@given(suites)
def test_the_same_samples_twice_are_never_worse(times):
    same = np.stack([times[..., 0]] * 2, axis=-1)
    decision = run(rows(same), sentinels={cell: [0.0] * LAUNCHES for cell in SENTINELS})
    assert set(kinds(decision).values()) == {"within"}
    assert not any(verdict.watch for verdict in decision.verdicts)


@given(suites, st.integers(0, RULE.screen_launches + FIRST_TEST - 1))
def test_below_the_least_number_of_launches_nothing_is_worse(times, count):
    decision = run({cell: row[:count] for cell, row in rows(times).items()})
    assert set(kinds(decision).values()) <= {"within"}
    if count < RULE.screen_launches:
        assert not decision.verdicts


@given(suites, st.randoms())
def test_the_order_of_cells_changes_nothing(times, random):
    values = rows(times)
    shuffled = {cell: values[cell] for cell in random.sample(list(values), len(values))}
    forth, back = run(values), run(shuffled)
    assert set(forth.verdicts) == set(back.verdicts)
    assert [verdict.cell for verdict in back.verdicts] == [c for c in shuffled if c in kinds(back)]
    assert forth.confirm == back.confirm


@given(suites, st.floats(0, 0.1))
def test_a_larger_slowdown_never_turns_worse_into_anything_else(times, more):
    """Where no earlier look could have ended with it as `within`: none saw it as faster."""
    values = rows(times)
    first = [*values["cell 0"][: RULE.screen_launches], *map(abs, values["cell 0"][2:])]
    before = kinds(run(values | {"cell 0": first}))["cell 0"]
    after = kinds(run(values | {"cell 0": [v + more + 1e-9 for v in first]}))["cell 0"]
    assert before != "worse" or after == "worse"


@given(suites)
def test_the_confirm_never_sees_a_launch_of_the_screen(times):
    values = rows(times)
    decision = run(values)
    for cell, screened in decision.screen.items():
        confirmed = decision.confirm.get(cell, ())
        assert [*screened, *confirmed] == values[cell][: len(screened) + len(confirmed)]
        assert len(confirmed) in (0, *RULE.looks)
    for verdict in decision.verdicts:
        confirmed = decision.confirm.get(verdict.cell, ())
        assert verdict.launches == (len(confirmed) or RULE.screen_launches)


@given(suites)
def test_no_launch_is_made_for_nothing(times):
    told = []
    decision = run(rows(times), progress=lambda *step: told.append(step))
    longest = max(map(len, decision.confirm.values()), default=0)
    assert [step[:3] for step in told] == [
        *(("screen", i + 1, RULE.screen_launches) for i in range(RULE.screen_launches)),
        *(("confirm", i + 1, RULE.looks[-1]) for i in range(longest)),
    ]
    for stage, i, _, count in told:
        values = decision.screen if stage == "screen" else decision.confirm
        assert count == sum(len(found) >= i for found in values.values())


def test_a_cell_that_fails_is_left_out_and_the_others_are_judged():
    slow, quiet = [0.1 + 0.001 * (i % 3) for i in range(LAUNCHES)], [0.0] * LAUNCHES
    decision = run({"a": slow, "b": slow[:1], "c": slow[:5], "d": quiet, "e": []})
    assert kinds(decision) == {"a": "worse", "d": "within"}
    assert (len(decision.screen["b"]), decision.screen["e"]) == (1, ())


def test_a_cell_that_fails_stays_a_hypothesis():
    """c fails after the screen, and a must still be found among two, not one."""
    noisy = (0.0237 + 0.009 * stats.norm.ppf((np.arange(4) + 0.5) / 4)).tolist()
    alone = replace(RULE, looks=(4,), spending=(1.0,), alpha=0.05)
    values = {"a": [0.03, 0.03, *noisy]}
    assert kinds(run(values, rule=alone)) == {"a": "worse"}
    assert kinds(run(values | {"c": [0.03, 0.03]}, rule=alone)) != {"a": "worse"}


def test_an_invalid_session_leaves_every_timing_unsure():
    shifted = {cell: [0.06 + 0.001 * (i % 2) for i in range(LAUNCHES)] for cell in SENTINELS}
    values = {
        "a": [0.1 + 0.001 * (i % 3) for i in range(LAUNCHES)],
        "b": [0.0] * LAUNCHES,
        "c": [0.025 + 0.001 * (i % 3 - 1) for i in range(LAUNCHES)],
    }
    believed = run(values)
    assert kinds(believed) == {"a": "worse", "b": "within", "c": "within"}
    assert [verdict.watch for verdict in believed.verdicts] == [False, False, True]
    decision = run(values, sentinels=shifted)
    assert kinds(decision) == dict.fromkeys(values, "unsure")
    assert "sentinel of compute against itself differed by 6.0 %" in decision.invalid
    assert all("control failed" in verdict.reason for verdict in decision.verdicts)
    assert not any(verdict.watch for verdict in decision.verdicts)


def test_a_cell_is_launched_no_more_once_it_is_decided():
    wide = [0.2 * (-1) ** i for i in range(LAUNCHES)]
    slow = [0.1 + 0.001 * (i % 3) for i in range(LAUNCHES)]
    decision = run({"a": slow, "b": [0.0] * LAUNCHES, "cccc": wide})
    assert {cell: len(values) for cell, values in decision.confirm.items()} == {
        "a": FIRST_TEST,
        "cccc": RULE.looks[-1],
        "b": FIRST_TEST,  # flagged with cccc, whose class it shares
    }


def test_sentinels_that_spread_flag_the_cells_of_their_class():
    noisy = {"sentinel of memory": [0.08, -0.08] * LAUNCHES}
    decision = run({"a": [0.0] * LAUNCHES, "bb": [0.0] * LAUNCHES}, sentinels=noisy)
    assert list(decision.confirm) == ["a"]


def test_nothing_to_judge_takes_no_launch():
    assert run({}).verdicts == ()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_launch_value_that_is_no_number_is_refused(value):
    with pytest.raises(ValueError, match="finite launch value of 'a'"):
        run({"a": [value] * LAUNCHES})


def test_a_threshold_that_cannot_be_is_refused_before_anything_runs():
    with pytest.raises(UsageError, match="threshold: expected"):
        run({"a": []}, threshold=0.001)


def simulated(suites, draw, *, rule=RULE, slowdown=0.0, everywhere=0.0, seed=0):
    """Suites with a `worse` among 23 cells that differ by `everywhere`, and how often the 24th,
    slower by `slowdown`, was found; without a slowdown there are 24 of the former."""
    rng = np.random.default_rng(seed)
    launches = rule.screen_launches + rule.looks[-1]
    alarms = found = unsure = 0
    for _ in range(suites):
        values = draw(rng, (24, launches)) + math.log1p(everywhere)
        values[0] += math.log1p(slowdown) - (math.log1p(everywhere) if slowdown else 0.0)
        sentinels = dict(zip(SENTINELS, draw(rng, (3, launches)).tolist(), strict=True))
        named = {f"{i:02}" + "." * (i % 3): row for i, row in enumerate(values.tolist())}
        decision = run(named, rule=rule, sentinels=sentinels, threshold=rule.threshold)
        worse = {verdict.cell for verdict in decision.verdicts if verdict.kind == "worse"}
        found += bool(slowdown) and "00" in worse
        alarms += bool(worse - {"00"}) if slowdown else bool(worse)
        unsure += any(verdict.kind == "unsure" for verdict in decision.verdicts)
    return alarms, found, unsure


def normal(sd):
    return lambda rng, shape: rng.normal(0, sd, shape)


def heavy(sd):
    """Student's t on 3 degrees of freedom: 1 launch in 70 is off by more than 3 sd."""
    return lambda rng, shape: sd * rng.standard_t(3, shape) / math.sqrt(3)


def two_layouts(apart):
    """Each process has one of two address-space layouts, as likely the one as the other."""

    def draw(rng, shape):
        ours, theirs = rng.integers(2, size=(2, *shape))
        return apart * (ours - theirs) + rng.normal(0, 0.003, shape)

    return draw


def at_most(suites, chance):
    """So many that more would happen once in 1000 if the chance were that."""
    return stats.binom.ppf(0.999, suites, chance)


@pytest.mark.parametrize("draw", [normal(0.007), normal(0.013), normal(0.023), heavy(0.013)])
def test_false_alarms_are_rarer_than_alpha(draw):
    alarms, _, unsure = simulated(2000, draw)
    assert alarms <= at_most(2000, RULE.alpha)
    assert unsure <= 0.05 * 2000


@pytest.mark.parametrize("apart", [0.027, 0.04])
def test_the_level_holds_for_launches_of_two_kinds(apart):
    """2.7 % was measured; at 4 % t without a least spread errs in 2.5 of 100 suites."""
    assert simulated(2000, two_layouts(apart))[0] <= at_most(2000, RULE.alpha)


@pytest.mark.parametrize("draw", [normal(0.007), normal(0.013), normal(0.023)])
def test_the_level_holds_where_every_cell_is_slower_by_the_null(draw):
    """The worst case that is no regression: 24 cells, each 1 % slower. At 1 and at 20 %."""
    assert simulated(1000, draw, everywhere=0.01)[0] <= at_most(1000, 0.01)
    loose = replace(RULE, alpha=0.2)
    assert simulated(1000, draw, rule=loose, everywhere=0.01)[0] <= at_most(1000, 0.2)


def test_a_level_that_is_spent_is_used():
    """Or the two tests before would pass with a gate that never fails."""
    loose = replace(RULE, alpha=0.4, flag_share=0.01, null_share=0.001)
    assert 20 < simulated(300, normal(0.028), rule=loose)[0] <= at_most(300, 0.4)


def test_a_slowdown_of_5_percent_is_found_95_times_in_100():
    assert simulated(1000, normal(0.013), slowdown=0.05)[1] >= 950


@pytest.mark.parametrize("draw", [normal(0.007), normal(0.013), normal(0.023)])
def test_a_slowdown_of_10_percent_is_always_found(draw):
    assert simulated(300, draw, slowdown=0.10)[1] == 300


def test_heavy_tails_hide_no_10_percent_in_a_valid_session():
    """A wild sentinel launch calls some sessions invalid, and there nothing is found."""
    assert simulated(300, heavy(0.013), slowdown=0.10)[1] >= 0.90 * 300


def test_2_percent_is_found_where_it_is_asked_for():
    rule = rule_for(0.02)
    assert simulated(100, normal(0.007), rule=rule, slowdown=0.02)[1] >= 80


@settings(max_examples=20)
@given(st.floats(0.005, 0.049) | st.floats(0.05, 1.0), st.integers(0, 2**32 - 1))
def test_any_threshold_finds_three_times_itself(threshold, seed):
    rule = rule_for(threshold)
    noise = np.random.default_rng(seed).normal(0, threshold / 20, rule.screen_launches + 40)
    decision = run(
        {"a": (noise + math.log1p(3 * threshold)).tolist()}, rule=rule, threshold=threshold
    )
    assert kinds(decision) == {"a": "worse"}
