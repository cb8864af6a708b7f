"""ONNX Runtime's modes are proved by the graphs in the file and in the session."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bench_core.errors import Unsupported
from bench_core.modes.ort import ORT_ALL_OFFLINE, ORT_ALL_ONLINE, ORT_DISABLED_ONLINE
from bench_core.modes.ort_int8 import INTEGER, ORT_INT8_DYNAMIC, ORT_INT8_MIN_SQNR_DB
from bench_core.runtimes import onnx_choice, oracle
from tests.modes import small

FLOAT = (ORT_DISABLED_ONLINE, ORT_ALL_ONLINE, ORT_ALL_OFFLINE)
MODES = (*FLOAT, ORT_INT8_DYNAMIC)
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Each mode made ready once on the text model: (mode, job, runner, evidence) by name."""
    found = {}
    for mode in MODES:
        job = small.job(small.TEXT, tmp_path_factory.mktemp(mode.name))
        runner = mode.prepare(job)
        found[mode.name] = (mode, job, runner, runner.evidence())
    return found


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_only_a_mode_s_own_evidence_engages_it(mode, prepared):
    for other, _, _, evidence in prepared.values():
        assert (mode.engaged(evidence) is None) == (mode is other), other.name
    assert mode.engaged({}) is not None


def test_fused_when_loaded_or_ahead_of_time(prepared):
    disabled, online, offline, int8 = (prepared[mode.name][3] for mode in MODES)
    assert disabled["fused"] == {}
    assert disabled["nodes"] == [disabled["file_nodes"]] * 2
    for evidence in (online, offline):
        assert evidence["fused"]["BiasGelu"] == 1
        assert evidence["nodes"][1] < evidence["nodes"][0]
    assert online["file_nodes"] == online["nodes"][0]
    assert offline["file_nodes"] == offline["nodes"][1]
    assert "nothing left" in ORT_ALL_OFFLINE.engaged({**offline, "level": "ORT_ENABLE_ALL"})
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
    kept = {f"{mode.name}.{end}" for end in ("onnx", "onnx.sha256", "json")}
    assert {path.name for path in first.folder.iterdir()} == kept


def test_exporters_leave_the_training_flag_alone(prepared):
    assert all(part.training for _, job, _, _ in prepared.values() for part in job.module.modules())


def test_int8_ships_fewer_bytes_than_float(tmp_path):
    from torch import nn

    model = replace(small.ROWS, build=small.seeded(lambda: nn.Linear(16, 4096)))
    sizes = {}
    for mode in (ORT_DISABLED_ONLINE, ORT_INT8_DYNAMIC):
        (tmp_path / mode.name).mkdir()
        sizes[mode] = mode.prepare(small.job(model, tmp_path / mode.name)).artifact_bytes
    assert sizes[ORT_INT8_DYNAMIC] < sizes[ORT_DISABLED_ONLINE] / 2


def test_convolutions_are_integer_too(tmp_path):
    job = small.job(small.IMAGE, tmp_path)
    runner = ORT_INT8_DYNAMIC.prepare(job)
    evidence = runner.evidence()
    assert evidence["fused"]["ConvInteger"] == 2
    assert evidence["exporter_failed"] == {}
    inputs = [job.model.inputs(9, 2, 50, False)]
    exact, _, _ = oracle.run(job.module, inputs)
    assert small.sqnr_db(exact, small.outputs(runner, inputs)) > 20


def test_nothing_to_fuse_is_not_engaged(tmp_path):
    from torch import nn

    model = replace(small.ROWS, build=lambda: nn.Sequential(nn.Tanh(), nn.Sigmoid()))
    evidence = ORT_ALL_ONLINE.prepare(small.job(model, tmp_path)).evidence()
    assert ORT_ALL_ONLINE.engaged(evidence) == "nothing was fused: 2 nodes before, 2 after"


def test_one_failing_exporter_is_named_and_the_other_used(tmp_path, monkeypatch):
    def export(model, module, example, path, by):
        if by == "dynamo":
            raise RuntimeError("no such operator\nand a long story")
        real(model, module, example, path, by)

    real = onnx_choice.export
    monkeypatch.setattr(onnx_choice, "export", export)
    evidence = ORT_DISABLED_ONLINE.prepare(small.job(small.TEXT, tmp_path)).evidence()
    assert evidence["exporter"] == "torchscript"
    assert evidence["exporter_failed"] == {"dynamo": "RuntimeError: no such operator"}
    assert evidence["exporter_median_s"] == {}


def test_both_failing_is_unsupported_with_both_reasons(tmp_path, monkeypatch):
    def export(model, module, example, path, by):
        path.write_bytes(b"torn")
        raise RuntimeError(f"{by} cannot")

    monkeypatch.setattr(onnx_choice, "export", export)
    with pytest.raises(Unsupported, match=r"dynamo cannot.*torchscript cannot"):
        ORT_DISABLED_ONLINE.prepare(small.job(small.TEXT, tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("dynamo_s", "torchscript_s", "chosen"),
    [(1.0, 2.0, "dynamo"), (1.01, 1.0, "dynamo"), (1.03, 1.0, "torchscript")],
)
def test_the_faster_is_kept_beyond_noise(dynamo_s, torchscript_s, chosen, tmp_path, monkeypatch):
    def export(model, module, example, path, by):
        real(model, module, example, path, "torchscript")  # the other takes a second

    real = onnx_choice.export
    monkeypatch.setattr(onnx_choice, "export", export)
    medians = {"dynamo": dynamo_s, "torchscript": torchscript_s}
    monkeypatch.setattr(onnx_choice, "_median_s", lambda job, candidates: medians)
    evidence = ORT_DISABLED_ONLINE.prepare(small.job(small.TEXT, tmp_path)).evidence()
    assert (evidence["exporter"], evidence["exporter_median_s"]) == (chosen, medians)


def test_threads_are_the_cell_s(prepared):
    from bench_core.runtimes.onnxruntime_session import open_session

    _, job, _, _ = prepared["ort_all_online"]
    path = job.folder / "ort_all_online.onnx"
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
