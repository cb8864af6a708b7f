"""A user's own model from the command's line to its records, of each kind."""

import os
import subprocess
import sys
from pathlib import Path

import onnx
import pytest

from bench_core.analysis.load import load
from graphs import embedding

ROOT = Path(__file__).parents[2]
CODE = """
import torch
from torch import nn


def make():
    return nn.Sequential(nn.Linear(6, 9), nn.GELU(), nn.Linear(9, 3)), torch.randn(4, 6)
"""
MODES = "eager_inference_mode,torchscript_freeze,ort_disabled_online,ort_int8_dynamic"


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder of a user's, who has never seen this repository."""
    folder = tmp_path_factory.mktemp("place")
    (folder / "benchmarks").mkdir()
    suite = (ROOT / "benchmarks" / "bench_cells.py").read_text()
    (folder / "benchmarks" / "bench_cells.py").write_text(suite)
    (folder / "pytest.ini").write_text("[pytest]\npython_files = bench_*.py\n")
    (folder / "mine.py").write_text(CODE)
    onnx.save(embedding(), folder / "a net.onnx")
    _save_bert(folder / "bert")
    return folder


def _save_bert(folder):
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(vocab_size=60, max_position_embeddings=40, intermediate_size=16, **sizes)
    BertModel(config).save_pretrained(folder)


def run(place, *arguments):
    bench = Path(sys.executable).with_name("bench")
    return subprocess.run(
        [bench, "run", "--modes", MODES, *arguments],
        cwd=place,
        env={**os.environ, "XDG_CACHE_HOME": str(place / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize(
    ("model", "name", "oracle", "modules"),
    [
        ("mine:make", "make", "float64", True),
        ("./bert", "bert", "float64", True),
        ("a net.onnx", "a net", "unoptimised float32", False),
    ],
)
def test_each_kind_is_built_and_verified(place, model, name, oracle, modules):
    done = run(place, "--models", model, "--lengths", "16", "--budget-s", "0")
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = (place / "results").glob("*.json")
    results = load(path)
    path.unlink()
    found = {record.cell.split("|")[1]: record for record in results.cells}
    torch_modes = {found[mode].status for mode in ("eager_inference_mode", "torchscript_freeze")}
    assert torch_modes == ({"ok"} if modules else {"unsupported"})
    for mode in ("ort_disabled_online", "ort_int8_dynamic"):
        assert found[mode].status == "ok", found[mode].reason
        assert found[mode].fidelity.oracle == oracle
    assert results.session["models"][name]["weights"] == "given"
    assert results.session["models"][name]["place"] == model


def test_it_is_timed_against_what_it_can_run(place):
    modes = "ort_disabled_online,ort_int8_dynamic"
    done = run(place, "--models", "a net.onnx", "--modes", modes, "--lengths", "16",
               "--budget-s", "0.3")  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = (place / "results").glob("*.json")
    records = load(path).cells
    path.unlink()
    timed = [record for record in records if record.cell.split("|")[1].startswith("ort_")]
    assert {record.speedup.reference for record in timed} == {"ort_disabled_online"}
