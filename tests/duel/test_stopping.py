from contextlib import contextmanager

import numpy as np
import pytest

from bench_core.analysis.statistics import LaunchSpread, family_spread, pooled_launch_sd
from bench_core.duel.duel import fight
from bench_core.duel.stopping import MIN_LAUNCHES, QUADS_PER_LAUNCH, Rule, look
from fakes import FakeSide

STEADY = LaunchSpread(0.001, 100)


def of_its_own(values):
    return family_spread(pooled_launch_sd([]), [values])


def steady(values):
    return STEADY


def quads(sd, seed=0):
    return np.random.default_rng(seed).normal(0.3, sd, QUADS_PER_LAUNCH)


@pytest.mark.parametrize(
    ("launches", "spread_of", "left_s", "step"),
    [
        ([quads(0.001)], steady, 0.0, "another launch"),  # two at least, whatever they cost
        ([quads(0.001), quads(0.001)], steady, 9.0, "precision"),
        ([quads(0.2), quads(0.2)], steady, 9.0, "another launch"),
        ([quads(0.2), quads(0.2)], steady, 1.9, "budget"),  # a third of 2 s is not in it
        ([quads(0.001), quads(0.001) + 0.2], of_its_own, 9.0, "another launch"),
    ],
)
def test_what_a_look_decides(launches, spread_of, left_s, step):
    assert look(Rule(4.0), launches, spread_of, left_s=left_s, next_s=2.0).step == step


def test_launches_that_differ_widen_the_interval():
    agree = look(Rule(4.0), [quads(0.01), quads(0.01)], of_its_own, left_s=0.0, next_s=1.0)
    differ = look(Rule(4.0), [quads(0.01), quads(0.01) + 0.2], of_its_own, left_s=0.0, next_s=1.0)
    assert differ.estimate.half_width > 2 * agree.estimate.half_width
    assert differ.spread.sd > 0.05


def sides(ratio, log=None):
    log = [] if log is None else log
    return FakeSide("A", log, lambda _: 0.01 * ratio), FakeSide("B", log, lambda _: 0.01)


def test_every_launch_but_the_first_is_a_new_pair():
    opened = []

    @contextmanager
    def relaunch():
        opened.append(1)
        yield sides(2.0)

    log = []
    duel = fight(sides(2.0, log), relaunch, Rule(60.0), of_its_own)
    assert duel.look.step == "precision"
    assert len(duel.launches) == 1 + len(opened) >= MIN_LAUNCHES
    assert len(log) == 2 + 4 * QUADS_PER_LAUNCH
    assert np.exp(duel.look.estimate.log_ratio) == pytest.approx(2.0)
    assert [block.launch for block in duel.blocks] == sorted(block.launch for block in duel.blocks)


def test_a_budget_of_nothing_still_pays_for_two_launches():
    noise = np.random.default_rng(1)

    @contextmanager
    def relaunch():
        yield tuple(
            FakeSide(name, [], lambda _: 0.01 * np.exp(noise.normal(0, 0.05))) for name in "AB"
        )

    with relaunch() as pair:
        duel = fight(pair, relaunch, Rule(1e-9), of_its_own)
    assert duel.look.step == "budget"
    assert len(duel.launches) == MIN_LAUNCHES
    assert duel.quads == MIN_LAUNCHES * QUADS_PER_LAUNCH
