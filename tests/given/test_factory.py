"""A user's own code: what it may give, and what is said of what it may not."""

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core import discover
from bench_core.errors import UsageError
from bench_core.given import factory, places

CODE = """
import torch
from torch import nn

from bench_core.models.mlp import MLP as model


class Masked(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(6, 3)

    def forward(self, ids, mask):
        return self.linear(ids.float()) * mask


def make():
    return Masked(), (torch.arange(24).reshape(4, 6), torch.ones(4, 3, dtype=torch.bool))


def one_array():
    return nn.Linear(6, 3), torch.ones(4, 6)


def a_model():
    return model


def no_examples():
    return Masked()


def no_batch():
    return Masked(), (torch.tensor(1.0),)


def uneven():
    return Masked(), (torch.ones(4, 6), torch.ones(3, 3))


def fails():
    raise OSError("the [red]disk[/red] said no")
"""


@pytest.fixture(scope="module", autouse=True)
def code(tmp_path_factory):
    folder = tmp_path_factory.mktemp("code")
    (folder / "some_code.py").write_text(CODE)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        patch.chdir(folder)
        yield folder
        sys.modules.pop("some_code", None)
        sys.path[:] = [entry for entry in sys.path if entry != str(folder)]
    factory._made.cache_clear()


@given(st.integers(1, 9), st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_inputs_are_rows_of_the_example_shuffled(batch, seed):
    model = factory.model("some_code:make")
    ids, mask = model.inputs(1, batch, seed, False)
    rows = np.arange(24).reshape(4, 6)
    assert ids.shape == (batch, 6) and mask.shape == (batch, 3)
    assert ids.dtype == np.int64 and mask.dtype == bool and mask.all()
    assert all(sorted(row) in rows.tolist() for row in ids.tolist())


def test_inputs_of_other_seeds_differ():
    model = factory.model("some_code:make")
    first, again, other = (model.inputs(1, 4, seed, False)[0] for seed in (0, 0, 1))
    assert (first == again).all() and (first != other).any()


def test_weights_that_a_factory_draws_are_the_same_in_every_process(code):
    here = factory.model("some_code:make")
    assert here.source == places.describe("some_code:make").source
    assert here.weights == "given"


def test_other_weights_are_another_source(code):
    before = factory.model("some_code:make").source
    factory._made.cache_clear()
    del sys.modules["some_code"]
    (code / "some_code.py").write_text(
        CODE.replace("nn.Linear(6, 3)\n\n", "nn.Linear(6, 3, bias=False)\n\n")
    )
    try:
        assert factory.model("some_code:make").source != before
    finally:
        factory._made.cache_clear()
        del sys.modules["some_code"]
        (code / "some_code.py").write_text(CODE)


def test_a_factory_may_give_a_model_of_ours():
    assert factory.model("some_code:a_model").task is discover.models()["mlp"].task
    assert factory.model("some_code:model").name == "mlp"


def test_one_example_needs_no_tuple():
    assert factory.model("some_code:one_array").input_names == ("input_0",)


def test_what_is_described_is_built_again_elsewhere():
    described = places.describe("some_code:make")
    again = places.load("some_code:make", places.to_json(described))
    inputs = again.inputs(1, 2, 5, False)
    assert [array.shape for array in inputs] == [(2, 6), (2, 3)]
    assert type(again.build()).__name__ == "Masked"
    assert "some_code" not in described.build.__module__


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("some_code:no_examples", "expected a Model, or an nn.Module and a tuple of example"),
        ("some_code:no_batch", "one batch in front"),
        ("some_code:uneven", "one batch in front"),
        ("some_code:fails", "OSError: the [red]disk[/red] said no"),
        ("some_code:missing", "has no attribute 'missing'"),
        ("some_cod:make", "No module named 'some_cod'"),
        ("some_code:torch", "expected a function to call, found module"),
    ],
)
def test_what_cannot_be_is_one_line(place, says):
    with pytest.raises(UsageError) as caught:
        places.describe(place)
    assert says in str(caught.value) and "\n" not in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_a_name_that_is_taken_is_refused():
    with pytest.raises(UsageError, match="called 'mlp', which is taken"):
        discover.resolve("some_code:a_model")


def test_a_name_that_no_place_has_offers_the_nearest():
    with pytest.raises(UsageError, match="did you mean minilm"):
        discover.resolve("minilmm")
    with pytest.raises(UsageError, match="found nothing there"):
        discover.resolve("./minilm")


def test_code_is_looked_for_where_the_user_stands(code):
    assert str(code) == str(Path.cwd())
    assert places.describe("some_code:make").name == "make"
