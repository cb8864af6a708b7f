"""Methods are found by being there."""

import sys

import pytest
import torch

from bench_core.errors import UsageError
from bench_core.quantization import ranges
from bench_core.quantization.affine import Grid, params_from_range
from bench_core.quantization.range_method import observe, range_methods

NAMES = ["cross_entropy", "entropy", "min_max", "moving_average", "mse", "percentile"]

ADDED = '''
"""The whole of a method: a file like this one, and no edit elsewhere."""

import torch

from bench_core.quantization.range_method import RangeMethod


class Unit:
    def __init__(self, axis):
        pass

    def see(self, x):
        pass

    def range(self, grid, *, symmetric):
        return torch.tensor(-1.0), torch.tensor(1.0)


METHOD = RangeMethod("{name}", "from −1 to 1", Unit)
'''


@pytest.fixture
def added(tmp_path, monkeypatch):
    """Lays a file into the folder, as far as Python can tell."""

    def add(name):
        (tmp_path / "added.py").write_text(ADDED.replace("{name}", name))
        monkeypatch.setattr(ranges, "__path__", [*ranges.__path__, str(tmp_path)])
        range_methods.cache_clear()

    yield add
    range_methods.cache_clear()
    sys.modules.pop(f"{ranges.__name__}.added", None)


def test_all_are_found_under_their_names():
    found = range_methods()
    assert list(found) == NAMES
    assert all(name == method.name and method.summary for name, method in found.items())


def test_a_new_one_is_one_file(added):
    added("unit")
    assert list(range_methods()) == sorted([*NAMES, "unit"])
    params = observe(range_methods()["unit"], [], Grid(8, narrow=True), symmetric=True)
    assert params.scale == torch.tensor(1 / 127)


def test_a_name_that_is_taken_is_refused(added):
    added("mse")
    with pytest.raises(UsageError, match=r"defines 'mse', which is taken"):
        range_methods()


def test_what_is_observed_becomes_parameters():
    weight = torch.randn(3, 4, 2, generator=torch.Generator().manual_seed(0))
    grid = Grid(8, signed=True, narrow=True)
    params = observe(range_methods()["min_max"], weight.split(2, 2), grid, symmetric=True, axis=1)
    rows = weight.movedim(1, 0).reshape(4, -1)
    expected = params_from_range(
        rows.amin(1).clamp(max=0), rows.amax(1).clamp(min=0), grid, symmetric=True, axis=1
    )
    assert torch.equal(params.scale, expected.scale)
    assert params.axis == 1


def test_nothing_to_observe_is_refused():
    with pytest.raises(ValueError, match="nothing was"):
        observe(range_methods()["mse"], [], Grid(), symmetric=True)
