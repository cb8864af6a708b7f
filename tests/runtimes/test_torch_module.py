"""What is shipped is named by content; casts leave the original alone."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bench_core.runtimes.torch_module import cast_copy, feed, read
from bench_core.runtimes.torch_state import measure, shipped
from tests.modes import small

ROOT = Path(__file__).parents[2]


@settings(max_examples=50, deadline=None)
@given(
    hnp.arrays(
        st.sampled_from([np.dtype(np.float32), np.dtype(np.int64)]),
        hnp.array_shapes(max_dims=4, max_side=4),
        elements=st.integers(-(2**20), 2**20),
    )
)
def test_feed_then_read_is_the_array_and_shares_no_memory(array):
    array.setflags(write=False)
    (tensor,) = feed((array,))
    (back,) = read(tensor)
    np.testing.assert_array_equal(back, array)
    back += 1
    np.testing.assert_array_equal(read(tensor)[0], array)
    assert back.dtype == np.float64


def test_feed_casts_only_what_floats():
    import torch

    ids, x = feed((np.arange(3), np.ones(3, np.float32)), torch.bfloat16)
    assert (ids.dtype, x.dtype) == (torch.int64, torch.bfloat16)


def test_cast_copy_is_what_module_to_does_and_keeps_ties():
    import torch
    from torch import nn

    module = small.IMAGE.build()
    module.tied = nn.Linear(8, 5)
    module.tied.weight = module.classify.weight
    cast = cast_copy(module, torch.bfloat16)
    assert cast.tied.weight is cast.classify.weight
    for name, value in module.state_dict().items():
        assert value.dtype != torch.bfloat16
        right = value.bfloat16() if value.is_floating_point() else value
        assert torch.equal(cast.state_dict()[name], right)
        assert cast.state_dict()[name].dtype == right.dtype


@pytest.mark.parametrize("model", [small.TEXT, small.IMAGE], ids=lambda model: model.name)
def test_bytes_are_those_that_torch_save_writes(model):
    import torch

    module = model.build()
    file = io.BytesIO()
    torch.save(module.state_dict(), file)
    assert measure(module)[0] == file.getbuffer().nbytes


def test_the_digest_names_the_content():
    import torch

    module = small.IMAGE.build()
    digest = measure(module)[1]
    assert measure(small.IMAGE.build())[1] == digest
    with torch.no_grad():
        module.classify.weight[0, 0] = torch.nextafter(
            module.classify.weight[0, 0], torch.tensor(9.0)
        )
    assert measure(module)[1] != digest


def test_the_digest_is_another_process_s_too():
    script = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.modes import small; from bench_core.runtimes.torch_state import measure\n"
        "print(measure(small.TEXT.build())[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.strip() == measure(small.TEXT.build())[1]


def test_shipped_is_measured_once_per_folder(tmp_path):
    module = small.ROWS.build()
    assert shipped(module, tmp_path) == measure(module)
    assert shipped(None, tmp_path) == measure(module)
