"""torchao's modes are proved by the file's int8 and by the products that a compiled call ran."""

from importlib.util import find_spec

import pytest

from bench_core.modes.int8 import INT8_MIN_SQNR_DB
from bench_core.modes.int8_torchao_dynamic import INT8_TORCHAO_DYNAMIC
from bench_core.modes.int8_torchao_pt2e import INT8_TORCHAO_PT2E
from tests.modes.test_compile import start

MODES = (INT8_TORCHAO_DYNAMIC, INT8_TORCHAO_PT2E)
modes = pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
installed = pytest.mark.skipif(
    find_spec("torchao") is None,
    reason="torchao is an extra: where it is installed transformers imports it, 1.6 s a start",
)


@pytest.fixture(scope="module")
def starts(tmp_path_factory):
    """Each mode on two linear layers, cold and then warm."""
    found = {}
    for mode in MODES:
        folder = tmp_path_factory.mktemp(mode.name)
        found[mode.name] = [start(mode.name, "rows", folder) for _ in range(2)]
    return found


@installed
@modes
def test_engaged_and_near_cold_and_warm(mode, starts):
    for one in starts[mode.name]:
        assert one["engaged"] is None and one["engaged again"] is None
        assert sum(one["evidence"]["integer"].values()) == 2
        assert INT8_MIN_SQNR_DB < one["sqnr_db"] < 70
        assert one["left"] == []


@installed
def test_only_pt2e_is_calibrated_and_its_finished_program_needs_no_module(starts):
    dynamic, pt2e = (starts[mode.name] for mode in MODES)
    assert "calibration" not in dynamic[0]["evidence"]
    said = {"source": "random inputs", "items": 32}
    assert [one["evidence"]["calibration"] for one in pt2e] == [said, said]
    assert [one["built_module"] for one in pt2e] == [True, False]


@installed
def test_what_is_shipped_is_in_int8(starts):
    weights = 2 * 16 * 64
    for cold, warm in starts.values():
        assert cold["bytes"] == warm["bytes"] > weights
    dynamic, pt2e = (starts[mode.name][0] for mode in MODES)
    assert dynamic["bytes"] < 4 * weights
    # A program's own graph is larger than these weights: that no float ones are left tells.
    assert pt2e["evidence"]["weights"] == {"torch.int8": 2}


@installed
@modes
def test_each_is_engaged_by_its_own_evidence_alone(mode, starts):
    for name, (cold, _) in starts.items():
        assert (mode.engaged(cold["evidence"]) is None) == (name == mode.name)


CALL = {"graphs_run": 1, "integer": {"aten::_int_mm": 1}, "operators": {"aten::_int_mm": 1}}
OWN = {
    INT8_TORCHAO_DYNAMIC.name: {"weights": {"Int8Tensor": 1}, **CALL},
    INT8_TORCHAO_PT2E.name: {
        "in_graph": {"quantized_decomposed.quantize_per_tensor.default": 1},
        **CALL,
    },
}


@modes
@pytest.mark.parametrize("lacking", ["weights", "in_graph", "graphs_run", "integer"])
def test_each_part_of_the_evidence_is_needed(mode, lacking):
    own = OWN[mode.name]
    assert mode.engaged(own) is None
    if lacking in own:
        assert mode.engaged({**own, lacking: {}}) is not None
    assert mode.engaged({}) is not None


@modes
def test_weights_in_int8_that_a_call_turns_back_are_not_enough(mode):
    backwards = {**OWN[mode.name], "integer": {}, "operators": {"aten::addmm": 1}}
    assert "aten::addmm" in mode.engaged(backwards)
