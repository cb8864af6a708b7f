"""Both profilers on small real models: what they saw is what ran, and it fits into the call."""

import json
from collections import Counter

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from bench_core.analysis.explain.families import (
    CONVOLUTION,
    DISPATCH,
    GATHER,
    GENERATED,
    MATMUL,
    NORM,
    OTHER,
    QUANTISE,
    family,
)
from bench_core.modes.eager import EAGER_INFERENCE_MODE
from bench_core.modes.half import BF16
from bench_core.modes.int8 import INT8_DYNAMIC
from bench_core.modes.ort import ORT_ALL_ONLINE, ORT_DISABLED_ONLINE
from bench_core.modes.ort_int8 import ORT_INT8_DYNAMIC
from bench_core.modes.ort_iobinding import ORT_ALL_IOBINDING
from bench_core.modes.torchscript import TORCHSCRIPT_FREEZE
from bench_core.runtimes.inductor import GRAPH_CALL
from bench_core.runtimes.onnxruntime_profile import runs
from bench_core.runtimes.onnxruntime_session import open_session, session_runner
from bench_core.runtimes.torch_profile import torch_profiler
from graphs import graph, weight
from tests.modes import small

CALLS = 7
ON_TORCH = (EAGER_INFERENCE_MODE, TORCHSCRIPT_FREEZE, INT8_DYNAMIC, BF16)
ON_ORT = (ORT_DISABLED_ONLINE, ORT_ALL_ONLINE, ORT_ALL_IOBINDING, ORT_INT8_DYNAMIC)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """(model, mode) → its calls under its profiler; each made once."""
    kept = {}

    def record(model, mode):
        key = model.name, mode.name
        if key not in kept:
            job = small.job(model, tmp_path_factory.mktemp("_".join(key)))
            runner = mode.prepare(job)
            profiler = runner.profiler or torch_profiler(runner.call, runner.feed)
            settled = []
            calls = profiler.record(job.examples, CALLS, lambda: settled.append(True))
            assert settled == [True]
            kept[key] = runner, calls
        return kept[key]

    return record


def seen(calls):
    """Own time by family, over all calls."""
    found = Counter()
    for call in calls:
        for event in call.events:
            found[family(event.operator, event.inside, leaf=event.leaf)] += event.self_ns
    return found


@pytest.mark.parametrize("model", [small.TEXT, small.IMAGE], ids=lambda model: model.name)
@pytest.mark.parametrize("mode", [*ON_TORCH, *ON_ORT], ids=lambda mode: mode.name)
def test_what_runs_fits_into_the_call_and_has_a_family(recorded, model, mode):
    _, calls = recorded(model, mode)
    assert len(calls) == CALLS
    for call in calls:
        # ONNX Runtime's whole microseconds are each rounded up by at most a half.
        most_ns = call.took_ns + 500 * len(call.events)
        assert 0 < sum(event.self_ns for event in call.events) <= most_ns
    found = seen(calls)
    assert found[OTHER] == 0, {
        event.operator
        for call in calls
        for event in call.events
        if family(event.operator, event.inside, leaf=event.leaf) == OTHER
    }
    assert found[MATMUL] > 0 or found[CONVOLUTION] > 0


def test_pytorchs_own_sums_are_the_same(recorded):
    """Own times, added up by name by torch.autograd.profiler_util."""
    import torch

    from bench_core.runtimes.nesting import Span, nested

    module, tensors = small.TEXT.build().eval(), torch.randint(1, 40, (1, 7))
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        module(tensors, torch.ones_like(tensors))
    spans = [
        Span(e.name, "", e.thread, round(e.time_range.start * 1e3),
             round(e.time_range.elapsed_us() * 1e3))
        for e in profile.events()
    ]  # fmt: skip
    ours, counted = Counter(), Counter()
    for event in nested(spans):
        ours[event.operator] += event.self_ns
        counted[event.operator] += 1
    for average in profile.key_averages():
        assert counted[average.key] == average.count
        # Each span's ends are rounded to a nanosecond, and its callees' too.
        assert ours[average.key] == pytest.approx(
            1e3 * average.self_cpu_time_total, abs=8 * average.count
        )


def test_every_node_that_onnx_runtime_ran_is_there_once(recorded, tmp_path):
    """The nodes of the graph that it wrote down itself, after its own optimisation."""
    runner, calls = recorded(small.TEXT, ORT_ALL_ONLINE)
    evidence = runner.evidence()
    for call in calls:
        assert len(call.events) == evidence["nodes"][1]
        assert all(event.node for event in call.events)


