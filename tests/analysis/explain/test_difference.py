"""What one mode saves and pays against another: the parts add up, and have no favourite."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.analysis.explain.difference import explain, times
from bench_core.analysis.explain.families import DISPATCH, MATMUL
from bench_core.analysis.explain.profile import Row, plain_rows, read, together
from bench_core.analysis.explain.scaling import scaling
from invented_profiles import (
    duel,
    duels,
    estimate,
    estimates,
    explanations,
    made,
    profile,
    profiles,
    row,
    seconds,
)

EPS = np.finfo(float).eps


def magnitude(found):
    """What rounding errors of a few dozen additions and products are relative to."""
    return 64 * EPS * math.fsum(part.a_s + part.b_s for part in found.parts) + 1e-300


@given(explanations)
def test_the_parts_and_the_rest_add_up_to_the_duels_difference(found):
    total_s = math.fsum([*(part.difference_s for part in found.parts), found.unexplained_s])
    difference_s = found.times.difference_s.value
    assert total_s == pytest.approx(difference_s, rel=0, abs=magnitude(found) + EPS)
    both_s = found.times.b_s - found.times.a_s
    # B − A as e^(−r/2) − e^(r/2) loses what −2·sinh(r/2) does not: an ulp of either time.
    assert difference_s == pytest.approx(both_s, abs=8 * EPS * (found.times.a_s + found.times.b_s))


@given(explanations)
def test_the_layers_where_there_are_any_add_up_alike(found):
    if found.layers:
        by_layer, by_family = (
            math.fsum(one.difference_s for one in parts) for parts in (found.layers, found.parts)
        )
        assert by_layer == pytest.approx(by_family, abs=magnitude(found))


@given(profiles, profiles, seconds, seconds, st.floats(-3, 3), st.floats(0, 1))
def test_swapping_the_modes_turns_every_sign(a, b, a_s, b_s, log_ratio, half):
    forth = explain(a, b, times(a_s, b_s, estimate(log_ratio, half)))
    back = explain(b, a, times(b_s, a_s, estimate(-log_ratio, half)))
    assert [part.name for part in forth.parts] == [part.name for part in back.parts]
    for one, other in zip(forth.parts, back.parts, strict=True):
        assert one.difference_s == -other.difference_s
    assert forth.unexplained_s == -back.unexplained_s
    assert forth.times.difference_s.low == -back.times.difference_s.high
    assert forth.doubtful == back.doubtful


@given(profiles, profiles, seconds, seconds, estimates, st.sampled_from([2.0**-20, 0.5, 1024.0]))
def test_a_change_of_unit_changes_nothing_else(a, b, a_s, b_s, look, unit):
    """By powers of two, which round nothing."""

    def in_unit(one):
        rows = tuple(replace(row, seconds=unit * row.seconds) for row in one.rows)
        times_s = {
            "profiled_s": unit * one.profiled_s,
            "plain_s": unit * one.plain_s,
            "cost_s": unit * one.cost_s,
        }
        return replace(one, rows=rows, **times_s)

    before = explain(a, b, times(a_s, b_s, look))
    after = explain(in_unit(a), in_unit(b), times(unit * a_s, unit * b_s, look))
    for one, other in zip(before.parts, after.parts, strict=True):
        assert other.difference_s == pytest.approx(unit * one.difference_s, abs=magnitude(after))
    assert after.unexplained_s == pytest.approx(unit * before.unexplained_s, abs=magnitude(after))


@given(profiles, profiles)
def test_profiles_that_take_as_long_as_the_duel_leave_nothing_unexplained(a, b):
    found = explain(a, b, duel(a.plain_s, b.plain_s))
    # log and exp of a ratio up to 1e8 add 18 ulps, the parts' sums the rest.
    assert found.unexplained_s == pytest.approx(0, abs=magnitude(found))
    assert found.drift == pytest.approx(1)


@given(profiles, profiles, duels, st.floats(0.1, 10))
def test_a_machine_that_is_slower_while_both_are_profiled_explains_the_same(a, b, found, slower):
    def slowed(one):
        rows = tuple(replace(row, seconds=slower * row.seconds) for row in one.rows)
        return replace(
            one,
            rows=rows,
            profiled_s=slower * one.profiled_s,
            plain_s=slower * one.plain_s,
            cost_s=slower * one.cost_s,
        )

    quick, slow = explain(a, b, found), explain(slowed(a), slowed(b), found)
    least_s = 4 * magnitude(quick)
    assert slow.unexplained_s == pytest.approx(quick.unexplained_s, abs=least_s)


@given(profiles)
def test_without_the_profiler_the_rows_add_up_to_a_plain_call(one):
    rows = plain_rows(one)
    assert all(row.seconds >= 0 for row in rows)
    assert math.fsum(row.seconds for row in rows) == pytest.approx(one.plain_s, rel=1e-12)
    assert rows[-1].family == DISPATCH and len(rows) == len(one.rows) + 1


def spent(one):
    return [row.seconds for row in plain_rows(one)]


def test_a_profilers_cost_is_taken_from_each_event_and_its_caller():
    """3 events cost 3 s. The cheapest took 0.25 s: at most so much is within each of them."""
    rows = (
        row("aten::linear", 2.0, leaf=False),
        row("aten::mm", 4.0, inside="aten::linear"),
        row("aten::relu", 0.25),
    )
    one = made(rows, profiled_s=10, plain_s=7)
    assert one.event_cost_s == (0.25, 0.75)
    # linear loses its own 0.25 and mm's 0.75; 3.75 between the two outer ones lose 2 · 0.75.
    assert spent(one) == pytest.approx([1.0, 3.75, 0.0, 2.25])


def test_a_profiler_that_costs_less_than_the_cheapest_event_costs_all_within():
    """As ONNX Runtime's: nothing is left to be taken from what lies between the nodes."""
    one = profile(("MatMul", 6.0), ("Relu", 3.0), profiled_s=10, plain_s=8)
    assert one.event_cost_s == (1, 0)
    assert spent(one) == pytest.approx([5, 2, 1])


