"""A task's score, its change against float, and what is still right."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.analysis.paired import tango, wilson
from bench_core.analysis.task import against, inherit, is_right, score

EXPECTED = np.arange(900) % 10


def predictions(wrong: int, start: int = 0) -> np.ndarray:
    """`wrong` items wrong, from item `start` on."""
    predicted = EXPECTED.copy()
    predicted[start : start + wrong] = (predicted[start : start + wrong] + 1) % 10
    return predicted


def compared(reference: np.ndarray, mode: np.ndarray):
    return against(reference, mode, EXPECTED, score("accuracy", 8, mode, EXPECTED, "c0ffee", False))


@given(st.integers(0, 900), st.integers(0, 900))
def test_the_score_and_its_change_are_counted_item_by_item(before, after):
    got = compared(predictions(before), predictions(after))
    share = wilson(900 - after, 900)
    assert (got.value, got.low, got.high, got.items) == (share.value, share.low, share.high, 900)
    assert got.change == tango(max(0, before - after), max(0, after - before), 900)
    assert got.change.value == pytest.approx((before - after) / 900)


def test_the_change_is_paired():
    """The same share, other items: nothing is lost on the whole, but the interval is wide."""
    same = compared(predictions(20), predictions(20)).change
    other = compared(predictions(20), predictions(20, start=400)).change
    assert same.value == other.value == 0
    assert other.high > 3 * same.high


def test_right_is_a_loss_of_at_most_a_point_at_its_upper_limit():
    assert is_right(compared(predictions(20), predictions(20)))
    assert is_right(compared(predictions(20), predictions(10)))
    lost_three, lost_four = (compared(predictions(20), predictions(20 + k)) for k in (3, 4))
    assert is_right(lost_three)
    assert tango(0, 3, 900).low > -0.01 > tango(0, 4, 900).low
    assert not is_right(lost_four)


def test_too_few_items_prove_nothing():
    """z² / (n + z²) ≤ 1 % asks for 381 items."""
    for items, enough in ((380, False), (381, True)):
        right = EXPECTED[:items]
        got = against(right, right, right, score("t", 8, right, right, "c0ffee", False))
        assert is_right(got) is enough


def test_a_score_is_inherited_by_name():
    own = score("accuracy", 8, predictions(9), EXPECTED, "c0ffee", False)
    got = inherit(own, "eager_inference_mode")
    assert (got.value, got.inherited_from, got.change) == (own.value, "eager_inference_mode", None)
    assert is_right(got)


def test_a_score_that_was_never_compared_is_not_called_right():
    with pytest.raises(ValueError, match="call `against` first"):
        is_right(score("accuracy", 8, predictions(0), EXPECTED, "c0ffee", False))


def test_macro_scores_come_with_classes():
    got = score("accuracy", 8, predictions(90), EXPECTED, "c0ffee", True)
    assert sorted(got.also) == ["macro_f1", "macro_precision", "macro_recall"]
    assert got.also["macro_recall"].value == pytest.approx(0.9)
    assert not score("accuracy", 8, predictions(90), EXPECTED, "c0ffee", False).also


@pytest.mark.parametrize("predicted", [np.zeros(1), np.zeros((900, 1)), np.zeros(899)])
def test_a_prediction_for_each_item_or_none(predicted):
    with pytest.raises(ValueError, match="one prediction per item"):
        score("accuracy", 8, predicted, EXPECTED, "c0ffee", False)
