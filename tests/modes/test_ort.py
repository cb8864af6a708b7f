"""ONNX Runtime's modes are proved by the graphs in the file and in the session."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench_core.errors import Unavailable, Unsupported
from bench_core.modes.ort import (
    ORT_ALL_OFFLINE,
    ORT_ALL_ONLINE,
    ORT_BASIC_OFFLINE,
    ORT_BASIC_ONLINE,
    ORT_DISABLED_ONLINE,
    ORT_EXTENDED_OFFLINE,
    ORT_EXTENDED_ONLINE,
    ORT_LAYOUT_OFFLINE,
    ORT_LAYOUT_ONLINE,
)
from bench_core.modes.ort_int8 import INTEGER, ORT_INT8_DYNAMIC, ORT_INT8_MIN_SQNR_DB
from bench_core.modes.ort_int8_static_native import ORT_INT8_STATIC_NATIVE
from bench_core.modes.ort_iobinding import ORT_ALL_IOBINDING
from bench_core.runtimes import onnx_choice, onnx_export, oracle
from tests.modes import small

PAIRS = {
    "ORT_ENABLE_BASIC": (ORT_BASIC_ONLINE, ORT_BASIC_OFFLINE),
    "ORT_ENABLE_EXTENDED": (ORT_EXTENDED_ONLINE, ORT_EXTENDED_OFFLINE),
    "ORT_ENABLE_LAYOUT": (ORT_LAYOUT_ONLINE, ORT_LAYOUT_OFFLINE),
    "ORT_ENABLE_ALL": (ORT_ALL_ONLINE, ORT_ALL_OFFLINE),
}
LEVELS = tuple(mode for pair in PAIRS.values() for mode in pair)
INT8 = (ORT_INT8_DYNAMIC, ORT_INT8_STATIC_NATIVE)
MODES = (ORT_DISABLED_ONLINE, *LEVELS, ORT_ALL_IOBINDING, *INT8)
ROOT = Path(__file__).parents[2]


def convolving():
    """One thing to do for every level: a factor to fold, something to fuse, convolutions."""
    import torch
    from torch import nn

    class Convolving(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 16, 3, padding=1)
            self.second = nn.Conv2d(16, 16, 3, padding=1)
            self.scale = nn.Parameter(torch.rand(16, 1, 1))
            self.classify = nn.Linear(16, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = (self.first(x) * self.scale).relu()
            return self.classify(self.second(x).relu().mean((2, 3)))

    return Convolving()


CONVOLVING = replace(small.IMAGE, name="convolving", build=small.seeded(convolving))


def job_in(folder, model, mode, length=7, **cell):
    """A job in a folder of its own, beside those of the model's other cells."""
    (folder / mode.name).mkdir(exist_ok=True)
    job = small.job(model, folder / mode.name, length)
    job.cell = replace(job.cell, **cell)
    return job


def prepare_all(model, folder):
    found = {}
    for mode in MODES:
        job = job_in(folder, model, mode)
        runner = mode.prepare(job)
        found[mode.name] = (mode, job, runner, runner.evidence())
    return found


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Each mode made ready once on the text model: (mode, job, runner, evidence) by name."""
    return prepare_all(small.TEXT, tmp_path_factory.mktemp("text"))


@pytest.fixture(scope="module")
def convolved(tmp_path_factory):
    return prepare_all(CONVOLVING, tmp_path_factory.mktemp("convolving"))


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A folder in which small.TEXT has been exported already."""
    folder = tmp_path_factory.mktemp("shared")
    ORT_DISABLED_ONLINE.prepare(job_in(folder, small.TEXT, ORT_DISABLED_ONLINE))
    return folder


def test_a_level_is_engaged_by_the_graph_that_it_alone_makes(convolved):
    """At all levels of the model that has something for each: but LAYOUT does all there is."""
    alike = {"layout", "all"}
    for mode in (ORT_DISABLED_ONLINE, *LEVELS):
        for other in (ORT_DISABLED_ONLINE, *LEVELS):
            evidence = convolved[other.name][3]
            (word, place), (other_word, other_place) = (
                name.name.split("_")[1:] for name in (mode, other)
            )
            same = mode is other or (
                place == other_place == "offline" and word == "layout" and other_word in alike
            )
            assert (mode.engaged(evidence) is None) == same, (mode.name, other.name)
        assert mode.engaged({}) is not None


