"""`bench graph`: two pictures and a table, or one line and 2."""

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.onnx_graph.judge import parse

BENCH = Path(sys.executable).with_name("bench")
CONV = parse(
    "c = Conv(x, w) y = Relu(c)",
    inputs="float[1,1,4,4] x", outputs="float[1,1,4,4] y", weights="float[1,1,1,1] w = {2}",
)  # fmt: skip


def bench(folder, *arguments):
    return subprocess.run(
        [BENCH, "graph", *arguments], cwd=folder, capture_output=True, text=True, check=False
    )


def text_of(path):
    return "".join(ET.parse(path).getroot().itertext())


def test_a_file_alone_is_shown_as_onnx_runtime_fuses_it(tmp_path):
    onnx.save(CONV, tmp_path / "net.onnx")
    done = bench(tmp_path, "net.onnx")
    assert done.returncode == 0, done.stderr
    assert "net.before.svg: net.onnx, 2 nodes, 2 gone" in done.stdout
    assert "net.after.svg: net.onnx at ORT_ENABLE_EXTENDED, 1 nodes, 1 new" in done.stdout
    assert "FusedConv" in done.stdout and "Relu" in done.stdout
    assert "Relu" in text_of(tmp_path / "net.before.svg")
    assert "com.microsoft.FusedConv" in text_of(tmp_path / "net.after.svg")
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "net.after.svg", "net.before.svg", "net.onnx",
    ]  # fmt: skip


def test_two_files_are_shown_as_they_are(tmp_path):
    (tmp_path / "there").mkdir()
    onnx.save(CONV, tmp_path / "there" / "net.onnx")
    onnx.save(parse("c = Neg(x) y = Other(c)"), tmp_path / "custom.onnx")
    done = bench(tmp_path, "there/net.onnx", "custom.onnx")
    assert done.returncode == 0, done.stderr
    assert "Other" in text_of(tmp_path / "custom.after.svg")
    assert (tmp_path / "net.before.svg").exists()


def test_a_graph_that_is_left_alone_is_said_to_be(tmp_path):
    onnx.save(parse("y = Neg(x)"), tmp_path / "net.onnx")
    assert "both have the same nodes" in bench(tmp_path, "net.onnx").stdout


def test_weights_beside_the_file_are_found_and_not_copied_here(tmp_path):
    proto = onnx.ModelProto.FromString(CONV.SerializeToString())
    weight = np.full((1, 1, 1, 1), 2, np.float32)  # in bytes, which can lie beside
    proto.graph.initializer[0].CopyFrom(onnx.numpy_helper.from_array(weight, "w"))
    onnx.save(
        proto, tmp_path / "net.onnx",
        save_as_external_data=True, location="w.bin", size_threshold=0,
    )  # fmt: skip
    assert bench(tmp_path, "net.onnx").returncode == 0
    assert {path.suffix for path in tmp_path.iterdir()} == {".onnx", ".bin", ".svg"}


@pytest.mark.parametrize(
    ("name", "says"),
    [("missing.onnx", "found nothing"), ("text.onnx", "expected an ONNX graph"),
     ("custom.onnx", "Other")],
)  # fmt: skip
def test_what_cannot_be_ends_with_2(tmp_path, name, says):
    (tmp_path / "text.onnx").write_text("this is no graph\n")
    onnx.save(parse("y = Other(x)"), tmp_path / "custom.onnx")
    done = bench(tmp_path, name)
    assert done.returncode == 2 and says in done.stderr
    assert "Traceback" not in done.stderr and done.stderr.count("\n") == 1
    assert not list(tmp_path.glob("*.svg"))


def test_names_from_a_file_do_not_move_the_cursor(tmp_path):
    proto = parse("y = Neg(x)")
    proto.graph.node[0].op_type = "\x1b[2J[red]<script>"
    onnx.save(proto, tmp_path / "net.onnx")
    onnx.save(proto, tmp_path / "twin.onnx")
    done = bench(tmp_path, "net.onnx", "twin.onnx")
    assert done.returncode == 0, done.stderr
    assert "\x1b[2J" not in done.stdout and r"\x1b[2J[red]<script>" in done.stdout
    ET.parse(tmp_path / "net.before.svg")