def test_a_cost_that_is_more_than_there_is_is_shared_by_all():
    """Between the two lie 0.5 s, which cannot pay for 2 · 1.5: the 6 s left shrink to 4.5."""
    one = profile(("MatMul", 7.0), ("Relu", 1.0), profiled_s=8.5, plain_s=3.5)
    assert one.event_cost_s == (1, 1.5)
    assert spent(one) == pytest.approx([3.5, 0, 0])


def test_rows_of_one_name_share_those_that_they_called():
    rows = (
        row("aten::linear", 2.0, leaf=False, node="a"),
        row("aten::linear", 3.0, leaf=False, node="b"),
        replace(row("aten::mm", 0.0, inside="aten::linear"), events=4.0),
    )
    one = made(rows, profiled_s=6, plain_s=5.4)
    assert one.event_cost_s == (0, pytest.approx(0.1))
    assert spent(one) == pytest.approx([1.8, 2.8, 0.0, 0.8])


def test_operators_that_ran_beside_each_other_are_made_to_fit():
    one = profile(("MatMul", 12.0), ("Relu", 8.0), profiled_s=10, plain_s=10)
    assert one.overlap == 2
    assert spent(one) == [6, 4, 0]


def test_int8_that_saves_in_products_and_pays_for_quantising():
    a = profile(("MatMul", 2.0), profiled_s=2.5, plain_s=2.5)
    b = profile(("MatMul", 1.0), ("QuantizeLinear", 1.3), profiled_s=2.8, plain_s=2.8)
    found = explain(a, b, duel(2.5, 2.8))
    by_name = {part.name: part.difference_s for part in found.parts}
    assert by_name[MATMUL] == pytest.approx(-1)
    assert by_name["for quantising and dequantising"] == pytest.approx(1.3)
    assert by_name[DISPATCH] == pytest.approx(0)
    assert not found.doubtful


