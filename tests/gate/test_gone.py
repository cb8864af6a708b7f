"""What base has and head lacks is missed, unless something else was asked for by name."""

import pytest

from bench_core import discover
from bench_core.cell import Cell
from bench_core.gate.sides import Sides
from bench_core.gate.verdicts import gone
from bench_core.sweep.profiles import Request

CELLS = [Cell("mlp", "eager_inference_mode", 1), Cell("mlp", "bf16", 1)]
HAS = {name: model.lengths for name, model in discover.models().items()}


def sides(models=HAS, modes=()):
    return Sides(None, None, None, (), models, (*discover.modes(), *modes))


def names(request, where):
    return [verdict.cell.rpartition("|cpu|cpu")[0] for verdict in gone(request, CELLS, where)]


def test_nothing_is_missed_where_both_have_the_same():
    assert names(Request(), sides()) == []


@pytest.mark.parametrize(
    ("asked", "where", "cell"),
    [
        (Request(modes=("bf16",)), sides(modes=["old"]), "mlp|old|length=1|batch=1"),
        (
            Request(lengths=(1,)),
            sides({**HAS, "mlp": (*HAS["mlp"], 7)}),
            "mlp|eager_inference_mode|length=7|batch=1",
        ),
        (
            Request(models=("mlp",)),
            sides({**HAS, "old": (1,)}),
            "old|eager_inference_mode|length=1|batch=1",
        ),
    ],
)
def test_a_mode_a_length_and_a_model_are_missed_unless_others_were_asked_for(asked, where, cell):
    (found,) = names(Request(), where)
    assert found.startswith(cell.split("|")[0]) and found.split("|")[2:] == cell.split("|")[2:]
    assert names(asked, where) == []
