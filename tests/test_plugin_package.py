"""A package of somebody else's with a model and a mode: installed, used, deleted, broken."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench_core.analysis.load import load

ROOT = Path(__file__).parent.parent
BENCH = Path(sys.executable).with_name("bench")

PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"

[project]
name = "their-bench"
version = "1.0"

[project.entry-points."bench_core.models"]
their_model = "their_bench:THEIR_MODEL"

[project.entry-points."bench_core.modes"]
their_mode = "their_bench:THEIR_MODE"

[tool.setuptools]
packages = ["their_bench"]
"""

CODE = '''\
"""A model and a mode that bench_core does not have."""

from dataclasses import replace
from pathlib import Path

from bench_core.models.mlp import MLP
from bench_core.modes.eager import EAGER_INFERENCE_MODE


def build():
    from torch import nn

    return nn.Linear(32, 16)


def prepare(job):
    runner = EAGER_INFERENCE_MODE.prepare(job)
    return replace(runner, evidence=lambda: {"theirs": type(job.module).__name__})


THEIR_MODEL = replace(
    MLP, name="their_model", summary="theirs", build=build, files=lambda: (Path(__file__),)
)
THEIR_MODE = replace(
    EAGER_INFERENCE_MODE,
    name="their_mode",
    summary="as they run it",
    prepare=prepare,
    engaged=lambda evidence: None if evidence.get("theirs") else "not theirs",
)
'''


def bench(place: Path, site: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, as it runs where `site` is on the path; tables uncut."""
    environment = {**os.environ, "PYTHONPATH": str(site), "COLUMNS": "200"}
    return subprocess.run(
        [BENCH, *arguments],
        cwd=place, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A repository with nothing in it but the suite."""
    (tmp_path / "benchmarks").mkdir()
    shutil.copy(ROOT / "benchmarks" / "bench_cells.py", tmp_path / "benchmarks")
    (tmp_path / "pytest.ini").write_text("[pytest]\npython_files = bench_*.py\n")
    return tmp_path


@pytest.fixture
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where pip put the package, which it built, without a network, from its project."""
    project, site = tmp_path_factory.mktemp("project"), tmp_path_factory.mktemp("site")
    (project / "their_bench").mkdir()
    (project / "their_bench" / "__init__.py").write_text(CODE)
    (project / "pyproject.toml").write_text(PROJECT)
    pip = [sys.executable, "-m", "pip", "install", "--no-index", "--no-build-isolation"]
    subprocess.run([*pip, "--no-deps", "--target", site, project], check=True, capture_output=True)
    return site


def lists(place: Path, site: Path) -> dict[str, str]:
    found = {}
    for verb in ("models", "modes"):
        done = bench(place, site, verb)
        assert done.returncode == 0, done.stderr
        found[verb] = done.stdout
    return found


def test_an_installed_package_s_model_and_mode_run_and_can_be_deleted(
    place: Path, installed: Path
) -> None:
    said = lists(place, installed)
    assert re.search(r"their_model .* theirs", said["models"])
    assert re.search(r"their_mode .* as they run it", said["modes"])

    request = ["run", "--models", "their_model", "--modes", "their_mode", "--lengths", "1"]
    done = bench(place, installed, *request, "--budget-s", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = (place / "results").glob("*.json")
    (record,) = load(path).cells
    assert (record.status, record.engaged) == ("ok", True)
    assert record.evidence == {"theirs": "Linear"}
    assert record.cell.startswith("their_model|their_mode|length=1|")

    shutil.rmtree(installed)
    said = lists(place, installed)
    assert "their_m" not in said["models"] + said["modes"]
    done = bench(place, installed, *request)
    assert done.returncode == 2
    assert "no model is called 'their_model'; " in " ".join(done.stderr.split())
    done = bench(place, installed, "run", "--models", "mlp", "--modes", "their_mode")
    assert done.returncode == 2
    assert "no mode is called 'their_mode'; " in " ".join(done.stderr.split())


BROKEN = {
    "no such module": ("anything = gone:ANYTHING", "No module named 'gone'"),
    "no such name": ("anything = broken:GONE", "has no attribute 'GONE'"),
    "an import that fails": ("anything = fails:ANYTHING", "ValueError: first line);"),
    "something else": ("anything = broken:NUMBER", "must name a M"),
    "another name": ("anything = bench_core.models.mlp:MLP", "must name a M"),
}


@pytest.mark.parametrize("verb", ["models", "modes"])
@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_entry_point_is_one_clear_line_that_names_its_package(
    tmp_path: Path, kind: str, verb: str
) -> None:
    line, says = BROKEN[kind]
    info = tmp_path / "their_bench-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: their-bench\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[bench_core.{verb}]\n{line}\n")
    (tmp_path / "broken.py").write_text("NUMBER = 1\n")
    (tmp_path / "fails.py").write_text("raise ValueError('first line\\nsecond line')\n")
    done = bench(tmp_path, tmp_path, verb)
    assert done.returncode == 2
    assert done.stdout == ""
    said = done.stderr.strip()
    assert "'anything'" in said and says in said and "pip uninstall their-bench" in said
    assert "\n" not in said
