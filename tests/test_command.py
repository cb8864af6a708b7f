"""The command as a user types it: real sweeps in processes of their own."""

import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from bench_core.analysis.load import load

ROOT = Path(__file__).parent.parent
BENCH = Path(sys.executable).with_name("bench")


@pytest.fixture
def place(tmp_path):
    """A repository with nothing in it but the suite."""
    (tmp_path / "benchmarks").mkdir()
    suite = (ROOT / "benchmarks" / "bench_cells.py").read_text()
    (tmp_path / "benchmarks" / "bench_cells.py").write_text(suite)
    (tmp_path / "pytest.ini").write_text("[pytest]\npython_files = bench_*.py\n")
    return tmp_path


def bench(place, *arguments, **more):
    return subprocess.run(
        [BENCH, *arguments], cwd=place, capture_output=True, text=True, check=False, **more
    )


def saved(place):
    (path,) = (place / "results").glob("*.json")
    return path


QUICK = ["--models", "mlp", "--modes", "eager_inference_mode,torchscript_freeze,int8_dynamic"]


def test_a_sweep_prints_the_answer_and_saves_it(place):
    done = bench(place, "run", *QUICK, "--budget-s", "0.5")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"torchscript_freeze.*×.*left.*\[2/3\]", done.stdout)
    assert "mlp" in done.stdout and "speed-up" in done.stdout and "saved" in done.stdout
    results = load(saved(place))
    assert [record.status for record in results.cells] == ["ok"] * 3
    assert results.session["aa"]["dispatch"]["launches"] == 2
    assert not (place / "results" / ".journal" / "journal.jsonl").exists()
    compared = subprocess.run(
        [BENCH.with_name("pytest-benchmark"), "compare", saved(place)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "torchscript_freeze" in compared.stdout + compared.stderr, compared.stderr
    with np.load(saved(place).with_suffix(".raw.npz"), allow_pickle=False) as raw:
        record = results.cells[1]
        side = np.repeat(raw[f"{record.cell}/blocks"][:, 3], raw[f"{record.cell}/blocks"][:, 5])
        assert (side == 1).sum() == record.latency_s.samples


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--modes", "int8_dinamic"], "int8_dynamic"),
        (["--models", "minilm2"], "minilm"),
        (["--profile", "quick"], "smoke"),
        (["--lengths", "long"], "long"),
        (["--threads", "999"], "usable cores"),
        (["-k", "nothing_is_called_this"], ""),
    ],
)
def test_what_cannot_be_ends_with_2_before_anything_runs(place, arguments, says):
    done = bench(place, "run", *arguments)
    assert done.returncode == 2
    assert says in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert not (place / "results").exists()


def test_without_a_suite_it_says_what_is_missing(tmp_path):
    done = bench(tmp_path, "run")
    assert done.returncode == 2 and "benchmarks" in done.stderr


def test_ctrl_c_keeps_what_is_done_and_resume_runs_only_the_rest(place):
    arguments = [BENCH, "run", *QUICK, "--budget-s", "0.5"]
    process = subprocess.Popen(
        arguments, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    said = ""
    for line in process.stdout:
        said += line
        if "[1/3]" in line:
            process.send_signal(signal.SIGINT)
            break
    said += process.stdout.read()
    process.stdout.close()
    assert process.wait(60) == 130, said
    assert "--resume" in said
    first = load(saved(place))
    assert first.session["interrupted"] and len(first.cells) == 1
    saved(place).unlink()

    done = bench(place, "run", *QUICK, "--budget-s", "0.5", "--resume")
    assert done.returncode == 0, done.stdout
    again = load(saved(place))
    assert len(again.cells) == 3
    assert again.cells[0] == first.cells[0]  # to the last digit: it was not run again
    assert not again.session["interrupted"]


def test_two_at_once_are_refused_and_nothing_is_left_behind(place):
    first = subprocess.Popen(
        [BENCH, "run", "--models", "mlp"], cwd=place, stdout=subprocess.PIPE, text=True
    )
    for line in first.stdout:
        if "1/15]" in line:
            break
    second = bench(place, "run", *QUICK)
    first.kill()
    first.stdout.close()
    first.wait()
    assert second.returncode == 2
    assert str(first.pid) in second.stdout + second.stderr
    deadline = time.monotonic() + 5
    while orphans := _workers_of(place):
        assert time.monotonic() < deadline, orphans
        time.sleep(0.05)


def _workers_of(place: Path) -> list[str]:
    """Living processes that stand in `place`, ourselves aside."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
            if state != "Z" and (entry / "cwd").readlink() == place:
                found.append((entry / "cmdline").read_text())
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
    return found


def test_collecting_imports_no_framework(place):
    code = (
        "import sys, pytest; pytest.main(['benchmarks', '--collect-only', '-q']); "
        "print('FOUND', [m for m in ('torch', 'onnxruntime', 'transformers', 'onnx', 'sklearn') "
        "if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=place, capture_output=True, text=True, check=True
    )
    assert "60 tests collected" in done.stdout
    assert "FOUND []" in done.stdout


@pytest.mark.parametrize("verb", ["modes", "models"])
def test_lists(place, verb):
    done = bench(place, verb)
    assert done.returncode == 0
    assert ("int8_dynamic" if verb == "modes" else "minilm") in done.stdout


def test_the_noise_floor_is_shown_by_class(place):
    done = bench(place, "aa", "--models", "mlp", "--launches", "1")
    assert done.returncode == 0, done.stderr
    assert "dispatch: launch 1 of 1" in done.stdout and "pooled" in done.stdout


def test_the_cost_of_the_harness_is_shown(place):
    done = bench(place, "cost")
    assert done.returncode == 0 and "over a bare loop" in done.stdout


def test_the_options_stand_under_one_heading(place):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--help"],
        cwd=place, capture_output=True, text=True, check=True,
    )  # fmt: skip
    heading = done.stdout.index("duels between the ways to run a model")
    section = done.stdout[heading:].split("\n\n")[0]
    for option in ("models", "modes", "lengths", "batch", "reference", "threads", "budget-s"):
        assert f"--bench-{option}" in section
