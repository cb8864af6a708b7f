"""What a worker answers of a profile: whatever profiler its runner has."""

from types import SimpleNamespace

import numpy as np
import pytest

from bench_core.modes.eager import EAGER_INFERENCE_MODE
from bench_core.runner import Event, ProfiledCall, Profiler
from bench_core.worker.profile import LEAST_CALLS, profile
from bench_core.worker.serve import Held, Refusal

MM, COPY = Event("aten::mm", "", True, "", 700), Event("aten::copy_", "aten::clone", True, "", 100)


def profiler(events):
    """One that finds these events in a call, and other ones in each later call."""

    def record(inputs, calls, settle):
        settle()
        return [ProfiledCall(1000 + at, events(at)) for at in range(calls)]

    return Profiler("invented", record)


def test_rows_are_the_operators_of_all_calls_and_their_times_those_of_each():
    called, settled = [], []
    runner = SimpleNamespace(call=called.append)
    one = profiler(lambda at: [MM, MM, COPY] if at else [MM])
    answer, (plain_ns, taken_ns, own_ns, events) = profile(
        runner, one, ["x"], ["feed"], lambda: settled.append(True)
    )
    calls = len(taken_ns)
    assert answer == {
        "profiler": "invented",
        "rows": [list(MM[:4]), list(COPY[:4])],
    }
    assert settled == [True]
    assert len(plain_ns) == 2 * calls and calls >= LEAST_CALLS and set(called) == {"feed"}
    assert (taken_ns == 1000 + np.arange(calls)).all()
    np.testing.assert_array_equal(own_ns[0], [700, 0])
    np.testing.assert_array_equal(own_ns[1:], [[1400, 100]] * (calls - 1))
    assert events == pytest.approx([(2 * calls - 1) / calls, (calls - 1) / calls])


def held(runner):
    made = Held()
    made.runner, made.mode, made.cores = runner, EAGER_INFERENCE_MODE, []
    made.job, made.loop = SimpleNamespace(examples=["x"]), SimpleNamespace(pid=0)
    made.feeds = ["feed"]
    return made


def test_a_process_of_its_own_is_out_of_sight():
    runner = SimpleNamespace(call=lambda feed: None, feed=None, loop=object(), profiler=None)
    with pytest.raises(Refusal, match="a process of its own") as refused:
        held(runner).profile()
    assert refused.value.status == "unsupported"


def test_a_profiler_that_saw_nothing_is_not_believed():
    blind = Profiler("blind", lambda inputs, calls, settle: [
        ProfiledCall(1000, []) for _ in range(calls)
    ])  # fmt: skip
    runner = SimpleNamespace(call=lambda feed: None, feed=None, loop=None, profiler=blind)
    with pytest.raises(Refusal, match="blind saw no operator"):
        held(runner).profile()


def test_a_runner_of_an_older_bench_core_has_none_and_gets_pytorchs():
    import torch

    weight = torch.ones(4, 4)
    runner = SimpleNamespace(
        call=lambda tensors: torch.mm(*tensors), feed=lambda inputs: (weight, weight), loop=None
    )
    made = held(runner)
    made.feeds = [(weight, weight)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("bench_core.worker.serve.place_threads", lambda pid, cores: [])
        answer, _ = made.profile()
    assert answer["profiler"] == "torch.profiler"
    assert "aten::mm" in [operator for operator, *_ in answer["rows"]]
