"""AOTInductor's package holds machine code, and runs it without Dynamo."""

import os
import zipfile

import numpy as np
import pytest

from bench_core.modes.aot_inductor import AOT_INDUCTOR
from tests.modes import small
from tests.modes.compile_start import models
from tests.modes.test_compile import start


@pytest.fixture(scope="module")
def starts(tmp_path_factory):
    """A cold start and a warm one, and their folder."""
    folder = tmp_path_factory.mktemp("aot")
    return start("aot_inductor", "rows", folder), start("aot_inductor", "rows", folder), folder


def test_engaged_right_and_alone(starts):
    for one in starts[:2]:
        assert one["engaged"] is None
        # Float32 of two sums of 16 and 64 terms: 24 bits less 4 is 120 dB.
        assert one["sqnr_db"] > 120
        assert one["left"] == []


def test_a_package_runs_without_dynamo_and_without_the_module(starts):
    cold, warm, _ = starts
    assert [one["built_module"] for one in (cold, warm)] == [True, False]
    assert warm["imported"] == []
    assert "torch._dynamo" in cold["imported"]
    assert warm["recompiled_for_another_length"] == 0


def test_what_is_shipped_is_a_library(starts):
    _, warm, folder = starts
    path = folder / "aot_inductor.pt2"
    with zipfile.ZipFile(path) as package:
        (library,) = [one for one in package.infolist() if one.filename.endswith(".so")]
        assert package.read(library)[:4] == b"\x7fELF"
    assert warm["bytes"] == path.stat().st_size
    assert warm["evidence"]["library_bytes"] == library.file_size
    # What it was unpacked to is gone: a worker that is killed leaves nothing.
    assert warm["unpacked"] == []
    assert warm["files"] == ["aot_inductor.pt2", "aot_inductor.pt2.sha256", "inductor"]


def test_a_call_runs_the_library_s_kernels(starts):
    evidence = starts[1]["evidence"]
    assert (evidence["libraries"], evidence["loaded"]) == (1, 1)
    assert evidence["kernels"] == 1
    assert not {"aten::tanh", "aten::linear"} & set(evidence["operators"])


def test_the_loader_trusts_the_strides_so_feed_makes_them(starts):
    import torch

    before = os.environ.get("TMPDIR")
    runner = AOT_INDUCTOR.prepare(small.job(small.unbuildable(models()["rows"]), starts[2]))
    assert os.environ.get("TMPDIR") == before
    (array,) = small.row_inputs(small.WIDTH, 2, 50, False)
    strided = np.ascontiguousarray(array.swapaxes(1, 2)).swapaxes(1, 2)
    found, right = small.outputs(runner, [(strided,), (array,)])
    np.testing.assert_array_equal(found, right)
    unfed = torch.from_numpy(strided)
    assert not unfed.is_contiguous()
    assert not np.allclose(runner.read(runner.call((unfed,)))[0], right)


ENGAGED = {"loaded": 1, "kernels": 3}


@pytest.mark.parametrize("lacking", ["loaded", "kernels"])
def test_each_part_of_the_evidence_is_needed(lacking):
    assert AOT_INDUCTOR.engaged(ENGAGED) is None
    assert AOT_INDUCTOR.engaged({**ENGAGED, lacking: 0}) is not None
    assert AOT_INDUCTOR.engaged({}) is not None
