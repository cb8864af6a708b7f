"""A calibration in small: two launches of each condition, one suite, and the table."""

import json
import os
import signal
from dataclasses import replace

import numpy as np
import pytest

from bench_core.analysis.gate import calibration
from bench_core.errors import BenchError, UsageError
from bench_core.gate.calibrate import SMALL, add_suites, write_table
from bench_core.gate.gathered import Gathered
from bench_core.gate.hog import hog
from bench_core.gate.pairs import CELLS
from bench_core.hardware import processes
from bench_core.sweep import profiles
from invented_gate import calm

BOUNDS = ("dispatch", "compute", "compute")


def line(kind, condition, **data):
    return {"kind": kind, "condition": condition, "machine": "m", **data}


def lines(pairs=6, sd=0.005):
    """As a calibration would have gathered them, drawn at random."""
    rng = np.random.default_rng(0)
    found = []
    for condition in calibration.CONDITIONS:
        for _ in range(pairs):
            cells = {
                f"cell {i}": {
                    "bound": bound, "value": rng.normal(0, sd), "quads": [0.0] * 8,
                    "mean_s": [1.0, float(np.exp(rng.normal(0, 0.05)))], "min_s": [1.0, 1.0],
                }
                for i, bound in enumerate(BOUNDS)
            }  # fmt: skip
            sentinels = {"s": {"bound": "compute", "value": rng.normal(0, sd)}}
            found.append(line("pair", condition, cells=cells, sentinels=sentinels))
        found += [
            line("suite", condition, cells=4, exit_code=code, wall_s=20.0) for code in (0, 0, 3)
        ]
    return found


def test_the_table_holds_both_conditions_and_the_real_suites(monkeypatch):
    plans = (replace(calibration.PLANS[0], suites=20), replace(calibration.PLANS[2], suites=20))
    monkeypatch.setattr(calibration, "PLANS", plans)
    table = calibration.table(lines())
    rows = [row.split(" | ") for row in table.splitlines() if row.startswith("| ")]
    assert {len(row) for row in rows} == {3}
    assert table.endswith("Of 3 cells on m: 6 quiet, 6 loaded launches.")
    assert "quiet" in rows[0][1] and "loaded" in rows[0][2]
    assert "false alarms, of 20 unchanged suites" in table
    assert "3: 0 false alarms (≤ 63%), 1 unsure; 20.0 s" in table


def test_too_few_launches_are_told():
    with pytest.raises(UsageError, match="expected at least 2 quiet launches, found 1"):
        calibration.launches(lines(pairs=1), "quiet")


def test_lines_of_another_machine_do_not_count_and_torn_ones_are_told(tmp_path):
    path = tmp_path / "calibration.jsonl"
    gathered = Gathered(path, "quiet")
    assert gathered.count("pair") == 0
    path.write_text(json.dumps(line("pair", "quiet")) + "\n")
    gathered.add("pair", cells={})
    gathered.add("suite", cells=4)
    assert (gathered.count("pair"), gathered.count("suite", 4)) == (1, 1)
    assert gathered.count("suite", 24) == Gathered(path, "loaded").count("suite", 4) == 0
    path.write_text(path.read_text() + "{torn")
    with pytest.raises(UsageError, match="line 4: expected a JSON object"):
        gathered.count("pair")


def test_nothing_is_written_for_a_load_that_was_not_there(tmp_path):
    path = tmp_path / "calibration.jsonl"
    before = processes.children()
    with hog() as check:
        gathered = Gathered(path, "loaded", check)
        gathered.add("suite", cells=4)
        (pid,) = processes.children() - before
        os.kill(pid, signal.SIGKILL)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(BenchError, match=f"ended with {-signal.SIGKILL:d}"):
            gathered.add("suite", cells=4)
    assert gathered.count("suite", 4) == 1


def test_suites_are_counted_by_the_cells_that_were_asked_for(tmp_path):
    gathered, cells = Gathered(tmp_path / "calibration.jsonl", "quiet"), len(profiles.cells(SMALL))
    asked = []
    add_suites(gathered, SMALL, 3, lambda request: asked.append(request) or calm(cells))
    assert asked == [SMALL] * 3 and gathered.count("suite", cells) == 3
    add_suites(gathered, SMALL, 3, pytest.fail)


@pytest.mark.parametrize(
    ("result", "error"),
    [
        (replace(calm(4), stopped="the disk is full"), "the disk is full"),
        (calm(3), "expected a suite to launch its 4 cells, found 3"),
    ],
)
def test_a_suite_that_is_not_whole_is_not_counted(tmp_path, result, error):
    gathered = Gathered(tmp_path / "calibration.jsonl", "quiet")
    with pytest.raises(BenchError, match=error):
        add_suites(gathered, SMALL, 1, lambda _: result)
    with pytest.raises(KeyboardInterrupt):
        add_suites(gathered, SMALL, 1, lambda _: replace(calm(4), interrupted="SIGINT"))
    assert gathered.count("suite", 4) == 0


def test_the_table_goes_between_readmes_marks_and_nowhere_else(tmp_path):
    readme = tmp_path / "README.md"
    assert not write_table(readme, "| a |")
    readme.write_text("before\n<!-- begin calibration -->\nold\n<!-- end calibration -->\nafter\n")
    assert write_table(readme, "| a |")
    assert readme.read_text().splitlines() == [
        "before", "<!-- begin calibration -->", "| a |", "<!-- end calibration -->", "after",
    ]  # fmt: skip
    readme.write_text("no marks")
    assert not write_table(readme, "| a |") and readme.read_text() == "no marks"


def test_every_class_is_among_the_cells():
    from bench_core import discover

    assert {discover.model(cell.model).bound for cell in CELLS} == {"dispatch", "memory", "compute"}