@pytest.mark.parametrize("level", PAIRS)
def test_what_each_level_adds(level, convolved):
    """Standard operators, then com.microsoft's, then blocks of channels."""
    for mode in PAIRS[level]:
        evidence = convolved[mode.name][3]
        before, after = evidence["nodes"]
        assert evidence["domains"]["ai.onnx"][0] == before
        new = evidence["domains"].keys() - {"ai.onnx"}
        reorders = sum(evidence["reorders"].values())
        if level == "ORT_ENABLE_BASIC":
            assert (new, evidence["fused"], after) == (set(), {}, before - 1)
        elif level == "ORT_ENABLE_EXTENDED":
            assert new == {"com.microsoft"}
            assert evidence["fused"] == {"FusedConv": 2}
        else:
            assert new == {"com.microsoft.nchwc"}
            assert evidence["fused"]["nchwc.Conv"] == 2
        assert (reorders > 0) == ("com.microsoft.nchwc" in new)


def test_a_level_that_finds_no_more_to_do_says_which_made_the_same_graph(prepared):
    """The text model has something to fuse, nothing redundant, and no convolutions."""
    for level, expected in {
        "ORT_ENABLE_BASIC": ["ORT_DISABLE_ALL", "ORT_ENABLE_BASIC"],
        "ORT_ENABLE_EXTENDED": ["ORT_ENABLE_EXTENDED"],
        "ORT_ENABLE_LAYOUT": ["ORT_ENABLE_EXTENDED", "ORT_ENABLE_LAYOUT"],
        "ORT_ENABLE_ALL": ["ORT_ENABLE_EXTENDED", "ORT_ENABLE_LAYOUT", "ORT_ENABLE_ALL"],
    }.items():
        for mode in PAIRS[level]:
            evidence = prepared[mode.name][3]
            assert evidence["same_graph_at"] == expected
            if level == "ORT_ENABLE_BASIC":
                said = mode.engaged(evidence)
                assert said == "nothing was optimised: 14 nodes before, the same 14 after"
            else:
                assert mode.engaged(evidence) is None


def test_outputs_stay_in_the_memory_that_was_bound(prepared):
    mode, job, runner, evidence = prepared["ort_all_iobinding"]
    assert evidence["outputs_in_place"] == [1, 1]
    assert mode.engaged(evidence) is None
    assert "0 of 0" in mode.engaged(prepared["ort_all_online"][3])
    assert "0 of 1" in mode.engaged({**evidence, "outputs_in_place": [0, 1]})
    assert mode.engaged({}) is not None
    plain = prepared["ort_all_online"][2]
    feeds = [runner.feed(job.model.inputs(n, 2, 50 + n, False)) for n in (5, 12)]
    for _ in range(2):  # in turn, as they are timed
        for feed, n in zip(feeds, (5, 12), strict=True):
            (array,) = feed.outputs
            array.fill(np.nan)
            assert runner.call(feed).outputs[0] is array
            (kept,) = runner.read(feed)
            inputs = [job.model.inputs(n, 2, 50 + n, False)]
            np.testing.assert_array_equal(kept, small.outputs(plain, inputs)[0])
            array.fill(0)
            assert kept.any()


def test_bound_inputs_are_copies(prepared):
    """What the caller does with its arrays afterwards is no concern of a call's."""
    _, job, runner, _ = prepared["ort_all_iobinding"]
    ids, mask = job.model.inputs(5, 2, 50, False)
    bound = runner.feed((ids, mask))
    before = runner.read(runner.call(bound))[0]
    ids[:] = 1
    np.testing.assert_array_equal(runner.read(runner.call(bound))[0], before)


