"""What holds for every mode."""

import subprocess
import sys
from pathlib import Path

import pytest

from bench_core.discover import modes

ROOT = Path(__file__).parents[2]
CORE = {
    "eager_as_loaded",
    "eager_train",
    "eager_eval",
    "eager_no_grad",
    "eager_inference_mode",
    "channels_last",
    "compile_default",
    "torchscript_trace",
    "torchscript_freeze",
    "int8_dynamic",
    "bf16",
    "ort_disabled_online",
    "ort_all_online",
    "ort_all_offline",
    "ort_int8_dynamic",
}


def test_the_core_modes_are_found():
    assert set(modes()) >= CORE


def test_importing_every_mode_needs_no_framework():
    script = (
        "import sys\n"
        "for name in ('torch', 'onnxruntime', 'onnx', 'transformers', 'sklearn', 'torchao', "
        "'bitsandbytes'):\n"
        "    sys.modules[name] = None\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from bench_core.discover import modes; print(len(modes()))\n"
        "import bench_core.runtimes.oracle, bench_core.runtimes.onnx_choice\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= len(CORE)


@pytest.mark.parametrize("name", sorted(CORE))
def test_no_evidence_is_not_engaged(name):
    assert modes()[name].engaged({}) is not None
