"""From nothing to the first output, in interpreters that are really fresh."""

import pytest

from bench_core.cell import Cell
from bench_core.duel.contender import Contender
from bench_core.duel.probe import measure_imports, probe
from bench_core.duel.zygote import Zygote
from bench_core.errors import WorkerCrashed
from bench_core.hardware.cpu import usable_cores


@pytest.mark.parametrize(
    ("mode", "framework"),
    [("ort_disabled_online", "onnxruntime"), ("torchscript_freeze", "torch")],
)
def test_a_finished_artefact_needs_its_own_runtime_alone(tmp_path, mode, framework):
    cell = Cell("mlp", mode, 1, threads=1)
    with (
        Zygote(["torch"]) as zygote,
        Contender(zygote, cell, tmp_path, usable_cores()[:1]).await_start(),
    ):
        pass  # its artefact is in the folder now
    reading = probe(cell, tmp_path, [framework])
    assert reading["frameworks"] == [framework]
    assert reading["load_s"] == 0.0
    assert reading["import_s"] > 0 and reading["build_s"] > 0 and reading["first_call_s"] > 0
    assert reading["peak_rss_bytes"] > 20e6


def test_what_a_fresh_interpreter_says_when_it_fails_is_told(tmp_path):
    with pytest.raises(WorkerCrashed, match="no_such_framework"):
        measure_imports(["no_such_framework"], launches=1)


def test_imports_are_measured_as_often_as_asked():
    found = measure_imports(["json", "decimal"], launches=3)
    assert len(found.seconds) == 3 and all(0 < seconds < 60 for seconds in found.seconds)
    assert found.rss_bytes > 1e6
