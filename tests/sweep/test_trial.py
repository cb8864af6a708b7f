"""One cell from start to end, in real processes, with modes that really misbehave."""

import os
from dataclasses import replace

import numpy as np
import pytest

from bench_core import discover
from bench_core.cell import Cell
from bench_core.duel import contender as contender_file
from bench_core.duel.stopping import Rule
from bench_core.hardware.cpu import usable_cores
from bench_core.record import Record
from bench_core.sweep import start
from bench_core.sweep.arena import Arena
from bench_core.sweep.cache import drop_stale
from bench_core.sweep.playoff import advise
from bench_core.sweep.trial import try_cell

FACTS = {"energy_reason": "no counter", "peak_flops_per_s": {"float32": 1e11}}
QUICK = Rule(0.5)


@pytest.fixture(scope="module")
def arena(misbehaving, tmp_path_factory):
    cache = tmp_path_factory.mktemp("cache")
    one = Arena("eager_inference_mode", len(usable_cores()), cache, lambda what: None)
    yield one
    one.close()


def test_the_advised_figure_is_that_of_a_duel_of_its_own(arena, monkeypatch):
    monkeypatch.setattr(start, "PROBE_LAUNCHES", 2)
    modes = ("eager_inference_mode", "torchscript_freeze", "runs_twice", "int8_dynamic")
    records = [try_cell(arena, cell(mode, "tasked"), QUICK, FACTS).record for mode in modes]
    assert [record.right for record in records] == [True] * 4
    assert records[3].task.change.value == 0 and records[1].task.inherited_from
    assert 0 < records[3].evidence["int8_share"] < 1 and "int8_share" not in records[1].evidence
    advice = advise(arena, records, QUICK)
    assert advice.cell == str(cell("torchscript_freeze", "tasked")) and advice.reason is None
    assert advice.runner_up is None  # nothing else came near it
    assert advice.speedup.ratio > 1 and advice.speedup != records[1].speedup
    assert advice.ready_s.source == advice.peak_rss_bytes.source == "probe"
    # As if the sweep had put the slower one level: the play-off must find it out.
    level = [records[1], replace(records[2], speedup=records[1].speedup)]
    contested = advise(arena, level, QUICK)
    assert contested.cell == advice.cell and contested.runner_up == "runs_twice"
    assert contested.playoff.low > 1 and contested.playoff.reference == "runs_twice"


def test_nothing_is_advised_where_nothing_is_right_and_faster(arena):
    slower = try_cell(arena, cell("runs_twice", "tasked"), QUICK, FACTS).record
    advice = advise(arena, [slower], QUICK)
    assert advice.cell is None and "none was measurably faster" in advice.reason
    assert advise(arena, [replace(slower, right=False)], QUICK).cell is None


def test_old_artefacts_are_dropped(tmp_path):
    old, new = tmp_path / "made-old", tmp_path / "made-new"
    old.mkdir(), new.mkdir()
    os.utime(old, (0, 0))
    drop_stale(tmp_path)
    assert not old.exists() and new.exists()


def cell(mode, model="mlp"):
    return Cell(model, mode, 1, threads=len(usable_cores()))


def test_no_share_of_a_peak_where_nothing_that_is_counted_is_done(arena):
    elementwise = replace(cell("eager_no_grad", "pointwise"), length=16)
    record = try_cell(arena, elementwise, QUICK, FACTS).record
    assert (record.status, record.work) == ("ok", None)
    assert record.latency_s and record.fidelity.oracle == "float64"


def test_a_good_cell_has_every_number(arena):
    trial = try_cell(arena, cell("eager_no_grad"), QUICK, FACTS)
    record = trial.record
    assert (record.status, record.reason, record.engaged) == ("ok", None, True)
    assert record.latency_s.samples >= 8 * 2 * 3
    assert record.speedup.low < record.speedup.ratio < record.speedup.high
    assert record.speedup.quads >= 8
    assert record.speedup.limited_by in ("precision", "budget")
    assert record.ready_s.import_s > 0 and record.ready_s.cold_measured_on
    assert record.peak_rss_bytes.value > 50e6
    assert record.fidelity.oracle == "float64"
    assert 0 < record.work.fraction_of_peak < 1
    assert record.throughput_items_per_s == pytest.approx(1 / record.latency_s.p50)
    assert record.right is None  # mlp has no task to be right at
    assert Record.from_json(record.to_json()) == record
    reference_s = trial.duel.block_medians_s("A")
    assert record.speedup.reference_median_s == pytest.approx(np.median(reference_s), rel=0.5)


