"""The frozen trace in a process without Python, compiled once for the whole file (20 s)."""

import gc
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bench_core.cell import Cell
from bench_core.duel.contender import Contender
from bench_core.duel.probe import probe
from bench_core.duel.zygote import Zygote
from bench_core.errors import BenchError, Unavailable, WorkerCrashed
from bench_core.hardware.cpu import usable_cores
from bench_core.modes.torchscript import TORCHSCRIPT_TRACE
from bench_core.modes.torchscript_cpp import TORCHSCRIPT_CPP
from bench_core.runtimes import oracle, torchscript_file
from bench_core.runtimes.libtorch import Libtorch, compile_runner, runner_name
from tests.modes import small

DTYPES = [np.float32, np.float64, np.float16, np.int64, np.int32, np.int16, np.int8, np.uint8, bool]


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """The folder above every job's."""
    return tmp_path_factory.mktemp("libtorch")


@pytest.fixture(scope="module")
def compiled(shared):
    return small.job(small.TEXT, shared / "any").common(runner_name(), compile_runner)


@pytest.fixture
def folder(shared, compiled, request):
    one = shared / request.node.name.replace("/", "_")
    one.mkdir()
    return one


@pytest.fixture(scope="module")
def functions(shared, compiled):
    """Typed free functions, running: name → Libtorch."""
    import torch

    def same(x: torch.Tensor) -> torch.Tensor:
        return x

    def halved_thrice(x: torch.Tensor) -> torch.Tensor:
        assert bool(x.min() >= 0), "x must not be negative"
        for _ in range(3):
            x = x / 2
        return x

    def counted(times: torch.Tensor) -> torch.Tensor:
        total = 0
        for number in range(int(times)):
            total += number
        return torch.tensor([total])

    running = {}
    for function in (same, halved_thrice, counted):
        path = shared / f"{function.__name__}.pt"
        with torchscript_file.deprecations_silenced():
            torch.jit.script(function).save(str(path))
        running[function.__name__] = Libtorch(compiled, path, 1)
    yield running
    for one in running.values():
        one.close()


def counts(*times: int) -> list[tuple[np.ndarray]]:
    return [(np.array(number, np.int64),) for number in times]


@pytest.mark.parametrize("model", [small.TEXT, small.IMAGE], ids=lambda model: model.name)
def test_right_for_any_shape_and_engaged(model, folder):
    job = small.job(model, folder)
    runner = TORCHSCRIPT_CPP.prepare(job)
    inputs = [model.inputs(7, 1, 50, False), model.inputs(12, 3, 51, True)]
    expected = oracle.eager_outputs(job.module, inputs)
    for found, right in zip(small.outputs(runner, inputs), expected, strict=True):
        # The same operators; the fuser may reorder a sum of at most 72 terms.
        np.testing.assert_allclose(found, right, rtol=0, atol=72 * 2**-24 * abs(right).max())
    assert TORCHSCRIPT_CPP.engaged(runner.evidence()) is None


def test_both_files_are_shipped(folder, compiled):
    runner = TORCHSCRIPT_CPP.prepare(small.job(small.TEXT, folder))
    sizes = [file.stat().st_size for file in (folder / "torchscript_cpp.pt", compiled)]
    assert runner.artifact_bytes == sum(sizes)
    other = folder.with_name("other")
    other.mkdir()
    other_runner = TORCHSCRIPT_CPP.prepare(small.job(small.IMAGE, other))
    assert other_runner.artifact_sha256 != runner.artifact_sha256


def test_only_here_no_python_is_in_the_process(folder):
    runner = TORCHSCRIPT_CPP.prepare(small.job(small.TEXT, folder))
    found = runner.evidence()
    here = {**found, "libraries": [*found["libraries"], "libpython3.11.so.1.0"]}
    assert "libpython3.11" in TORCHSCRIPT_CPP.engaged(here)
    assert TORCHSCRIPT_CPP.engaged({}) is not None
    assert runner.loop.pid != os.getpid()
    assert os.getpgid(runner.loop.pid) == os.getpgid(0), "it must be stopped with its worker"


