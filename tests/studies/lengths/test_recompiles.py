"""What torch.compile does as lengths change, counted in a process of its own."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench_core.studies.lengths.recompiles import ASKED, compile_pass

SCRIPT = Path(__file__).with_name("compile_over_lengths.py")


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compile")
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(folder)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def column(calls, name):
    return [call[name] for call in calls]


def test_by_default_the_second_length_compiles_again_and_the_third_does_not(found):
    assert column(found["default"], "frames") == [1, 1, 0]
    assert column(found["default"], "graphs_run") == [1, 1, 1]
    first, second, third = column(found["default"], "recompiles")
    assert (first, third) == ([], [])
    (reason,) = second
    assert "size mismatch at index 1. expected 7, actual 12" in reason


def test_dynamic_compiles_once(found):
    assert column(found["dynamic"], "frames") == [1, 0, 0]
    assert column(found["dynamic"], "recompiles") == [[], [], []]
    assert column(found["dynamic"], "graphs_run") == [1, 1, 1]


def test_past_the_recompile_limit_no_compiled_graph_runs(found):
    assert column(found["limited"], "frames") == [1, 0, 0]
    assert column(found["limited"], "graphs_run") == [1, 0, 0]


def test_what_takes_no_compiler_is_a_reason_and_no_crash(monkeypatch):
    monkeypatch.setenv("CXX", "/nonexistent/g++")
    (default, *_) = ASKED
    passed = compile_pass(default, "mlp", [1, 4], 1, 1)
    assert passed.calls == () and "nonexistent" in passed.reason
    monkeypatch.setattr("bench_core.studies.lengths.recompiles._LIMIT_S", 0.01)
    assert "within 0 s" in compile_pass(default, "mlp", [1, 4], 1, 1).reason