def test_fused_when_loaded_or_ahead_of_time(prepared):
    disabled, online, offline, int8 = (
        prepared[mode.name][3]
        for mode in (ORT_DISABLED_ONLINE, ORT_ALL_ONLINE, ORT_ALL_OFFLINE, ORT_INT8_DYNAMIC)
    )
    assert disabled["fused"] == {}
    assert disabled["nodes"] == [disabled["file_nodes"]] * 2
    for evidence in (online, offline):
        assert evidence["fused"]["BiasGelu"] == 1
        assert evidence["nodes"][1] < evidence["nodes"][0]
    assert online["file_nodes"] == online["nodes"][0]
    assert offline["file_nodes"] == offline["nodes"][1]
    assert "is at ORT_ENABLE_ALL" in ORT_ALL_OFFLINE.engaged({**offline, "level": "ORT_ENABLE_ALL"})
    assert "in the file" in ORT_ALL_OFFLINE.engaged({**offline, "file_nodes": 14})
    assert ORT_INT8_DYNAMIC.engaged(online) is not None
    assert sum(count for name, count in int8["fused"].items() if name in INTEGER) == 2


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_any_batch_and_length(mode, prepared):
    _, job, runner, _ = prepared[mode.name]
    inputs = [job.model.inputs(5, 1, 50, False), job.model.inputs(12, 3, 51, True)]
    exact, _, _ = oracle.run(job.module, inputs)
    least = ORT_INT8_MIN_SQNR_DB if mode.lossy else 110
    assert small.sqnr_db(exact, small.outputs(runner, inputs)) > least


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_the_choice_of_exporter_is_made_once_and_kept(mode, prepared):
    _, first, made, evidence = prepared[mode.name]
    again = small.job(small.unbuildable(small.TEXT), first.folder)
    runner = mode.prepare(again)
    assert ["module" in vars(job) for job in (first, again)] == [True, False]
    assert runner.evidence() == evidence
    assert evidence["exporter"] in evidence["exporter_median_s"]
    assert all(seconds > 0 for seconds in evidence["exporter_median_s"].values())
    assert runner.artifact_sha256 == made.artifact_sha256
    model = Path(f"{mode.name}.{evidence['exporter']}") / "model.onnx"
    kept = {f"{mode.name}.json", str(model), f"{model}.sha256"}
    assert files_in(first.folder) == kept


