"""In every mode, how the inputs lie in memory makes no difference to the outputs.

Equal bit by bit, and it can be: `feed` hands the model tensors or arrays of its own whose values
are the same, and the same code runs on them. A mode that quantises or rounds does so to the same
values. Only where two calls on the very same arrays differ (a sum whose order depends on which
thread comes first) is there noise to allow for, and then no more than those two calls showed.
"""

import numpy as np
import pytest

from bench_core.discover import modes
from bench_core.errors import Unavailable, Unsupported
from tests.modes import small

MODES = {name: mode for name, mode in modes().items() if not mode.stochastic}
MODEL = {"channels_last": small.IMAGE}
"""What a mode runs that cannot take rows."""


def transposed(array):
    """The same values, the last axis outermost in memory."""
    return np.moveaxis(np.ascontiguousarray(np.moveaxis(array, -1, 0)), 0, -1)


def expanded(array):
    """One item, repeated without being copied: stride 0."""
    return np.broadcast_to(array[:1], array.shape)


def reversed_(array):
    """The same values, every axis run through backwards: negative strides."""
    back = (slice(None, None, -1),) * array.ndim
    return np.ascontiguousarray(array[back])[back]


def sliced(array):
    """The same values, as every other one of a larger array, after its first few bytes."""
    larger = np.full([2 * size + 1 for size in array.shape], 7, array.dtype)
    view = larger[(slice(1, None, 2),) * array.ndim]
    view[...] = array
    return view


def read_only(array):
    array = array.copy()
    array.setflags(write=False)
    return array


LAYOUTS = {
    "transposed": transposed,
    "expanded": expanded,
    "reversed": reversed_,
    "sliced": sliced,
    "read_only": read_only,
}


@pytest.fixture(scope="module")
def runner_of(tmp_path_factory):
    """A mode's runner for a batch of 2, made once; what it raises is raised each time."""
    made = {}
    together = tmp_path_factory.mktemp("layouts")

    def make(name):
        for package in MODES[name].requires:
            pytest.importorskip(package)  # the cell is then skipped as well
        if name not in made:
            model = MODEL.get(name, small.ROWS)
            folder = together / name
            folder.mkdir()
            job = small.job(model, folder, batch=2)
            try:
                made[name] = (job, MODES[name].prepare(job))
            except (Unavailable, Unsupported) as error:
                made[name] = error
        if isinstance(made[name], Exception):
            pytest.skip(str(made[name]))
        return made[name]

    return make


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", sorted(MODES))
def test_outputs_are_those_of_the_contiguous_copies(name, layout, runner_of):
    job, runner = runner_of(name)
    inputs = tuple(map(LAYOUTS[layout], job.model.inputs(7, 2, 50, False)))
    contiguous = tuple(np.array(array, order="C") for array in inputs)
    before = [array.copy() for array in inputs]
    expected, again, found = (
        small.outputs(runner, [item]) for item in (contiguous, contiguous, inputs)
    )
    for right, repeated, output in zip(expected, again, found, strict=True):
        assert output.shape == right.shape and np.isfinite(right).all() and right.any()
        noise = np.abs(repeated - right).max()
        np.testing.assert_allclose(output, right, rtol=0, atol=noise)
    for array, was in zip(inputs, before, strict=True):
        np.testing.assert_array_equal(array, was)  # nor are they written to


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layouts_are_what_they_are_called(layout):
    array = np.arange(2 * 7 * 16, dtype=np.float32).reshape(2, 7, 16)
    laid_out = LAYOUTS[layout](array)
    right = np.broadcast_to(array[:1], array.shape) if layout == "expanded" else array
    np.testing.assert_array_equal(laid_out, right)
    assert laid_out.flags.c_contiguous == (layout == "read_only")
    property_of = {
        "transposed": laid_out.strides[-1] > laid_out.strides[0],
        "expanded": 0 in laid_out.strides,
        "reversed": all(stride < 0 for stride in laid_out.strides),
        "sliced": laid_out.base is not None and laid_out.base.size > 2 * array.size,
        "read_only": not laid_out.flags.writeable,
    }
    assert property_of[layout]
