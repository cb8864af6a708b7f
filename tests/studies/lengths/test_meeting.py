"""Duels of a study, in real processes, with padding that shows."""

from dataclasses import replace

import pytest

from bench_core.cell import Cell
from bench_core.duel.stopping import Rule
from bench_core.errors import BenchError, WrongOutput
from bench_core.hardware.cpu import usable_cores
from bench_core.studies.lengths.meeting import meet, meet_padded
from bench_core.sweep.arena import Arena

QUICK = Rule(0.3)


@pytest.fixture(scope="module")
def arena(misbehaving, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    one = Arena(None, len(usable_cores()), cache, lambda what: None)
    yield one
    one.close()


def cell(mode, length, model="masked"):
    return Cell(model, mode, length, threads=len(usable_cores()))


def test_the_padded_one_is_timed_on_padded_inputs(arena):
    """A thousand rows against one: no machine takes as long for both."""
    duel = meet_padded(arena, cell("eager_no_grad", 1), 1000, QUICK)
    assert duel.look.estimate.low > 0


@pytest.mark.parametrize("model", ["masked", "by_row"])
def test_outputs_are_those_of_what_was_padded_with_a_row_each_or_without(arena, model):
    duel = meet_padded(arena, cell("torchscript_freeze", 5, model), 8, QUICK)
    assert duel.quads >= 8


def test_padding_that_shows_in_the_outputs_is_not_timed(arena):
    with pytest.raises(WrongOutput, match="eager_no_grad at 5"):
        meet_padded(arena, cell("eager_no_grad", 5, "padding_shows"), 8, QUICK)


def test_a_model_without_padding_says_so(arena):
    with pytest.raises(BenchError, match="mlp knows no padding"):
        meet_padded(arena, cell("eager_no_grad", 5, "mlp"), 8, QUICK)


def test_two_modes_meet_where_neither_was_measured(arena):
    twice, once = cell("runs_twice", 300), cell("eager_no_grad", 300)
    assert meet(arena, twice, once, QUICK).look.estimate.low > 0  # the second is the faster
    with pytest.raises(WrongOutput, match="is_wrong at 300"):
        meet(arena, replace(once, mode="is_wrong"), once, QUICK)
