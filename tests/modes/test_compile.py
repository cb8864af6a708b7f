"""compile_default is proved by the compiled graph that a call runs, and by its kernels."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench_core.modes.compile import COMPILE_DEFAULT

ROOT = Path(__file__).parents[2]

START = """
import json, sys, time
from dataclasses import replace
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import torch
from torch import nn
from bench_core.modes.compile import COMPILE_DEFAULT
from bench_core.runtimes import oracle
from tests.modes import small

model = replace(small.ROWS, build=small.seeded(lambda: nn.Sequential(nn.Tanh(), nn.Softmax(-1))))
job = small.job(model, Path(sys.argv[2]))
runner = COMPILE_DEFAULT.prepare(job)
inputs = [model.inputs(7, 1, 50, False)]
exact, _, _ = oracle.run(job.module, inputs)
print(json.dumps({
    "evidence": runner.evidence(),
    "sqnr_db": small.sqnr_db(exact, small.outputs(runner, inputs)),
}))
"""


def start(folder: Path, **environment: str) -> dict:
    import os

    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", START, str(ROOT), str(folder)],
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
        env={**os.environ, **environment},
    )
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.slow
def test_compiled_once_then_found_in_the_job_s_own_cache(tmp_path):
    cold = start(tmp_path)
    assert cold["evidence"]["cache_misses"] == 1
    assert (tmp_path / "inductor").is_dir()
    warm = start(tmp_path)
    assert (warm["evidence"]["cache_hits"], warm["evidence"]["cache_misses"]) == (1, 0)
    for found in (cold, warm):
        assert COMPILE_DEFAULT.engaged(found["evidence"]) is None
        assert found["evidence"]["aten"] == {}
        assert found["evidence"]["graphs_run"] == 1
        assert found["sqnr_db"] > 120


def test_a_disabled_compiler_is_not_engaged(tmp_path):
    found = start(tmp_path, TORCHDYNAMO_DISABLE="1")
    assert "captured none" in COMPILE_DEFAULT.engaged(found["evidence"])
    assert found["evidence"]["aten"] == {"aten::tanh": 1, "aten::softmax": 1}


ENGAGED = {"graphs": 1, "kernels": 3, "graphs_run": 1}


@pytest.mark.parametrize(
    ("lacking", "reason"),
    [
        ("graphs", "captured none"),
        ("kernels", "made none"),
        ("graphs_run", "ran none"),
    ],
)
def test_each_part_of_the_evidence_is_needed(lacking, reason):
    assert COMPILE_DEFAULT.engaged(ENGAGED) is None
    assert reason in COMPILE_DEFAULT.engaged({**ENGAGED, lacking: 0})


def test_one_process_per_length():
    assert not COMPILE_DEFAULT.any_shape
