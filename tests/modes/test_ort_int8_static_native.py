"""quantize_static is proved by fused integer operators, and by ranges that were there before."""

from dataclasses import replace

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from onnx import numpy_helper

from bench_core.modes.ort import ORT_ALL_ONLINE
from bench_core.modes.ort_int8 import ORT_INT8_DYNAMIC, ORT_INT8_MIN_SQNR_DB
from bench_core.modes.ort_int8_static_native import ORT_INT8_STATIC_NATIVE
from bench_core.runtimes import oracle
from tests.modes import small
from tests.modes.static import MEASURED, ONE_LAYER, grew, seeds, times, uncalibratable
from tests.modes.test_ort import CONVOLVING

MODES = (ORT_INT8_STATIC_NATIVE, ORT_INT8_DYNAMIC, ORT_ALL_ONLINE)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Where both models are exported once."""
    return tmp_path_factory.mktemp("static")


def prepared(shared, model, mode, name):
    folder = shared / name
    folder.mkdir()
    job = small.job(model, folder)
    return job, mode.prepare(job)


@pytest.fixture(scope="module")
def one_layer(shared):
    """By mode, a job and its runner."""
    return {
        mode.name: prepared(shared, ONE_LAYER, mode, f"one_layer-{mode.name}") for mode in MODES
    }


def graph_of(job):
    (path,) = job.folder.rglob("model.onnx")
    graph = onnx.load(path).graph
    return graph, {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}


@settings(max_examples=25)
@given(seeds, times)
def test_ranges_are_fixed_where_the_siblings_measure_them_or_have_none(one_layer, seed, times):
    for name, (_, runner) in one_layer.items():
        fixed = name == "ort_int8_static_native"
        expected = 1 if fixed else pytest.approx(times, rel=MEASURED)
        assert grew(runner, seed, times) == expected


def test_no_output_is_off_by_more_than_its_roundings(one_layer):
    """On the calibration data, which min-max ranges hold, so that nothing is clipped."""
    job, runner = one_layer["ort_int8_static_native"]
    x = np.concatenate([batch for (batch,) in ONE_LAYER.calibration()])
    graph, values = graph_of(job)
    quantised = [node for node in graph.node if node.op_type == "QuantizeLinear"]
    steps = [float(values[node.input[1]]) for node in quantised]
    weight_step = next(
        values[node.input[1]]
        for node in graph.node
        if node.op_type == "DequantizeLinear" and values.get(node.input[0], x).ndim == 2
    )
    weight = job.module[0].weight.detach().double().numpy()
    exact, _, _ = oracle.run(job.module, [(x,)])
    # Half a step of x per weight, half a step of w per x, half a step of each value and of the
    # bias; a bias is at most 1/√16, and its step that of u8.
    of_x = steps[0] / 2 * (np.abs(weight) + weight_step[:, None] / 2).sum(1)
    of_w = weight_step / 2 * np.abs(x).sum(2, keepdims=True)
    of_values = sum(steps[1:]) / 2 + 0.5 / 255 / 2
    error = np.abs(small.outputs(runner, [(x,)])[0] - exact[0])
    assert (error <= (of_x + of_w + of_values) * (1 + 1e-5)).all()


def test_the_input_s_scale_is_the_range_of_the_calibration_data(one_layer):
    graph, values = graph_of(one_layer["ort_int8_static_native"][0])
    first = next(node for node in graph.node if node.op_type == "QuantizeLinear")
    scale, zero_point = (values[name] for name in first.input[1:])
    x = np.concatenate([batch for (batch,) in ONE_LAYER.calibration()])
    # ONNX's own formula (DynamicQuantizeLinear) for u8; float32 throughout.
    low, high = min(0, x.min()), max(0, x.max())
    assert scale == pytest.approx((high - low) / 255, rel=1e-6)
    assert zero_point.dtype == np.uint8
    assert int(zero_point) == np.clip(np.round(-low / scale), 0, 255)


def test_weights_have_a_scale_per_channel_and_no_zero_point(shared):
    job, _ = prepared(shared, CONVOLVING, ORT_INT8_STATIC_NATIVE, "weights")
    graph, values = graph_of(job)
    weights = {
        node.input[0]: node
        for node in graph.node
        if values.get(node.input[0], np.zeros(0)).ndim == 4
    }
    assert len(weights) == 2
    for name, node in weights.items():
        scale, zero_point = (values[one] for one in node.input[1:])
        assert values[name].dtype == zero_point.dtype == np.int8
        assert scale.shape == (len(values[name]),) == zero_point.shape
        assert not zero_point.any()


def test_the_artefact_says_what_it_was_calibrated_with(one_layer):
    _, runner = one_layer["ort_int8_static_native"]
    evidence = runner.evidence()
    assert evidence["calibration"] == {"source": "task-like", "items": 12}
    assert evidence["fused"]["QLinearMatMul"] == 1


def test_convolutions_are_integer_and_the_outputs_near(shared):
    job, runner = prepared(shared, CONVOLVING, ORT_INT8_STATIC_NATIVE, "convolving")
    evidence = runner.evidence()
    assert evidence["fused"]["QLinearConv"] == 2
    assert evidence["calibration"] == {"source": "random inputs", "items": 32}
    inputs = [job.model.inputs(7, 1, 50, False), job.model.inputs(9, 3, 51, True)]
    exact, _, _ = oracle.run(job.module, inputs)
    assert ORT_INT8_MIN_SQNR_DB < small.sqnr_db(exact, small.outputs(runner, inputs)) < 70


def test_a_second_start_calibrates_nothing_and_says_the_same(one_layer):
    job, runner = one_layer["ort_int8_static_native"]
    model = uncalibratable(small.unbuildable(ONE_LAYER))
    again = ORT_INT8_STATIC_NATIVE.prepare(replace(job, model=model))
    assert again.evidence()["calibration"] == runner.evidence()["calibration"]
    inputs = [ONE_LAYER.inputs(7, 1, 50, False)]
    np.testing.assert_array_equal(*(small.outputs(one, inputs) for one in (runner, again)))


def test_only_its_own_evidence_engages_it(one_layer):
    found = {name: runner.evidence() for name, (_, runner) in one_layer.items()}
    for name, evidence in found.items():
        engaged = ORT_INT8_STATIC_NATIVE.engaged(evidence) is None
        assert engaged == (name == "ort_int8_static_native")
    own = found["ort_int8_static_native"]
    assert "Dynamic" in ORT_INT8_STATIC_NATIVE.engaged(
        {**own, "fused": {**own["fused"], "DynamicQuantizeLinear": 1}}
    )
    nowhere = {**own, "fused": {"QuantizeLinear": 3, "DequantizeLinear": 3}}
    assert "QLinearConv" in ORT_INT8_STATIC_NATIVE.engaged(nowhere)
    assert "every node" in ORT_INT8_STATIC_NATIVE.engaged({**own, "providers": {"Other": 1}})
    assert ORT_INT8_STATIC_NATIVE.engaged({}) is not None
