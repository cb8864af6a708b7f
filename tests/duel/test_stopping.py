from contextlib import contextmanager

import numpy as np
import pytest

from bench_core.analysis.statistics import LaunchSpread, pooled_launch_sd
from bench_core.duel.duel import fight
from bench_core.duel.stopping import Rule, look
from fakes import FakeSide

PRIOR = pooled_launch_sd([])
STEADY = LaunchSpread(0.001, 100)


def quads(sd, n=8, seed=0):
    return np.random.default_rng(seed).normal(0.3, sd, n)


@pytest.mark.parametrize(
    ("launches", "spread", "spent_s", "step"),
    [
        ([quads(0.001)], STEADY, 1.0, "precision"),
        ([quads(0.2)], PRIOR, 1.0, "quads"),  # 8 more quads of 0.1 s are within 4 s
        ([quads(0.2)], PRIOR, 3.5, "budget"),  # they no longer are
        ([quads(0.001)], PRIOR, 1.0, "launch"),  # the launch part dominates
        ([quads(0.001)], PRIOR, 2.5, "launches"),  # a fresh one is not within the budget
        ([quads(0.2), quads(0.2)], PRIOR, 1.0, "launch"),
    ],
)
def test_what_a_look_decides(launches, spread, spent_s, step):
    found = look(Rule(4.0), launches, spread, spent_s=spent_s, quad_s=0.1, launch_s=2.0)
    assert found.step == step


def test_a_duel_looks_at_8_quads_then_at_twice_as_many():
    noise = np.random.default_rng(1)
    log = []
    sides = [
        FakeSide(name, log, lambda block: 1e-2 * np.exp(noise.normal(0, 0.05))) for name in "AB"
    ]

    @contextmanager
    def no_fresh_pair():
        raise AssertionError("the budget allows none")
        yield

    duel = fight((sides[0], sides[1]), no_fresh_pair, Rule(60.0), PRIOR, launch_start_s=1e9)
    assert duel.quads in (8, 16, 32, 64, 128, 256)
    assert duel.look.step == "launches"
    assert len(log) == 2 + 4 * duel.quads


def test_while_the_launch_part_dominates_fresh_pairs_are_added():
    opened = []

    @contextmanager
    def fresh_pair():
        opened.append(1)
        yield FakeSide("A", [], lambda block: 0.02), FakeSide("B", [], lambda block: 0.01)

    first = FakeSide("A", [], lambda block: 0.02), FakeSide("B", [], lambda block: 0.01)
    duel = fight(first, fresh_pair, Rule(60.0), PRIOR, launch_start_s=0.0)
    assert duel.look.step == "precision"
    assert len(duel.launches) == 1 + len(opened) > 1
    assert np.exp(duel.look.estimate.log_ratio) == pytest.approx(2.0)