def test_the_families_are_those_of_the_model(recorded):
    for mode in (EAGER_INFERENCE_MODE, ORT_ALL_ONLINE):
        assert {MATMUL, NORM, GATHER} <= set(seen(recorded(small.TEXT, mode)[1]))
    assert QUANTISE in seen(recorded(small.TEXT, ORT_INT8_DYNAMIC)[1])
    assert DISPATCH in seen(recorded(small.TEXT, EAGER_INFERENCE_MODE)[1])


def test_a_run_of_a_compiled_graph_is_generated_code():
    """Without its hash; that Inductor marks its graphs so is for tests/modes/test_compile.py."""
    import torch

    def call(tensors):
        with torch.profiler.record_function(f"{GRAPH_CALL} f3x ##"):
            return torch.mm(*tensors)

    one = torch.ones(8, 8)
    profiler = torch_profiler(call, lambda inputs: (one, one))
    for profiled in profiler.record([()], CALLS, lambda: None):
        found = {event.operator: event for event in profiled.events}
        assert set(found) >= {GRAPH_CALL, "aten::mm"}
        assert found["aten::mm"].inside == GRAPH_CALL
    assert family(GRAPH_CALL, leaf=False) == GENERATED


def branches():
    """y = x·w or −x, as the sum of x has it."""
    value = helper.make_tensor_value_info("out", TensorProto.FLOAT, None)
    then = helper.make_graph(
        [helper.make_node("MatMul", ["x", "w"], ["out"], "inner")], "t", [], [value]
    )
    other = helper.make_graph([helper.make_node("Neg", ["x"], ["out"])], "e", [], [value])
    nodes = [
        helper.make_node("ReduceSum", ["x"], ["sum"], keepdims=0),
        helper.make_node("Greater", ["sum", "zero"], ["positive"]),
        helper.make_node("If", ["positive"], ["y"], "outer", then_branch=then, else_branch=other),
    ]
    zero = onnx.numpy_helper.from_array(np.float32(0), "zero")
    shape = ("x", TensorProto.FLOAT, ["batch", 256])
    return graph(nodes, [shape], [weight("w", 256, 256), zero])


def record(path, x):
    session = open_session(path, "ORT_DISABLE_ALL", 1)
    runner = session_runner(session, [path], ("x",), dict)
    return runner.profiler.record([(x,)], CALLS, lambda: None)


def test_a_branch_is_not_counted_twice(tmp_path):
    path = tmp_path / "if.onnx"
    onnx.save(branches(), path)
    for call in record(path, np.ones((256, 256), np.float32)):
        own = {event.operator: event for event in call.events}
        assert own["MatMul"].inside == "If" and own["MatMul"].node == "inner"
        assert not own["If"].leaf
        assert sum(event.self_ns for event in call.events) <= call.took_ns + 500 * len(call.events)


def test_a_name_that_would_break_json_is_read(tmp_path):
    path, name = tmp_path / "quoted.onnx", 'a "quoted" \\ name\n'
    node = helper.make_node("MatMul", ["x", "w"], ["y"], name)
    onnx.save(graph([node], [("x", TensorProto.FLOAT, ["batch", 8])], [weight("w", 8, 4)]), path)
    for call in record(path, np.ones((1, 8), np.float32)):
        assert [event.node for event in call.events] == [name]


def test_runs_are_told_apart_by_when_they_began():
    def event(cat, name, ts, dur, **args):
        return {"cat": cat, "name": name, "ts": ts, "dur": dur, "tid": 1, "args": args}

    text = json.dumps(
        [
            event("Session", "model_loading_array", 0, 5),
            event("Node", "early_kernel_time", 3, 1, op_name="Cast"),
            event("Session", "model_run", 10, 9),
            event("Node", "a_kernel_time", 11, 3, op_name="MatMul"),
            event("Node", "a_fence_before", 11, 0, op_name="MatMul"),
            event("Session", "model_run", 30, 9),
            event("Node", "a_kernel_time", 31, 4, op_name="MatMul"),
        ]
    )
    found = runs(text)
    assert [[(s.operator, s.node, s.took_ns) for s in run] for run in found] == [
        [("MatMul", "a", 3000)],
        [("MatMul", "a", 4000)],
    ]
