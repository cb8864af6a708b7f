import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from bench_core.analysis.gate.beside_time import Paired, artifact, readings, tasks
from bench_core.analysis.verdict import BETTER, WITHIN, WORSE

MIRRORED = {WORSE: BETTER, BETTER: WORSE, WITHIN: WITHIN}
sizes = st.integers(1, 10**12)
times = st.lists(st.floats(1e-6, 1e3), min_size=1, max_size=5)


def pair(lost: int, gained: int, both: int = 100) -> Paired:
    """Items of which base alone, head alone, and both are right."""
    expected = np.zeros(lost + gained + both, np.int64)
    base, head = expected.copy(), expected.copy()
    base[lost : lost + gained] = 1
    head[:lost] = 1
    return Paired(base, head, expected)


@given(sizes, sizes)
def test_swapping_the_sides_mirrors_bytes(base, head):
    assert artifact("c", head, base, 0.01).kind == MIRRORED[artifact("c", base, head, 0.01).kind]


def test_bytes_are_worse_from_a_hair_over_the_limit():
    assert artifact("c", 1000, 1010, 0.01).kind == WITHIN
    assert artifact("c", 1000, 1011, 0.01).kind == WORSE
    assert artifact("c", 0, 1, 0.01).kind == WORSE
    assert artifact("c", 0, 0, 0.01).kind == WITHIN


@given(times, times)
def test_swapping_the_sides_mirrors_readings(base, head):
    there = readings("c", "ready_s", base, head, 0.1)
    back = readings("c", "ready_s", head, base, 0.1)
    assert back.kind == MIRRORED[there.kind]
    assert there.change.low <= there.change.value <= there.change.high


@given(times)
def test_the_same_readings_are_never_worse(same):
    assert readings("c", "ready_s", same, same, 0.1).kind == WITHIN


def test_one_reading_that_agrees_with_base_is_enough_to_spare_head():
    assert readings("c", "ready_s", [1.0, 1.1], [1.3, 1.4], 0.1).kind == WORSE
    assert readings("c", "ready_s", [1.0, 1.1], [1.1, 1.4], 0.1).kind == WITHIN


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_task_is_judged_as_an_exact_sign_test_does(lost, gained):
    (verdict,) = tasks({"c": pair(lost, gained)})
    differing = lost + gained
    p = binomtest(lost, differing, alternative="greater").pvalue if differing else 1.0
    assert (verdict.kind == WORSE) == (p <= 0.01)
    assert verdict.change.value == pytest.approx((gained - lost) / (differing + 100))


@given(st.integers(0, 60), st.integers(0, 60))
def test_swapping_the_sides_mirrors_tasks(lost, gained):
    (there,), (back,) = tasks({"c": pair(lost, gained)}), tasks({"c": pair(gained, lost)})
    assert back.kind == MIRRORED[there.kind]


def test_more_cells_ask_more_of_each():
    """7 lost of 7 have p = 0.8 %: enough for one cell, not for the smallest of two."""
    assert tasks({"c": pair(7, 0)})[0].kind == WORSE
    both = tasks({"c": pair(7, 0), "d": pair(0, 0)})
    assert [verdict.kind for verdict in both] == [WITHIN, WITHIN]
