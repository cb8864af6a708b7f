"""What torch.compile's modes show, each in a process of its own, cold and then warm."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench_core.errors import Unavailable
from bench_core.modes import compile as modes
from tests.modes import small

START = Path(__file__).with_name("compile_start.py")
FREEZING, AUTOTUNED = "compile_freezing", "compile_max_autotune_no_cudagraphs"
ALL = [value for value in vars(modes).values() if isinstance(value, modes.Mode)]


def start(mode: str, model: str, folder: Path, **environment: str) -> dict:
    done = subprocess.run(
        [sys.executable, "-W", "error", str(START), mode, model, str(folder)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    """What a mode came to, cold or warm, found once.

    All share the compiled code of the first: to ask g++ what this processor can do takes
    longer than to compile such models.
    """
    together, kept = tmp_path_factory.mktemp("compile"), {}

    def find(mode: str, model: str = "rows", *, warm: bool = False) -> dict:
        folder = together / f"{mode}-{model}"
        if (mode, model, False) not in kept:
            first = next(iter(together.iterdir()), None)
            folder.mkdir()
            if first is not None:
                shutil.copytree(first / "inductor", folder / "inductor")
                shutil.rmtree(folder / "inductor" / "fxgraph", ignore_errors=True)
            kept[mode, model, False] = start(mode, model, folder)
        if warm and (mode, model, True) not in kept:
            kept[mode, model, True] = start(mode, model, folder)
        return kept[mode, model, warm]

    return find


@pytest.mark.parametrize(
    ("mode", "warm"),
    [
        ("compile_default", False),
        ("compile_default", True),
        ("compile_dynamic", False),
        (FREEZING, False),
        (AUTOTUNED, False),
        (AUTOTUNED, True),
    ],
)
def test_engaged_right_and_alone(mode, warm, found):
    one = found(mode, warm=warm)
    assert one["engaged"] is None
    assert one["engaged again"] is None
    # Float32 of two sums of 16 and 64 terms: 24 bits less 4 is 120 dB.
    assert one["sqnr_db"] > 120
    assert one["left"] == []


def test_default_takes_weights_as_inputs_and_compiles_again_for_another_length(found):
    one = found("compile_default")
    assert (one["evidence"]["inputs"], one["evidence"]["constants"]) == (4 + 1, 0)
    assert one["evidence"]["operators"] == {"aten::addmm": 2}
    assert one["recompiled_for_another_length"] == 1
    assert one["evidence"]["cache_misses"] == 1
    warm = found("compile_default", warm=True)["evidence"]
    assert (warm["cache_hits"], warm["cache_misses"]) == (1, 0)
    assert warm["kernels"] == one["evidence"]["kernels"] == 1


def test_dynamic_serves_other_shapes_by_one_graph(found):
    one = found("compile_dynamic")
    assert one["evidence"]["graphs"] == 1
    assert one["evidence"]["recompiles"] == {"while timed": 0, "length": 0, "batch": 0}
    assert one["recompiled_for_another_length"] == 0


def test_freezing_makes_weights_constants_and_packs_them(found):
    evidence = found(FREEZING)["evidence"]
    assert evidence["inputs"] == 1
    assert evidence["packed"] == 2
    assert evidence["operators"] == {"mkl::_mkl_linear": 2}
    assert evidence["autotuned"] == {}


def test_what_is_packed_cannot_be_kept(found):
    """Every start lowers the graph again: should this fail, a warm start has become cheaper."""
    for warm in (False, True):
        evidence = found(AUTOTUNED, warm=warm)["evidence"]
        assert (evidence["cache_hits"], evidence["cache_bypasses"]) == (0, 1)


def test_max_autotune_times_a_template_and_remembers(found):
    timings = [found(AUTOTUNED, warm=warm)["evidence"]["autotuned"] for warm in (False, True)]
    assert timings[0] == timings[1]
    considered, chosen = timings[0]["considered"], timings[0]["chosen"]
    assert considered == {"_mkl_linear": 2, "cpp_CppMicroGemmFP32Vec": 2}
    assert sum(chosen.values()) == 2
    evidence = found(AUTOTUNED)["evidence"]
    # What was chosen is what runs.
    assert evidence["templates"] == chosen.get("cpp_CppMicroGemmFP32Vec", 0)
    assert evidence["operators"].get("mkl::_mkl_linear", 0) == chosen.get("_mkl_linear", 0)
    assert modes.COMPILE_FREEZING.engaged(evidence) is None


def test_without_a_matrix_product_there_is_nothing_to_autotune_but_much_to_freeze(found):
    one = found(AUTOTUNED, "image")
    assert "more than one candidate" in one["engaged"]
    assert modes.COMPILE_FREEZING.engaged(one["evidence"]) is None
    # The norm is folded, the convolutions run on packed weights, images lie as N, H, W, C.
    assert one["evidence"]["operators"] == {"mkldnn::_convolution_pointwise": 2}
    assert one["evidence"]["packed"] == 2
    assert one["evidence"]["channels_last"] == [2, 2]


def test_a_break_is_evidence_and_still_right(found):
    one = found("compile_default", "forked")
    assert one["engaged"] is None
    assert (one["evidence"]["graphs_run"], one["evidence"]["graph_breaks"]) == (2, 1)
    assert one["evidence"]["operators"]["aten::is_nonzero"] == 1
    assert one["sqnr_db"] > 120


def test_of_an_lstm_nothing_is_compiled(found):
    one = found("compile_default", "recurrent")
    assert "aten::lstm" in one["evidence"]["operators"]
    assert one["engaged"] is not None


def test_a_disabled_compiler_is_not_engaged(tmp_path):
    one = start("compile_default", "plain", tmp_path, TORCHDYNAMO_DISABLE="1")
    assert "captured none" in one["engaged"]
    assert one["evidence"]["operators"] == {"aten::tanh": 1, "aten::softmax": 1}


def test_what_cannot_be_compiled_fails(tmp_path):
    done = subprocess.run(
        [sys.executable, str(START), "compile_default", "rows", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "CXX": "/nonexistent/g++"},
    )
    assert done.returncode != 0
    assert "nonexistent" in done.stderr


def test_cuda_graphs_need_another_device(tmp_path):
    with pytest.raises(Unavailable, match="CUDA graphs"):
        modes.COMPILE_REDUCE_OVERHEAD.prepare(small.job(small.ROWS, tmp_path))


COMPILED = {"graphs": 1, "kernels": 3, "graphs_run": 1}
ENGAGED = {
    **COMPILED,
    "constants": 2,
    "cudagraph_skips": 0,
    "recompiles": {"while timed": 0, "length": 0, "batch": 1},
    "autotuned": {"considered": {"a": 1, "b": 1}},
}


@pytest.mark.parametrize("mode", ALL, ids=lambda mode: mode.name)
@pytest.mark.parametrize(
    ("lacking", "reason"),
    [("graphs", "captured none"), ("kernels", "made none"), ("graphs_run", "ran none")],
)
def test_each_part_of_the_evidence_is_needed(mode, lacking, reason):
    assert mode.engaged(ENGAGED) is None
    assert reason in mode.engaged({**ENGAGED, lacking: 0})
    assert mode.engaged({}) is not None


@pytest.mark.parametrize(
    ("mode", "lacking"),
    [
        (modes.COMPILE_FREEZING, {"constants": 0}),
        (modes.COMPILE_MAX_AUTOTUNE, {"constants": 0}),
        (modes.COMPILE_MAX_AUTOTUNE, {"autotuned": {}}),
        (modes.COMPILE_DYNAMIC, {"recompiles": {"while timed": 0, "length": 1}}),
        (modes.COMPILE_DYNAMIC, {"recompiles": {"while timed": 0, "batch": 1}}),
        (modes.COMPILE_REDUCE_OVERHEAD, {"cudagraph_skips": 1}),
    ],
)
def test_what_a_mode_is_named_for_is_needed(mode, lacking):
    assert mode.engaged({**ENGAGED, **lacking}) is not None


def test_one_process_per_length_but_for_dynamic():
    assert {mode.name for mode in ALL if mode.any_shape} == {"compile_dynamic"}


def test_on_a_cpu_both_max_autotunes_are_one_program():
    names = [mode.name for mode in ALL]
    (alias,) = [mode for mode in ALL if mode.alias_on]
    assert alias.alias_on == {"cpu": AUTOTUNED}
    assert names.index(AUTOTUNED) < names.index(alias.name)