def files_in(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_the_export_is_every_cell_s_and_charged_to_each(prepared, monkeypatch):
    """Another length, another mode: no exporter is asked again, nor is the module built."""
    monkeypatch.delattr(onnx_export, "export")
    _, first, _, _ = prepared["ort_disabled_online"]
    model = small.unbuildable(small.TEXT)
    again = small.job(model, first.folder.parent / "another", 12)
    again.folder.mkdir()
    runner = ORT_DISABLED_ONLINE.prepare(again)
    noted = [float(note.read_text()) for note in first.folder.parent.glob("text.*.json.seconds")]
    assert len(noted) == 2 and first.borrowed_s == 0
    assert again.borrowed_s == pytest.approx(sum(noted))
    assert runner.evidence()["timed_at"] == {"length": 12, "batch": 1}


def test_exporters_leave_the_training_flag_alone(prepared):
    assert all(part.training for _, job, _, _ in prepared.values() for part in job.module.modules())


def test_int8_ships_fewer_bytes_than_float(tmp_path):
    from torch import nn

    model = replace(small.ROWS, build=small.seeded(lambda: nn.Linear(16, 4096)))
    float_bytes, int8_bytes = (
        mode.prepare(job_in(tmp_path, model, mode)).artifact_bytes
        for mode in (ORT_DISABLED_ONLINE, ORT_INT8_DYNAMIC)
    )
    assert int8_bytes < float_bytes / 2


def test_convolutions_are_integer_too(convolved):
    _, job, runner, evidence = convolved["ort_int8_dynamic"]
    assert evidence["fused"]["ConvInteger"] == 2
    assert evidence["exporter_failed"] == {}
    inputs = [job.model.inputs(9, 2, 50, False)]
    exact, _, _ = oracle.run(job.module, inputs)
    assert small.sqnr_db(exact, small.outputs(runner, inputs)) > 20


def test_nothing_to_fuse_is_not_engaged(tmp_path):
    from torch import nn

    model = replace(small.ROWS, build=lambda: nn.Sequential(nn.Tanh(), nn.Sigmoid()))
    for mode in (ORT_ALL_ONLINE, ORT_ALL_OFFLINE, ORT_ALL_IOBINDING):
        evidence = mode.prepare(job_in(tmp_path, model, mode)).evidence()
        said = mode.engaged(evidence)
        assert said == "nothing was optimised: 2 nodes before, the same 2 after"


def failing(monkeypatch, *failing):
    """Those exporters fail; returns a list that grows by each that was asked."""
    asked, real = [], onnx_export.export

    def export(model, module, example, path, by):
        asked.append(by)
        if by in failing:
            path.write_bytes(b"torn")
            raise RuntimeError(f"{by} has no such operator\nand a long story")
        real(model, module, example, path, by)

    monkeypatch.setattr(onnx_export, "export", export)
    return asked


def test_one_failing_exporter_is_named_and_remembered_and_the_other_used(tmp_path, monkeypatch):
    asked = failing(monkeypatch, "dynamo")
    for mode in (ORT_DISABLED_ONLINE, ORT_ALL_ONLINE):
        job = job_in(tmp_path, small.TEXT, mode)
        evidence = mode.prepare(job).evidence()
        assert evidence["exporter"] == "torchscript"
        said = "RuntimeError: dynamo has no such operator"
        assert evidence["exporter_failed"] == {"dynamo": said}
        assert evidence["exporter_median_s"] == {}
        assert (job.borrowed_s > 0) == (mode is ORT_ALL_ONLINE)
    assert asked == ["dynamo", "torchscript"]


def test_both_failing_is_unsupported_with_both_reasons_in_every_cell(tmp_path, monkeypatch):
    asked = failing(monkeypatch, "dynamo", "torchscript")
    for mode in (ORT_DISABLED_ONLINE, ORT_ALL_ONLINE):
        job = job_in(tmp_path, small.TEXT, mode)
        with pytest.raises(Unsupported, match=r"dynamo has no.*torchscript has no"):
            mode.prepare(job)
        assert files_in(job.folder) == set()
    assert asked == ["dynamo", "torchscript"]


@pytest.mark.parametrize("error", [MemoryError(), OSError(28, "No space left on device")])
def test_what_the_machine_lacks_today_is_not_remembered(error, tmp_path, monkeypatch):
    def export(*_):
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(onnx_export, "export", export)
        with pytest.raises(type(error)):
            ORT_DISABLED_ONLINE.prepare(job_in(tmp_path, small.TEXT, ORT_DISABLED_ONLINE))
    asked = failing(monkeypatch, "dynamo")
    ORT_DISABLED_ONLINE.prepare(job_in(tmp_path, small.TEXT, ORT_DISABLED_ONLINE))
    assert asked == ["dynamo", "torchscript"]


def test_a_module_that_cannot_be_built_is_not_the_exporter_s_failure(tmp_path):
    def build():
        raise Unavailable("the weights are not here")

    job = job_in(tmp_path, replace(small.TEXT, build=build), ORT_DISABLED_ONLINE)
    with pytest.raises(Unavailable, match="not here"):
        ORT_DISABLED_ONLINE.prepare(job)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_weights_in_a_file_beside_are_shipped_and_found(mode, shared, tmp_path):
    """A FILE.onnx of the user's, whose weights lie in a file of its own."""
    import hashlib

    import onnx

    given = tmp_path / "given.onnx"
    onnx.save(
        onnx.load(shared / "text.dynamo" / "model.onnx"),
        given,
        save_as_external_data=True,
        location="weights.bin",
        size_threshold=256,
    )
    model = replace(small.unbuildable(small.TEXT), onnx=given)
    job = job_in(tmp_path, model, mode)
    runner = mode.prepare(job)
    weights = small.TEXT.build()
    names = [path.name for path in onnx_files(job.folder)]
    files = [path.read_bytes() for path in onnx_files(job.folder)]
    assert runner.artifact_bytes == sum(map(len, files))
    assert runner.artifact_sha256 == hashlib.sha256(b"".join(files)).hexdigest()
    if mode not in INT8:  # they write a few weights in one byte each
        beside = "weights.bin" if mode.name.endswith(("online", "binding")) else "model.onnx.data"
        assert names == ["model.onnx", beside]
        assert len(files[1]) > 4 * 2 * 16 * 64  # the two linear layers', at least
    assert mode.engaged(runner.evidence()) is None or mode in PAIRS["ORT_ENABLE_BASIC"]
    inputs = [model.inputs(9, 2, 50, True)]
    exact, _, _ = oracle.run(weights, inputs)
    least = ORT_INT8_MIN_SQNR_DB if mode.lossy else 110
    assert small.sqnr_db(exact, small.outputs(runner, inputs)) > least
    if "offline" in mode.name:  # whole in itself, wherever it is moved to
        moved = tmp_path / "moved"
        onnx_files(job.folder)[0].parent.rename(moved)
        found = onnx.load(moved / "model.onnx").graph.initializer
        assert sum(len(tensor.raw_data) for tensor in found) > 4 * 2 * 16 * 64


def onnx_files(folder):
    """The graph, then its weights."""
    found = [path for path in folder.rglob("*") if path.is_file()]
    found = [path for path in found if path.suffix not in (".json", ".sha256")]
    return sorted(found, key=lambda path: (path.suffix != ".onnx", path.name))


def test_an_execution_provider_that_takes_no_node_is_not_engaged(shared):
    """Azure's is in ONNX Runtime's own wheel for CPUs, and falls back without a word."""
    import onnxruntime

    if "AzureExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has no Azure")
    for mode in MODES:
        evidence = mode.prepare(job_in(shared, small.TEXT, mode, provider="azure")).evidence()
        assert evidence["provider"] == "AzureExecutionProvider"
        assert evidence["registered"] == ["AzureExecutionProvider", "CPUExecutionProvider"]
        assert evidence["providers"].keys() == {"CPUExecutionProvider"}
        if mode not in PAIRS["ORT_ENABLE_BASIC"]:
            assert "AzureExecutionProvider, found {'CPUE" in mode.engaged(evidence)
        assert mode.providers


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_an_execution_provider_that_is_not_there_is_unavailable(mode, tmp_path):
    job = job_in(tmp_path, small.unbuildable(small.TEXT), mode, provider="nvtensorrtrtx")
    with pytest.raises(Unavailable, match=r"'nvtensorrtrtx'; it has .*cpu"):
        mode.prepare(job)