def test_profiles_that_disagree_with_the_duel_are_doubtful():
    a = profile(("MatMul", 2.0), profiled_s=2, plain_s=2)
    found = explain(a, a, duel(2, 2.4))
    assert found.unexplained_s == pytest.approx(0.4)
    assert found.doubtful
    assert not explain(a, a, duel(2, 2.4, half=0.5)).doubtful


def test_several_profiles_of_one_mode_are_their_mean():
    first = profile(("MatMul", 2.0), profiled_s=4, plain_s=3)
    second = profile(("MatMul", 4.0), ("Relu", 1.0), profiled_s=6, plain_s=5)
    both = together([first, second])
    assert [(row.operator, row.seconds, row.events) for row in both.rows] == [
        ("MatMul", 3.0, 1.0),
        ("Relu", 0.5, 0.5),
    ]
    assert (both.profiled_s, both.plain_s, both.cost_s) == (5, 4, 1)


def test_a_workers_answer_is_read():
    reply = {
        "profiler": "torch.profiler",
        "rows": [["aten::mm", "aten::matmul", True, ""], ["aten::linear", "", False, ""]],
    }
    own_ns = np.array([[9000, 500], [2000, 500], [2000, 9000], [2000, 500]], float)
    taken_ns = np.array([11_000.0, 4000, 12_000, 4000])  # two were disturbed, in other rows
    plain_ns = np.array([3000.0, 7000, 3000])
    one = read(reply, [plain_ns, taken_ns, own_ns, np.array([1.0, 2.0])])
    assert one.rows == (
        Row("aten::mm", "aten::matmul", True, "", 1.0, pytest.approx(2e-6)),
        Row("aten::linear", "", False, "", 2.0, pytest.approx(5e-7)),
    )
    assert (one.plain_s, one.profiled_s, one.cost_s) == pytest.approx((3e-6, 4e-6, 1e-6))


@given(seconds, st.integers(2, 64))
def test_perfect_scaling_loses_nothing_and_none_loses_all_but_a_share(one_s, threads):
    perfect = scaling(one_s, one_s / threads, estimate(math.log(threads), 0.1), threads)
    assert perfect.lost_s.value == pytest.approx(0, abs=8 * EPS * one_s)
    assert perfect.lost_s.low < 0 < perfect.lost_s.high
    none = scaling(one_s, one_s, estimate(0, 0), threads)
    assert none.lost_s.value == pytest.approx(one_s * (1 - 1 / threads))


def test_amdahls_serial_part_is_what_is_lost():
    """Of 4 s 1 s is serial: T(2) = 1 + 3/2, so T(2) − T(1)/2 is half the serial part."""
    found = scaling(4.0, 2.5, estimate(math.log(4 / 2.5), 0.0), 2)
    assert (found.one_s, found.all_s) == pytest.approx((4, 2.5))
    assert found.lost_s.value == pytest.approx(0.5)


def test_what_disturbed_the_profiled_calls_is_taken_from_all_alike():
    """2 s of 10 are the profiler's, as its fastest call shows; the rest took twice as long."""
    rows = (row("MatMul", 6.0), row("Relu", 3.0))
    one = replace(made(rows, profiled_s=10, plain_s=4), cost_s=2.0)
    assert one.event_cost_s == (1, 0)
    assert spent(one) == pytest.approx([2.5, 1.0, 0.5])


def test_a_profiler_never_costs_less_than_nothing():
    reply = {"profiler": "p", "rows": [["MatMul", "", True, ""]]}
    arrays = [np.full(3, 5000.0), np.full(3, 4000.0), np.full((3, 1), 3000.0), np.ones(1)]
    assert read(reply, arrays).cost_s == 0