@pytest.mark.parametrize(
    ("mode", "status", "says"),
    [
        ("segfaults", "crashed", "SIGSEGV"),
        ("exits", "crashed", "exited with 3"),
        ("hangs", "timeout", "killed"),
        ("raises", "error", "RuntimeError"),
        ("runs_out", "out_of_memory", "memory"),
        ("is_wrong", "wrong_output", "rmse"),
        ("turns_wrong", "wrong_output", "rmse"),
        ("low_precision", "wrong_output", "rmse"),
        ("lies", "not_engaged", "nothing was done"),
        ("is_unsupported", "unsupported", "no ears"),
        ("is_unavailable", "skipped", "no ears"),
    ],
)
def test_a_bad_cell_says_what_it_is_and_the_next_goes_on(arena, monkeypatch, mode, status, says):
    monkeypatch.setattr(contender_file, "CALL_LIMIT_S", 3.0)
    record = try_cell(arena, cell(mode), QUICK, FACTS).record
    assert record.status == status
    assert says in record.reason
    assert try_cell(arena, cell("eager_eval"), Rule(0), FACTS).record.status == "ok"


def test_what_was_measured_before_a_failure_is_kept(arena, monkeypatch):
    monkeypatch.setattr(contender_file, "CALL_LIMIT_S", 3.0)
    record = try_cell(arena, cell("segfaults"), QUICK, FACTS).record
    assert record.artifact_bytes and record.ready_s and record.fidelity


def test_control_flow_that_depends_on_data_is_wrong_when_traced(arena):
    traced = try_cell(arena, cell("torchscript_trace", "branching"), Rule(0), FACTS).record
    assert traced.status == "wrong_output"
    eager = try_cell(arena, cell("eager_eval", "branching"), Rule(0), FACTS).record
    assert eager.status == "ok"


def test_a_reference_that_dies_in_mid_duel_is_started_again(arena, monkeypatch):
    """The fault is the reference's: the cell is not to blame, and is timed anew."""
    reference = arena.reference(cell("eager_eval"))
    real = reference.block

    def dies(samples, calls):
        if reference.alive:
            os.kill(reference.pid, 9)
        return real(samples, calls)

    monkeypatch.setattr(reference, "block", dies)
    record = try_cell(arena, cell("eager_eval"), QUICK, FACTS).record
    assert record.status == "ok"
    assert arena.reference(cell("eager_eval")).pid != reference.pid


def test_a_zygote_that_was_killed_is_started_again(arena):
    zygote = arena.zygote(discover.models()["mlp"])
    os.kill(zygote.pid, 9)
    first = try_cell(arena, cell("eager_eval"), Rule(0), FACTS).record
    second = try_cell(arena, cell("eager_eval"), Rule(0), FACTS).record
    assert first.status in ("crashed", "ok") and second.status == "ok"


def test_the_fidelity_of_what_is_wrong_is_kept(arena):
    record = try_cell(arena, cell("is_wrong"), Rule(0), FACTS).record
    assert record.fidelity.sqnr_db == pytest.approx(60, abs=0.1)  # off by a thousandth
    assert record.right is False


def test_a_reference_that_is_wrong_is_found_though_it_is_no_cell(misbehaving, tmp_path):
    one = Arena("is_wrong", len(usable_cores()), tmp_path, lambda _: None)
    try:
        record = try_cell(one, cell("eager_eval"), QUICK, FACTS).record
    finally:
        one.close()
    assert record.status == "error" and "the reference is_wrong is itself wrong" in record.reason


def test_every_mode_is_probed_once_per_model_where_that_is_asked(misbehaving, tmp_path):
    one = Arena("eager_eval", len(usable_cores()), tmp_path, lambda _: None, probe_each=True)
    try:
        first, again = (
            try_cell(one, replace(cell("ort_disabled_online"), length=n), QUICK, FACTS).record
            for n in (1, 4)
        )
    finally:
        one.close()
    assert first.status == again.status == "ok", (first.reason, again.reason)
    assert first.ready_s.source == first.peak_rss_bytes.source == "probe"
    assert again.ready_s.source == again.peak_rss_bytes.source == "worker"


def test_nothing_is_timed_where_the_budget_is_0(arena):
    trial = try_cell(arena, cell("eager_eval"), Rule(0), FACTS)
    assert trial.duel is None and trial.record.status == "ok" and trial.record.fidelity
