"""The chain against PyTorch's own GELU, what serves every length, and that it can be fused."""

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bench_core.models.pointwise import POINTWISE
from bench_core.modes.ort import ORT_ALL_ONLINE, ORT_DISABLED_ONLINE
from bench_core.runtimes import oracle
from bench_core.runtimes.onnx_export import EXPORTERS, Exporter, export
from tests.modes.small import job

EPSILON = np.finfo(np.float32).eps


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 200), st.integers(1, 4), st.integers(0, 2**32 - 1))
def test_it_is_three_tanh_gelus_scaled_and_shifted(length: int, batch: int, seed: int) -> None:
    (x,) = POINTWISE.inputs(length, batch, seed, False)
    module = POINTWISE.build()
    expected = torch.from_numpy(x).double()
    for stage in module.double().children():
        gelu = nn.functional.gelu(expected, approximate="tanh")
        expected = gelu * stage.scale + stage.shift
    (exact,), name, _ = oracle.run(POINTWISE.build(), [(x,)])
    assert name == "float64"
    # Values below 64, ten roundings a stage; PyTorch takes the constants from C.
    np.testing.assert_allclose(exact, expected.detach().numpy(), rtol=0, atol=1e-12)


@given(st.integers(1, 100), st.integers(0, 99), st.integers(0, 15), st.integers(0, 2**32 - 1))
def test_each_element_is_on_its_own(length: int, at: int, channel: int, seed: int) -> None:
    (x,) = POINTWISE.inputs(length, 1, seed, False)
    changed = x.copy()
    changed[0, channel, at % length] += 1
    module = POINTWISE.build()
    with torch.no_grad():
        y, z = (module.double()(torch.from_numpy(one).double()) for one in (x, changed))
    assert torch.nonzero(y != z).tolist() in ([[0, channel, at % length]], [])


def test_no_product_is_counted_in_it() -> None:
    assert oracle.flops(POINTWISE.build(), POINTWISE.inputs(16, 1, 0, False)) == 0


def test_lengths_reach_from_one_page_to_beyond_every_l2() -> None:
    byte_counts = [POINTWISE.inputs(length, 1, 0, False)[0].nbytes for length in POINTWISE.lengths]
    assert byte_counts[0] <= 4096
    assert byte_counts[-1] >= 4 * 2**21  # no core of today has more than 2 MiB


def test_weights_differ_by_channel_and_stage_and_are_the_same_each_time() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, again = POINTWISE.build().state_dict(), POINTWISE.build().state_dict()
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[name], again[name]) for name in first)
    values = torch.cat([value.flatten() for value in first.values()])
    assert len(values.unique()) == len(values) == 2 * 3 * 16


@pytest.mark.parametrize("how", ["trace", "script"])
@pytest.mark.filterwarnings(r"ignore:`torch\.jit\..*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:.* is deprecated:FutureWarning")
def test_a_trace_and_a_script_serve_every_length_and_batch(how: str) -> None:
    module = POINTWISE.build().eval()
    (x,) = map(torch.from_numpy, POINTWISE.inputs(16, 2, 0, False))
    with torch.no_grad():
        make = torch.jit.script if how == "script" else lambda given: torch.jit.trace(given, x)
        made = make(module)
        for length, batch in ((1, 1), (7, 3), (1024, 1)):
            (x,) = map(torch.from_numpy, POINTWISE.inputs(length, batch, 1, False))
            # Values below 64; a fuser may round in another order, ten times a stage.
            assert (made(x) - module(x)).abs().max() <= 30 * 64 * EPSILON


@pytest.mark.parametrize("by", EXPORTERS)
def test_either_exporter_leaves_batch_and_length_free(tmp_path: Path, by: Exporter) -> None:
    # It checks that itself.
    example = POINTWISE.inputs(16, 2, 0, False)
    export(POINTWISE, POINTWISE.build(), example, tmp_path / "pointwise.onnx", by)
    assert (tmp_path / "pointwise.onnx").stat().st_size > 4 * 2 * 3 * 16


def test_onnx_runtime_knows_all_three_and_fuses_them(tmp_path: Path) -> None:
    for mode, fused in ((ORT_ALL_ONLINE, 3), (ORT_DISABLED_ONLINE, 0)):
        folder = tmp_path / mode.name
        folder.mkdir()
        runner = mode.prepare(job(POINTWISE, folder, length=16))
        runner.call(runner.feed(POINTWISE.inputs(16, 1, 0, False)))
        assert runner.evidence()["fused"].get("FastGelu", 0) == fused
