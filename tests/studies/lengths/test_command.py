"""The command as a user types it: real studies in processes of their own."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np

from bench_core.analysis.load import saved_runs
from bench_core.record import Record

BENCH = Path(sys.executable).with_name("bench")
QUICK = ["--modes", "torchscript_freeze,ort_disabled_online", "--budget-s", "0.2"]


def bench(place, *arguments):
    return subprocess.run(
        [BENCH, "lengths", *arguments], cwd=place, capture_output=True, text=True, check=False
    )


def saved(place) -> tuple[Path, dict]:
    (path,) = (place / "results").glob("lengths_*.json")
    return path, json.loads(path.read_text())["lengths"]


def test_it_fits_every_mode_settles_the_flips_and_saves_all(tmp_path):
    done = bench(tmp_path, "mlp", *QUICK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"modes \[8/8, about .* left\] ort_disabled_online at 64 rows", done.stdout)
    path, found = saved(tmp_path)
    modes = ["eager_inference_mode", "torchscript_freeze", "ort_disabled_online"]
    assert list(found["curves"]) == modes
    records = [Record.from_json(one) for one in found["records"]]
    assert [record.status for record in records] == ["ok"] * 8
    for flip in found["flips"]:
        assert [one["length"] for one in flip["meetings"]] == sorted(
            {flip["below"], round(flip["length"]), flip["above"]}
        )
        assert f"{flip['first']} beats {flip['second']}" in done.stdout
    assert found["session"]["aa"]["dispatch"]["launches"] == 2
    with np.load(path.with_suffix(".raw.npz"), allow_pickle=False) as raw:
        duels = {name.rpartition("/")[0] for name in raw.files}
    assert {record.cell for record in records} <= duels
    assert len(duels) == 8 + sum(len(flip["meetings"]) for flip in found["flips"])
    assert "</svg>" in path.with_suffix(".svg").read_text()
    assert saved_runs(tmp_path / "results") == []  # it is no run, and `compare` leaves it alone


def test_a_users_encoder_is_padded_to_buckets(tmp_path):
    import torch
    from transformers import BertConfig, BertModel

    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = BertConfig(vocab_size=60, max_position_embeddings=40, intermediate_size=16, **sizes)
    BertModel(config).save_pretrained(tmp_path / "bert")
    asked = ["--modes", "torchscript_freeze", "--lengths", "8,13,20,24", "--bucket", "8"]
    done = bench(tmp_path, "./bert", *asked, "--budget-s", "0.2")
    assert done.returncode == 0, done.stdout + done.stderr
    _, found = saved(tmp_path)
    padding = {(one["mode"], one["length"]): one for one in found["padding"]}
    assert len(padding) == 2 * 4
    for (_, length), one in padding.items():
        assert one["reason"] is None
        assert one["padded"] == {8: 8, 13: 16, 20: 24, 24: 24}[length]
        assert (one["cost"] is None) == (length in (8, 24))
    assert "13→16" in done.stdout and "mean" in done.stdout


def test_ctrl_c_keeps_what_is_done(tmp_path):
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
        if "modes [3/8" in line:
            process.send_signal(signal.SIGINT)
            break
    said += process.stdout.read()
    process.stdout.close()
    assert process.wait(60) == 130, said
    path, found = saved(tmp_path)
    assert found["interrupted"] == "SIGINT" and len(found["records"]) == 2
    assert "stopped by SIGINT" in said and str(path.relative_to(tmp_path)) in said
    assert not (tmp_path / "results" / ".journal-lengths").exists()


def test_what_cannot_be_ends_with_2_and_one_line(tmp_path):
    done = bench(tmp_path, "mlp", "--lengths", "1,2,3")
    assert done.returncode == 2
    assert done.stderr.startswith("bench: expected at least 4 lengths")
    assert not (tmp_path / "results").exists()


def test_without_a_second_curve_it_ends_with_1_and_says_why(tmp_path):
    done = bench(tmp_path, "mlp", "--modes", "channels_last", "--budget-s", "0.2")
    assert done.returncode == 1
    assert "unsupported" in done.stdout and "channels_last" in done.stdout
    assert saved(tmp_path)[1]["curves"] == {}
