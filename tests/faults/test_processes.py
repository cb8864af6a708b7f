"""What a runtime may do to its process: each is a result, and nothing of it is left."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bench_core.cell import Cell
from bench_core.duel import contender as contender_file
from bench_core.duel.contender import Contender, Failure, Worker
from bench_core.duel.stopping import Rule
from bench_core.duel.zygote import Zygote
from bench_core.errors import WorkerCrashed, WorkerTimeout
from bench_core.hardware import processes
from bench_core.hardware.cpu import usable_cores
from bench_core.interpreter import ask
from bench_core.record import Record
from bench_core.sweep.arena import Arena
from bench_core.sweep.trial import try_cell
from bench_core.wire import Garbled, Wire

FACTS = {"energy_reason": "no counter", "peak_flops_per_s": {}}
UNTIMED, TIMED = Rule(0), Rule(0.2)
GIB = 1 << 30


@pytest.fixture(scope="module")
def arena(misbehaving, cache):
    one = Arena("eager_inference_mode", len(usable_cores()), cache / "bench-core", lambda _: None)
    yield one
    one.close()


@pytest.fixture(scope="module")
def zygote(misbehaving):
    with Zygote(["torch"]) as one:
        yield one


def cell(mode):
    return Cell("mlp", mode, 1, threads=len(usable_cores()))


def tried(arena, mode, rule):
    record = try_cell(arena, cell(mode), rule, FACTS).record
    assert Record.from_json(record.to_json()) == record  # whatever it was, it can be kept
    return record


@pytest.mark.parametrize(
    ("mode", "status", "says"),
    [
        ("segfaults", "crashed", "killed by SIGSEGV during 'warm'"),
        ("exits", "crashed", "exited with 3 during 'warm'"),
        ("raises", "error", "RuntimeError: the kernel refused"),
        ("hangs_natively", "timeout", "no answer to 'warm' within 3 s; the process was killed"),
        ("chatters", "crashed", "killed by SIGABRT during 'warm'"),
        ("answers_junk", "crashed", "its answer to 'warm' is none"),
    ],
)
def test_a_process_that_misbehaves_is_a_result(arena, monkeypatch, mode, status, says):
    monkeypatch.setattr(contender_file, "CALL_LIMIT_S", 3.0)
    record = tried(arena, mode, TIMED)
    assert record.status == status and says in record.reason
    assert record.fidelity and record.artifact_bytes  # what was known before is kept


@pytest.mark.parametrize(
    ("mode", "says"),
    [
        ("is_nan", "16 of 16 outputs are NaN or infinite"),
        ("is_short", "expected shape [1, 1, 16], found [1, 1, 15]"),
        ("is_integer", "expected outputs as float64 arrays, found int64"),
        ("is_text", "expected outputs as float64 arrays, found <U32"),
        ("is_object", "expected outputs as float64 arrays, found object"),
        ("is_no_array", "expected outputs as float64 arrays, found NoneType"),
    ],
)
def test_outputs_that_are_none_are_wrong(arena, mode, says):
    record = tried(arena, mode, UNTIMED)
    assert record.status == "wrong_output" and says in record.reason and record.right is False


@pytest.mark.parametrize(
    ("mode", "status", "says"),
    [
        ("tells_nan", "not_engaged", "cannot be written as JSON"),
        ("tells_objects", "not_engaged", "cannot be written as JSON"),
        ("tells_a_list", "not_engaged", "expected evidence by name, found a list"),
        ("tells_too_much", "not_engaged", "268,435,469 characters; a record keeps 1,048,576"),
        ("tells_nothing", "error", "ZeroDivisionError"),
        ("judges_badly", "error", "ZeroDivisionError"),
        ("weighs_nothing", "error", "TypeError: 'NoneType' object cannot be interpreted"),
        ("has_no_hash", "error", "TypeError: Object of type object is not JSON"),
        ("judges_oddly", "not_engaged", "True"),
        ("judges_in_silence", "not_engaged", "its mode says so, and not why"),
        ("lies", "not_engaged", "nothing was done"),
    ],
)
def test_evidence_that_lies_is_not_believed(arena, mode, status, says):
    record = tried(arena, mode, UNTIMED)
    assert record.status == status and says in record.reason


def test_threads_that_go_on_computing_are_told(arena):
    said = tried(arena, "leaves_thread", TIMED).warnings
    assert any("went on computing after the last call: 1" in text for text in said)
    said = tried(arena, "ort_disabled_online", TIMED).warnings  # spins for 45 ms after a call
    assert not any("went on computing" in text for text in said)


def test_a_worker_that_stops_reading_cannot_hold_us(zygote, tmp_path):
    with Contender(zygote, cell("stops_reading"), tmp_path, usable_cores()).await_start() as one:
        os.kill(one.pid, signal.SIGCONT)
        time.sleep(0.6)  # by then it has lost its interpreter
        many = [(1, 1, seed, False) for seed in range(200_000)]
        begun = time.monotonic()
        with pytest.raises(WorkerTimeout, match="within 1 s"):
            one.ask("outputs", 1.0, inputs=many)
        assert time.monotonic() - begun < 60


def test_a_send_that_is_not_read_ends_in_time():
    near, far = socket.socketpair()
    with near, far, pytest.raises(TimeoutError):
        Wire(near).send({}, [np.zeros(10_000_000)], limit_s=0.1)


@pytest.mark.parametrize(
    "message",
    [{"a": float("nan")}, {"a": object()}, {"a": "x" * (1 << 27)}],
    ids=["nan", "object", "large"],
)
def test_what_is_no_message_is_not_sent_in_part(message):
    near, far = socket.socketpair()
    with near, far:
        with pytest.raises((TypeError, ValueError)):
            Wire(near).send(message)
        Wire(near).send({"next": 1})
        assert Wire(far).receive(5.0)[0] == {"next": 1}


@pytest.mark.parametrize("junk", [b"\xff" * 64, b"\x02\0\0\0[]", b"\x10\0\0\0" + b"[" * 16])
def test_junk_from_one_that_lives_is_told_apart_from_its_end(junk):
    near, far = socket.socketpair()
    with near, far:
        near.sendall(junk)
        with pytest.raises(Garbled):
            Wire(far).receive(5.0)


def running(seconds):
    """Whether a `sleep` of that many seconds, which nothing else sleeps, is alive."""
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            if state != "Z" and (entry / "cmdline").read_bytes() == b"sleep\0%d\0" % seconds:
                return True
        except (FileNotFoundError, ProcessLookupError):
            continue
    return False


@pytest.mark.parametrize(("mode", "seconds"), [("leaves_child", 987654), ("leaves_daemon", 987655)])
def test_what_a_contender_leaves_running_ends_with_it(zygote, tmp_path, mode, seconds):
    with Contender(zygote, cell(mode), tmp_path, usable_cores()).await_start():
        assert running(seconds)
    assert not running(seconds)


def test_a_daemon_ends_with_its_zygote(misbehaving, tmp_path):
    with Zygote(["torch"]) as one:
        left = Contender(one, cell("leaves_daemon"), tmp_path, usable_cores()).await_start()
        assert running(987655)
    assert not running(987655)
    left.close()


def test_what_a_fresh_interpreter_leaves_ends_with_it(misbehaving):
    """Though the child keeps its stderr open, which a reader of a pipe would wait for."""
    assert ask("misbehaving:answer_and_leave", limit_s=60) == {"found": 1}
    assert not running(987656) and not running(987657)


def test_a_fresh_interpreter_that_hangs_is_given_up_and_ends_with_us(misbehaving):
    with pytest.raises(WorkerTimeout, match="within 2 s"):
        ask("misbehaving:hang", limit_s=2)
    code = "from bench_core.interpreter import ask; ask('misbehaving:hang', limit_s=600)"
    path = os.pathsep.join(sys.path)
    process = subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": path})
    time.sleep(3)
    asked = [one for one in processes.descendants() if one.parent == process.pid]
    process.kill()
    process.wait()
    assert len(asked) == 1
    deadline = time.monotonic() + 5
    while _alive(asked[0].pid):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_zygote_that_dies_while_importing_says_so(tmp_path, monkeypatch):
    (tmp_path / "dies_at_import.py").write_text(
        "import os, sys; sys.stderr.write('\\x1b[31mlast words'); sys.stderr.flush(); os.abort()"
    )
    (tmp_path / "raises_at_import.py").write_text("raise OSError('no such library')")
    monkeypatch.syspath_prepend(tmp_path)
    with Zygote(["dies_at_import"]) as one, pytest.raises(WorkerCrashed, match=r"-6: .*last words"):
        one.await_start()
    with Zygote(["raises_at_import"]) as one, pytest.raises(Exception, match="no such library"):
        one.await_start()


def test_a_zygote_that_hangs_while_importing_is_given_up(tmp_path, monkeypatch):
    (tmp_path / "hangs_at_import.py").write_text("import ctypes; ctypes.PyDLL(None).pause()")
    monkeypatch.syspath_prepend(tmp_path)
    with Zygote(["hangs_at_import"], start_limit_s=2.0) as one:
        with pytest.raises(WorkerTimeout, match="hangs_at_import took more than 2 s"):
            one.await_start()
        assert not one.alive


@pytest.mark.parametrize("mode", ["takes_all_memory", "takes_all_memory_in_ort"])
def test_memory_beyond_the_limit_fails_inside_the_process(zygote, tmp_path, mode):
    with pytest.raises(Failure) as failed:
        Contender(zygote, cell(mode), tmp_path, usable_cores(), memory_bytes=GIB).await_start()
    assert failed.value.status == "out_of_memory", failed.value


@pytest.mark.parametrize("mode", ["eager_eval", "ort_all_online", "torchscript_freeze"])
def test_within_the_limit_a_runtime_starts_its_threads_as_ever(zygote, tmp_path, mode):
    """Their stacks, of 8 MiB each, are address space, and count."""
    one = Cell("digits_cnn", mode, 8, threads=len(usable_cores()))
    threads = []
    for limit in (None, None, GIB // 2):  # the first one exports, which starts some of its own
        with Contender(
            zygote, one, tmp_path, usable_cores(), memory_bytes=limit
        ).await_start() as found:
            found.warm()
            threads.append(len(list(Path(f"/proc/{found.pid}/task").iterdir())))
    assert threads[1] == threads[2]


@pytest.mark.parametrize(
    "words",
    [
        "DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes",
        "[enforce fail at alloc_cpu.cpp:121] data. DefaultCPUAllocator: not enough memory",
        "terminate called after throwing an instance of 'std::bad_alloc'",
        "[ONNXRuntimeError] : 6 : RUNTIME_EXCEPTION : Failed to allocate memory for requested",
        "OSError: [Errno 12] Cannot allocate memory",
        "RuntimeError: can't start new thread",
        "libgomp: Thread creation failed: Resource temporarily unavailable",
    ],
)
def test_a_crash_with_such_last_words_is_out_of_memory(words):
    from bench_core.hardware.memory import says_out_of_memory

    assert says_out_of_memory(words) and not says_out_of_memory("segmentation fault")


def test_the_last_words_of_a_crash_tell_that_memory_ran_out(zygote, tmp_path):
    with Contender(
        zygote, cell("dies_of_bad_alloc"), tmp_path, usable_cores()
    ).await_start() as one:
        with pytest.raises(Exception, match=r"last words: .*bad_alloc") as failed:
            one.warm()
    assert failed.value.status == "out_of_memory"


def test_the_limit_is_an_option_and_in_the_file(place):
    done = place.bench(
        "run", "--models", "mlp", "--modes", "eager_inference_mode,takes_all_memory",
        "--budget-s", "0", "--memory-gib", "0.5",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    results = place.results()
    assert [record.status for record in results.cells] == ["ok", "out_of_memory"]
    assert results.session["memory_limit_bytes"] == GIB // 2
    refused = place.bench("run", "--models", "mlp", "--memory-gib", "-1")
    assert refused.returncode == 2 and "memory-gib must be more than 0" in refused.stderr


def test_a_reference_that_crashes_costs_no_cell_its_record(place):
    done = place.bench(
        "run", "--models", "mlp", "--modes", "eager_eval,bf16", "--reference", "segfaults",
        "--profile", "smoke", "--budget-s", "0.1",
    )  # fmt: skip
    assert done.returncode == 1 and "Traceback" not in done.stdout + done.stderr
    results = place.results()
    assert [record.status for record in results.cells] == ["error", "error"]
    for record in results.cells:
        assert "the reference segfaults itself: the process was killed by SIGSEGV" in record.reason
    assert any("A/A control of dispatch came to nothing" in w for w in results.session["warnings"])
    place.leaves_nothing()


def test_a_killed_parent_takes_all_with_it(tmp_path, misbehaving):
    """Even one whose zygote has a worker that is stopped, and a daemon."""
    code = (
        "import sys, time; from pathlib import Path\n"
        "from bench_core.cell import Cell\n"
        "from bench_core.duel.contender import Contender\n"
        "from bench_core.duel.zygote import Zygote\n"
        "cell = Cell('mlp', 'leaves_daemon', 1)\n"
        "one = Contender(Zygote(['torch']), cell, Path(sys.argv[1]), [0]).await_start()\n"
        "print(one.pid, one._zygote.pid, flush=True); time.sleep(600)"
    )
    path = os.pathsep.join(sys.path)
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    pids = process.stdout.readline().split()
    assert len(pids) == 2 and running(987655)
    process.kill()
    process.wait()
    process.stdout.close()
    deadline = time.monotonic() + 10
    while running(987655) or any(_alive(pid) for pid in pids):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_worker_is_not_blamed_for_a_dead_zygote(misbehaving, tmp_path):
    with Zygote(["torch"]) as one:
        one.await_start()
        os.kill(one.pid, signal.SIGKILL)
        with pytest.raises(WorkerCrashed, match="zygote that was to fork it is gone"):
            Worker(one)
