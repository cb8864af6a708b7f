"""`bench explain` as a user types it."""

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from bench_core.analysis.explain.families import DISPATCH
from bench_core.analysis.load import saved_runs

BENCH = Path(sys.executable).with_name("bench")
MODES = "eager_inference_mode", "ort_disabled_online"


def explain(folder, *arguments):
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    return subprocess.run(
        [BENCH, "explain", *arguments], cwd=folder, env=environment, capture_output=True, text=True,
        check=False,
    )  # fmt: skip


def test_it_says_where_the_time_goes_and_saves_it(tmp_path):
    done = explain(tmp_path, "mlp", "1", *MODES, "--budget-s", "0.5", "--threads", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = (tmp_path / "results").glob("explain_*.json")
    found = json.loads(file.read_text())
    # Python and torch's dispatch are what a net of 12,000 weights spends its time on.
    assert found["sentence"] in " ".join(done.stdout.split())
    said = "ort_disabled_online is .+ faster than eager_inference_mode .+: it saves .+"
    assert re.search(said, found["sentence"]), found["sentence"]
    explained = found["explanation"]
    parts = {part["name"]: part["b_s"] - part["a_s"] for part in explained["parts"]}
    assert parts[DISPATCH] < 0
    total_s = math.fsum([*parts.values(), explained["unexplained_s"]])
    assert total_s == pytest.approx(explained["times"]["difference_s"]["value"], rel=1e-9)
    sides = found["a"], found["b"]
    profilers = [side["profile"]["profiler"] for side in sides]
    assert profilers == ["torch.profiler", "ONNX Runtime's profile"]
    assert [side["not_engaged"] for side in sides] == [None, None]
    assert found["roofline"]["a"]["dtype"] == "float32" and found["roofline"]["layers"]
    assert found["session"]["threads"] == 1 and "1 thread," not in done.stdout
    ET.parse(file.with_suffix(".svg"))
    assert saved_runs(tmp_path / "results") == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["mlpp", "1", *MODES], "did you mean mlp"),
        (["mlp", "1", "eager_inference_mode", "ort_disable_online"], "ort_disabled_online"),
        (["mlp", "0", *MODES], "from 1 up"),
        (["mlp", "one", *MODES], "valid integer"),
        (["mlp", "1", MODES[0], MODES[0]], "expected two modes"),
        (["mlp", "1", "eager_inference_mode,bf16", "bf16"], "no mode is called"),
    ],
)
def test_what_cannot_be_ends_with_2_before_anything_runs(tmp_path, arguments, says):
    done = explain(tmp_path, *arguments)
    assert done.returncode == 2
    assert says in done.stderr + done.stdout
    assert not (tmp_path / "results").exists()