def test_a_trace_whose_weights_are_looked_up_is_not_engaged(folder, compiled):
    TORCHSCRIPT_TRACE.prepare(small.job(small.TEXT, folder))
    libtorch = Libtorch(compiled, folder / "torchscript_trace.pt", 1)
    assert "still looked up" in TORCHSCRIPT_CPP.engaged(libtorch.evidence())


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_are_those_asked_for(folder, compiled, functions, threads):
    libtorch = Libtorch(compiled, folder.parent / "same.pt", threads)
    found = libtorch.evidence()
    assert (found["threads"], found["interop_threads"]) == (threads, 1)


def test_a_finished_cell_starts_in_an_interpreter_without_torch(folder):
    made = TORCHSCRIPT_CPP.prepare(small.job(small.TEXT, folder))
    code = """if True:
        import sys
        from pathlib import Path
        from bench_core.modes.torchscript_cpp import TORCHSCRIPT_CPP
        from tests.modes import small
        job = small.job(small.unbuildable(small.TEXT), Path(sys.argv[1]))
        runner = TORCHSCRIPT_CPP.prepare(job)
        [found] = small.outputs(runner, [small.TEXT.inputs(7, 1, 50, False)])
        assert runner.loop.warm_up([small.TEXT.inputs(7, 1, 50, False)]) > 0
        print(sorted({"torch", "transformers", "onnxruntime"} & set(sys.modules)), found.tolist())
    """
    said = subprocess.run(
        [sys.executable, "-c", code, folder],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    (right,) = small.outputs(made, [small.TEXT.inputs(7, 1, 50, False)])
    assert said.strip() == f"[] {right.tolist()}"


@given(
    st.sampled_from(DTYPES).flatmap(
        lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, max_dims=4, min_side=0))
    )
)
def test_every_array_that_torch_knows_arrives_and_returns(functions, array):
    found = functions["same"].call((array,))
    assert (found.dtype, found.shape) == (array.dtype, array.shape)
    np.testing.assert_array_equal(found, array)


def test_one_that_torch_does_not_know_is_refused_by_name(functions):
    with pytest.raises(RuntimeError, match="dtype >f4"):
        functions["same"].call((np.ones(3, ">f4"),))
    assert functions["same"].call((np.ones(3, "<f4"),)).tolist() == [1, 1, 1]


def test_a_free_function_with_a_loop_and_an_assert(functions):
    halved = functions["halved_thrice"]
    assert halved.call((np.array([8, 16], np.float32),)).tolist() == [1, 2]
    assert halved.call((np.array([[0.5]], np.float64),)).tolist() == [[0.0625]]
    with pytest.raises(RuntimeError, match=r"^AssertionError: x must not be negative$"):
        halved.call((np.array([-1], np.float32),))
    assert halved.call((np.array([24], np.float32),)).tolist() == [3]


def test_a_block_times_each_held_input_in_turn(functions):
    """The long input takes some 10000 times as long as the short one; 10 is asked for."""
    feeds = counts(1, 100_000)
    taken_ns, canaries = functions["counted"].block(feeds, 10, 1)
    assert taken_ns.dtype == np.int64 and taken_ns.shape == (10,) and (taken_ns > 0).all()
    assert len(canaries) == 2 and min(canaries) > 0
    assert np.median(taken_ns[1::2]) > 10 * np.median(taken_ns[::2])


def test_a_sample_of_several_calls_holds_them_all(functions):
    """Each sample of two calls has the long input once, wherever the last one ended."""
    short, (long_ns, *_) = counts(1, 1, 1), functions["counted"].block(counts(100_000), 5, 1)
    both, _ = functions["counted"].block([*counts(1, 100_000), *short], 10, 2)
    neither, _ = functions["counted"].block(short, 10, 2)
    assert np.median(both) > 0.1 * np.median(long_ns)
    assert np.median(neither) < 0.1 * np.median(long_ns)


def test_warming_up_takes_at_least_50_ms_and_ends_with_the_length_of_a_call(functions):
    start = time.perf_counter()
    short_s = functions["counted"].warm_up(counts(1))
    assert time.perf_counter() - start >= 0.05
    assert 0 < short_s < 0.1 * functions["counted"].warm_up(counts(100_000))


def test_a_loop_without_inputs_says_so(functions):
    with pytest.raises(RuntimeError, match="at least one input"):
        functions["same"].warm_up([])


