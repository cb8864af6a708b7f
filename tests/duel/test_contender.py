"""Contenders that are real processes, well-behaved and not."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench_core.cell import Cell
from bench_core.duel import contender as contender_file
from bench_core.duel.contender import Contender, Failure, Worker
from bench_core.duel.interleave import Interleaving
from bench_core.duel.zygote import Zygote
from bench_core.errors import BenchError, Unavailable, WorkerCrashed, WorkerTimeout
from bench_core.hardware.cpu import usable_cores


def cell(mode: str, model: str = "mlp", length: int = 1) -> Cell:
    return Cell(model, mode, length, threads=len(usable_cores()))


@pytest.fixture(scope="module")
def zygote(misbehaving):
    with Zygote(["torch"]) as one:
        yield one


def children_of(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if int(fields[1]) == pid and fields[0] != "Z":
                found.append(int(entry.name))
    return found


def state_of(pid: int) -> str:
    """Its letter in /proc; "-" where there is none. Who adopts orphans may leave a "Z"."""
    text = _read(Path(f"/proc/{pid}/stat")).decode()
    return text.rsplit(")", 1)[1].split()[0] if text else "-"


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_contender_answers_is_stopped_when_idle_and_leaves_nothing(zygote, tmp_path):
    with Contender(
        zygote, cell("eager_inference_mode"), tmp_path, usable_cores()
    ).await_start() as one:
        assert one.started["artifact_bytes"] > 0
        assert one.warm()["median_s"] > 0
        taken_ns, canaries = one.block(5, 2)
        assert taken_ns.shape == (5,) and len(canaries) == 2
        wait_until(lambda: state_of(one.pid) == "T")
        assert children_of(zygote.pid) == [one.pid]
    assert children_of(zygote.pid) == []


def test_threads_are_placed_one_to_a_core(zygote, tmp_path):
    cores = usable_cores()
    with Contender(zygote, cell("eager_inference_mode"), tmp_path, cores).await_start() as one:
        one.warm()
        main, *others = sorted(int(t.name) for t in Path(f"/proc/{one.pid}/task").iterdir())
        assert os.sched_getaffinity(main) == {cores[0]}
        for other in others:
            assert os.sched_getaffinity(other) <= set(cores[1:] or cores)


@pytest.mark.parametrize(
    ("mode", "kind", "message"),
    [
        ("segfaults", WorkerCrashed, "SIGSEGV"),
        ("exits", WorkerCrashed, "exited with 3"),
        ("is_killed", WorkerCrashed, "SIGKILL"),
        ("raises", Failure, "RuntimeError: the kernel refused"),
        ("runs_out", Failure, "more memory"),
        ("hangs", WorkerTimeout, "within 2 s"),
    ],
)
def test_a_side_that_fails_in_mid_duel_says_how_and_the_other_lives(
    zygote, tmp_path, monkeypatch, mode, kind, message
):
    monkeypatch.setattr(contender_file, "CALL_LIMIT_S", 2.0)
    with (
        Contender(
            zygote, cell("eager_inference_mode"), tmp_path, usable_cores()
        ).await_start() as good,
        Contender(zygote, cell(mode), tmp_path, usable_cores()).await_start() as bad,
    ):
        with pytest.raises(kind, match=message):
            Interleaving(good, bad).run(8)
        assert good.alive and good.block(3, 1)[0].shape == (3,)
        assert bad.alive == (kind is Failure)
    assert children_of(zygote.pid) == []


def test_what_a_failing_build_left_is_ended_with_it(zygote, tmp_path):
    with Contender(zygote, cell("leaves_child"), tmp_path, usable_cores()).await_start():
        pass
    wait_until(lambda: not any(b"987654" in _read(p) for p in Path("/proc").glob("[0-9]*/cmdline")))


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


def test_workers_end_with_their_zygote_even_when_stopped(misbehaving, tmp_path):
    one = Zygote(["torch"])
    with Worker(one) as worker:
        with pytest.raises(Failure):
            worker.ask("evidence")  # of nothing built; but it is up, and now stopped
        wait_until(lambda: state_of(worker.pid) == "T")
        one.close()
        wait_until(lambda: state_of(worker.pid) in "Z-")
        with pytest.raises(BenchError):
            worker.ask("evidence")


def test_a_preload_that_cannot_be_imported_is_named():
    with pytest.raises(Unavailable, match="no_such_framework"):
        with Zygote(["no_such_framework"]) as one:
            one.await_start()


def test_the_same_process_twice_is_1_at_9999_permille(zygote, tmp_path):
    """A real A/A duel; the interval carries the launch term, so noise may widen it, not move it."""
    from bench_core.analysis.statistics import estimate, pooled_launch_sd

    with (
        Contender(
            zygote, cell("eager_inference_mode"), tmp_path, usable_cores()
        ).await_start() as first,
        Contender(
            zygote, cell("eager_inference_mode"), tmp_path, usable_cores()
        ).await_start() as second,
    ):
        quads = Interleaving(first, second).run(16).quads
    found = estimate([quads], pooled_launch_sd([]), confidence=0.9999)
    assert found.low < 0 < found.high


def test_an_injected_slowdown_is_found(zygote, tmp_path, misbehaving):
    """Twice the work on one side, at 99.99 %."""
    from bench_core.analysis.statistics import estimate, pooled_launch_sd

    with (
        Contender(
            zygote, cell("eager_inference_mode"), tmp_path, usable_cores()
        ).await_start() as once,
        Contender(zygote, cell("runs_twice"), tmp_path, usable_cores()).await_start() as twice,
    ):
        quads = Interleaving(once, twice).run(16).quads
    found = estimate([quads], pooled_launch_sd([]), confidence=0.9999)
    assert found.low < np.log(0.5) < found.high
