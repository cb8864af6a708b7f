"""A mode that is the same program as another is measured once, and never ranked."""

import pytest

from bench_core.analysis.advice import candidates
from bench_core.cell import Cell
from bench_core.sweep.profiles import Request
from bench_core.sweep.session import Done, Sweep
from invented import ok

TWIN, ALIAS = "compile_max_autotune_no_cudagraphs", "compile_max_autotune"


@pytest.fixture
def sweep(tmp_path):
    return Sweep(Request(), tmp_path, tmp_path, False, lambda _: None)


def test_it_takes_over_what_the_other_came_to(sweep):
    measured = Done(ok(TWIN, 1.3, wall_s=40.0), [0.01], "")
    sweep.done[measured.record.cell] = measured
    cell = Cell("minilm", ALIAS, 128, threads=2)
    taken = sweep._twin(cell)
    assert taken.record.cell == str(cell) and taken.record.alias_of == TWIN
    assert taken.record.speedup == measured.record.speedup
    assert taken.record.wall_s is None  # it took no time
    assert candidates([measured.record, taken.record]) == [measured.record]


def test_alone_it_is_measured_itself(sweep):
    assert sweep._twin(Cell("minilm", ALIAS, 128, threads=2)) is None


def test_on_another_device_it_is_another_program(sweep):
    measured = Done(ok(TWIN, 1.3), [0.01], "")
    sweep.done[measured.record.cell.replace("|cpu|cpu|", "|cuda|cpu|")] = measured
    assert sweep._twin(Cell("minilm", ALIAS, 128, device="cuda", threads=2)) is None
