"""What tables of words and flags can say that cannot be true, and what they can."""

import pytest

from bench_core.analysis.audit.rules.lossless import LOSSLESS
from bench_core.analysis.audit.rules.possible import POSSIBLE
from bench_core.analysis.audit.rules.provider import PROVIDER
from bench_core.analysis.audit.rules.training import TRAINING
from bench_core.analysis.audit.table import table


def found(rule, text: str) -> list[str]:
    return [finding.where for finding in rule.check(table(text)) if finding]


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("ort-cuda", "CUDAExecutionProvider"),
        ("ort-cuda", "cuda"),
        ("ort cuda", "GPU"),
        ("ORT (TensorRT)", "TensorrtExecutionProvider, CUDAExecutionProvider"),
        ("trt", "CUDA"),  # its device
        ("ort_directml", "DmlExecutionProvider"),
        ("openvino", "CPU"),
        ("xnnpack", "cpu"),
        ("eager_cpu", "CPU"),
        ("cpu", "OpenVINOExecutionProvider"),
        ("ort-cuda against cpu", "CPUExecutionProvider"),
        ("ort_all_online", "CPUExecutionProvider"),
        ("resnet", "whatever"),
        ("cuda", "H100"),
    ],
)
def test_providers_that_can_stand_beside_the_name(name, provider):
    assert found(PROVIDER, f'name,provider\n{name},"{provider}"') == []


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("ort-cuda", "CPUExecutionProvider"),
        ("ort-cuda", "CPU"),
        ("ort_trt", "CUDAExecutionProvider"),
        ("ort_tensorrt", "cpu"),
        ("openvino", "CPUExecutionProvider"),
        ("openvino", "CUDAExecutionProvider"),
        ("ort-cuda", "OpenVINO"),
        ("ort_cpu", "CUDAExecutionProvider"),
        ("dml", "ROCMExecutionProvider"),
    ],
)
def test_providers_that_cannot(name, provider):
    assert found(PROVIDER, f"name,provider\n{name},{provider}")


@pytest.mark.parametrize(
    ("column", "possible", "impossible"),
    [
        ("batch", ["1", "8", "1024"], ["0", "-1", "2.5"]),
        ("latency_ms", ["0.0", "0.1"], ["-1", "-0.1"]),
        ("throughput", ["0", "5"], ["-3"]),
        ("power_w", ["0", "12"], ["-2"]),
        ("energy_mwh", ["0.0"], ["-0.1"]),
        ("accuracy", ["0", "100.0", "0.5 %"], ["-1", "101", "100.2"]),
        ("f1", ["1.0"], ["-0.1", "130%"]),
    ],
)
def test_quantities_shares_and_counts(column, possible, impossible):
    for value in (*possible, *impossible):
        assert bool(found(POSSIBLE, f"{column}\n{value}")) == (value in impossible), value


@pytest.mark.parametrize(
    ("rows", "where"),
    [
        ("eager,yes\nfast,no", ["row 2 (eager)"]),
        ("fast,no\nthe baseline,yes\nfaster,no", ["row 3 (the baseline)"]),
        ("train,yes\nreference,no\nfast,no", []),  # shown, but nobody's baseline
        ("eager,yes\nfast,yes", []),  # a table of training
        ("eager,yes", []),
        ("eager,\nfast,no", []),
    ],
)
def test_the_baseline_that_trains(rows, where):
    assert found(TRAINING, f"name,training\n{rows}") == where


@pytest.mark.parametrize(
    ("rows", "where"),
    [
        ("a,no,93.2\nb,no,93.1\nc,no,92.9", ["row 4 (c)"]),
        ("a,yes,91\nb,no,93.2\nc,no,93.2", []),
        ("a,no,93\nb,no,93.4", []),  # 93 is 92.5 to 93.5
        ("a,,93.2\nb,no,91.0", []),
    ],
)
def test_lossless_rows_have_one_score(rows, where):
    assert found(LOSSLESS, f"name,lossy,accuracy\n{rows}") == where