def test_a_provider_that_compiles_leaves_no_graph_to_judge(shared):
    """Runs where onnxruntime-openvino is installed in place of onnxruntime."""
    import onnxruntime

    if "OpenVINOExecutionProvider" not in onnxruntime.get_available_providers():
        pytest.skip("this onnxruntime has no OpenVINO")
    job = job_in(shared, small.TEXT, ORT_ALL_ONLINE, provider="openvino")
    evidence = ORT_ALL_ONLINE.prepare(job).evidence()
    assert evidence["providers"].keys() == {"OpenVINOExecutionProvider"}
    assert evidence["nodes"][1] is None
    assert ORT_ALL_ONLINE.engaged(evidence) is None
    job = job_in(shared, small.TEXT, ORT_ALL_OFFLINE, provider="openvino")
    with pytest.raises(Unsupported, match="compiled nodes"):
        ORT_ALL_OFFLINE.prepare(job)


@pytest.mark.parametrize(
    ("dynamo_s", "torchscript_s", "chosen"),
    [(1.0, 2.0, "dynamo"), (1.01, 1.0, "dynamo"), (1.03, 1.0, "torchscript")],
)
def test_the_faster_is_kept_beyond_noise(dynamo_s, torchscript_s, chosen, tmp_path, monkeypatch):
    def export(model, module, example, path, by):
        real(model, module, example, path, "torchscript")  # the other takes a second

    real = onnx_export.export
    monkeypatch.setattr(onnx_export, "export", export)
    medians = {"dynamo": dynamo_s, "torchscript": torchscript_s}
    monkeypatch.setattr(onnx_choice, "_median_s", lambda job, candidates: medians)
    job = job_in(tmp_path, small.TEXT, ORT_DISABLED_ONLINE)
    evidence = ORT_DISABLED_ONLINE.prepare(job).evidence()
    assert (evidence["exporter"], evidence["exporter_median_s"]) == (chosen, medians)


def test_threads_are_the_cell_s(prepared):
    from bench_core.runtimes.onnxruntime_session import open_session

    _, job, _, _ = prepared["ort_all_online"]
    (path,) = onnx_files(job.folder)
    options = open_session(path, "ORT_ENABLE_ALL", 2).get_session_options()
    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (2, 1)


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_a_finished_artefact_runs_without_torch(mode, prepared):
    """In a fresh interpreter where torch cannot be imported."""
    _, job, runner, _ = prepared[mode.name]
    script = (
        "import json, sys; from pathlib import Path\n"
        "sys.modules['torch'] = None\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from bench_core.discover import modes; from tests.modes import small\n"
        f"job = small.job(small.unbuildable(small.TEXT), Path({str(job.folder)!r}))\n"
        f"runner = modes()[{mode.name!r}].prepare(job)\n"
        "print(json.dumps(small.outputs(runner, [job.examples[1]])[0].tolist()))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    expected = small.outputs(runner, [job.examples[1]])[0]
    np.testing.assert_allclose(json.loads(done.stdout), expected, rtol=1e-5, atol=1e-6)