def test_a_killed_runner_is_named_and_nobody_hangs(compiled, functions, shared):
    libtorch = Libtorch(compiled, shared / "counted.pt", 1)
    threading.Timer(0.3, os.kill, (libtorch.pid, signal.SIGKILL)).start()
    for do in ("call", "evidence"):
        with pytest.raises(WorkerCrashed, match=f"process {libtorch.pid}.* SIGKILL during '{do}'"):
            libtorch.call(*counts(1 << 60)) if do == "call" else libtorch.evidence()
    assert not Path(f"/proc/{libtorch.pid}").exists()


def test_nothing_is_left_when_the_runner_is_dropped(folder):
    runner = TORCHSCRIPT_CPP.prepare(small.job(small.TEXT, folder))
    process = Path(f"/proc/{runner.loop.pid}")
    assert process.exists()
    del runner
    gc.collect()
    assert not process.exists()


def test_nor_when_its_worker_is_killed_in_mid_call(compiled, functions, shared):
    code = """if True:
        import sys, numpy
        from pathlib import Path
        from bench_core.runtimes.libtorch import Libtorch
        libtorch = Libtorch(Path(sys.argv[1]), Path(sys.argv[2]), 1)
        print(libtorch.pid, flush=True)
        libtorch.call((numpy.array(1 << 60),))
    """
    with subprocess.Popen(
        [sys.executable, "-c", code, compiled, shared / "counted.pt"],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        pid = int(worker.stdout.readline())
        time.sleep(0.1)
        worker.kill()
    wait_until(lambda: state_of(pid) in "Z-")


def test_in_a_worker_it_is_placed_measured_stopped_and_ended_with_it(folder):
    cores = usable_cores()
    cell = Cell("mlp", "torchscript_cpp", 1, threads=len(cores))
    with Zygote(["torch"]) as zygote, Contender(zygote, cell, folder, cores).await_start() as one:
        assert 0 < one.warm()["median_s"] < 1
        taken_ns, _ = one.block(5, 2)
        assert taken_ns.shape == (5,)
        found, _ = one.ask("evidence")
        assert found["not_engaged"] is None
        assert found["apart_bytes"] > 20e6
        (child,) = (int(pid) for pid in children(one.pid))
        assert os.sched_getaffinity(child) == {cores[0]}
        wait_until(lambda: state_of(child) == "T")
    wait_until(lambda: state_of(child) in "Z-")
    assert probe(cell, folder, [])["frameworks"] == []


def children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def state_of(pid: int) -> str:
    """Its letter in /proc; "-" where there is none. Who adopts orphans may leave a "Z"."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.read_text().rsplit(")", 1)[1].split()[0] if stat.exists() else "-"


def wait_until(condition) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("content", [None, b"junk"])
def test_a_file_that_cannot_be_loaded_says_why(compiled, tmp_path, content):
    path = tmp_path / "model.pt"
    if content:
        path.write_bytes(content)
    with pytest.raises(RuntimeError, match="No such file" if content is None else "zip archive"):
        Libtorch(compiled, path, 1)


@pytest.mark.parametrize("named", [None, "no-such-compiler -O3"])
def test_without_a_compiler_the_machine_lacks_it(tmp_path, monkeypatch, named):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CXX", raising=False)
    if named:
        monkeypatch.setenv("CXX", named)
    folder = tmp_path / "cell"
    folder.mkdir()
    with pytest.raises(Unavailable, match="no-such-compiler" if named else r"no g\+\+ or c\+\+"):
        TORCHSCRIPT_CPP.prepare(small.job(small.TEXT, folder))


def test_a_compiler_that_fails_is_quoted(tmp_path, monkeypatch):
    monkeypatch.setenv("CXX", "g++ -no-such-option")
    with pytest.raises(BenchError, match="no-such-option"):
        compile_runner(tmp_path / "runner")


def test_another_torch_or_source_is_another_runner(monkeypatch, tmp_path):
    from bench_core.runtimes import libtorch

    before = runner_name()
    assert runner_name() == before
    changed = tmp_path / "libtorch_runner.cpp"
    changed.write_text(libtorch.SOURCE.read_text() + "\n")
    monkeypatch.setattr(libtorch, "SOURCE", changed)
    assert runner_name() != before
