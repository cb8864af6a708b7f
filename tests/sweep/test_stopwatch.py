import time

import pytest

from bench_core.sweep.stopwatch import Stopwatch


def test_an_inner_phase_counts_for_itself_alone():
    watch = Stopwatch()
    start = time.perf_counter()
    with watch("outer"):
        time.sleep(0.02)
        with watch("inner"):
            time.sleep(0.03)
    total = time.perf_counter() - start
    assert watch.seconds["inner"] >= 0.03
    assert watch.seconds["outer"] >= 0.02
    assert sum(watch.seconds.values()) == pytest.approx(total, abs=0.005)


def test_a_part_can_be_booked_under_a_name_of_its_own():
    watch = Stopwatch()
    watch.seconds["duels"] = 5.0
    watch.move("duels", "timed blocks", 3.0)
    assert watch.seconds == {"duels": 2.0, "timed blocks": 3.0}
