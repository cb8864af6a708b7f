from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from bench_core.analysis.compare.task import task
from bench_core.analysis.paired import tango, wilson
from bench_core.analysis.verdict import BETTER, UNSURE, WITHIN, WORSE
from bench_core.record import TaskScore

MIRRORED = {WORSE: BETTER, BETTER: WORSE, WITHIN: WITHIN}
ITEMS, FLOAT_RIGHT = 1000, 900


@st.composite
def scores(draw: st.DrawFn) -> TaskScore:
    """Of one task: float's own, one compared with float, or one that stands alone."""
    kind = draw(st.sampled_from(["inherited", "compared", "alone"]))
    if kind == "inherited":
        return score(FLOAT_RIGHT, inherited_from="eager_inference_mode")
    lost, gained = draw(st.integers(0, 300)), draw(st.integers(0, 100))
    right = FLOAT_RIGHT - lost + gained
    change = tango(gained, lost, ITEMS) if kind == "compared" else None
    return score(right, change=change)


def score(right: int, **other: object) -> TaskScore:
    share = wilson(right, ITEMS)
    known = {"corpus_sha256": "c0ffee", "inherited_from": None, "change": None, "also": {}}
    figures = {"value": share.value, "low": share.low, "high": share.high}
    return TaskScore(
        **{"name": "accuracy", **figures, "items": ITEMS, "length": 8, **known, **other}
    )


@given(scores(), scores())
def test_swapping_the_runs_mirrors_the_verdict(one, other):
    there, back = task("c", one, other), task("c", other, one)
    assert back.kind == MIRRORED[there.kind]
    assert back.change.value == pytest.approx(-there.change.value)
    assert there.change.low <= there.change.value <= there.change.high


@given(scores())
def test_the_same_score_lost_nothing(same):
    assert task("c", same, same).kind == WITHIN


def test_a_loss_against_the_same_float_is_seen_where_shares_alone_could_not():
    """18 items of 1000: 90 % less 1.8 points is within Wilson's bounds, Tango's leave it out."""
    before = score(FLOAT_RIGHT, inherited_from="eager_inference_mode")
    after = score(FLOAT_RIGHT - 18, change=tango(0, 18, ITEMS))
    assert task("c", before, after).kind == WORSE
    assert (
        task("c", replace(before, inherited_from=None), replace(after, change=None)).kind == WITHIN
    )


def test_a_change_against_another_float_is_not_taken_for_one_against_this():
    before = score(FLOAT_RIGHT, inherited_from="eager_inference_mode")
    after = score(FLOAT_RIGHT - 100, change=tango(0, 0, ITEMS))
    verdict = task("c", before, after)
    assert verdict.kind == WORSE
    assert verdict.change.value == pytest.approx(-0.1)


def test_shares_are_compared_by_newcombes_interval():
    """Newcombe 1998, method 10, worked out here from its definition."""
    before, after = (
        replace(score(1), items=80, value=48 / 80),
        replace(score(1), items=80, value=0.7),
    )
    change = task("c", before, after).change
    # By hand, from two Wilson intervals at z = 2.326.
    z, bounds = norm.ppf(0.99), []
    for share in (0.6, 0.7):
        middle, width = share + z * z / 160, z * (share * (1 - share) / 80 + z * z / 25600) ** 0.5
        bounds.append(((middle - width) / (1 + z * z / 80), (middle + width) / (1 + z * z / 80)))
    low = 0.1 - ((0.7 - bounds[1][0]) ** 2 + (bounds[0][1] - 0.6) ** 2) ** 0.5
    assert change.low == pytest.approx(low)


@pytest.mark.parametrize("other", [{"corpus_sha256": "beef"}, {"items": 5}, {"length": 9}])
def test_what_is_not_the_same_task_is_not_compared(other):
    before = score(FLOAT_RIGHT, inherited_from="eager_inference_mode")
    assert task("c", before, replace(before, **other)).kind == UNSURE
    assert task("c", before, None).kind == UNSURE
