"""The command as a user types it: real studies in processes of their own."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench_core.analysis.load import saved_runs
from bench_core.record import Record

BENCH = Path(sys.executable).with_name("bench")
QUICK = ["--modes", "torchscript_freeze", "--budget-s", "0.1"]


@pytest.fixture
def environment(plugin):
    """Where the models of misbehaving.py are found."""
    return {**os.environ, "PYTHONPATH": os.pathsep.join(plugin)}


def saved(place) -> tuple[Path, dict]:
    (path,) = (place / "results").glob("lengths_*.json")
    return path, json.loads(path.read_text())["lengths"]


def test_it_fits_every_mode_settles_flips_pads_and_saves_all(tmp_path, environment):
    asked = ["masked", *QUICK, "--lengths", "8,61,128,512", "--bucket", "8"]
    done = subprocess.run(
        [BENCH, "lengths", *asked],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"modes \[4/4, about .* left\] torchscript_freeze at 512 rows", done.stdout)
    path, found = saved(tmp_path)
    modes = ["eager_inference_mode", "torchscript_freeze"]
    assert list(found["curves"]) == modes
    records = [Record.from_json(one) for one in found["records"]]
    assert [record.status for record in records] == ["ok"] * 4
    for flip in found["flips"]:
        at = {flip["below"], round(flip["length"]), flip["above"]}
        assert [one["length"] for one in flip["meetings"]] == sorted(at), flip["reason"]
        assert f"{flip['first']} beats {flip['second']}" in done.stdout
    padding = {(one["mode"], one["length"]): one for one in found["padding"]}
    assert set(padding) == {(mode, n) for mode in modes for n in (8, 61, 128, 512)}
    for (_, length), one in padding.items():
        assert one["reason"] is None
        assert (one["cost"] is None) == (length != 61)
    assert "61→64" in done.stdout and "mean" in done.stdout
    assert found["session"]["aa"]["dispatch"]["launches"] == 2
    with np.load(path.with_suffix(".raw.npz"), allow_pickle=False) as raw:
        duels = {name.rpartition("/")[0] for name in raw.files}
    assert {record.cell for record in records} <= duels
    assert len(duels) == 4 + 2 + sum(len(flip["meetings"]) for flip in found["flips"])
    assert "</svg>" in path.with_suffix(".svg").read_text()
    assert saved_runs(tmp_path / "results") == []  # it is no run, and `compare` leaves it alone


def test_ctrl_c_ends_with_130_and_a_file_that_says_so(tmp_path):
    process = subprocess.Popen(
        [BENCH, "lengths", "mlp", *QUICK],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    said = ""
    for line in process.stdout:
        said += line
        if "A/A control" in line:
            process.send_signal(signal.SIGINT)
            break
    said += process.stdout.read()
    process.stdout.close()
    assert process.wait(60) == 130, said
    path, found = saved(tmp_path)
    assert found["interrupted"] == "SIGINT" and found["records"] == []
    assert "stopped by SIGINT" in said and str(path.relative_to(tmp_path)) in said
    assert not (tmp_path / "results" / ".journal-lengths").exists()


def test_what_cannot_be_ends_with_2_and_one_line(tmp_path):
    done = subprocess.run(
        [BENCH, "lengths", "mlp", "--lengths", "1,2,3"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.startswith("bench: expected at least 4 lengths")
    assert not (tmp_path / "results").exists()
