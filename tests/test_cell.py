"""A cell's id says everything about it, and reads back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.analysis.group import Group
from bench_core.cell import Cell
from bench_core.errors import UsageError
from strategies import cells


@given(cells())
def test_an_id_reads_back(cell):
    assert Cell.parse(str(cell)) == cell


@given(cells(), cells())
def test_ids_are_unique(a, b):
    assert (str(a) == str(b)) == (a == b)


@given(cells())
def test_an_id_is_one_printable_word(cell):
    """It goes into file names of pytest's and on command lines."""
    assert str(cell).isascii()
    assert str(cell).isprintable()
    assert not set(str(cell)) & set(" /\\[]:'\"")


@given(cells())
def test_a_group_reads_back_and_holds_the_cell(cell):
    assert Group.of(str(cell)) == Group.parse(cell.group)
    assert str(Group.parse(cell.group)) == cell.group


@given(st.text() | st.lists(st.text(max_size=6), min_size=2, max_size=8).map("|".join))
def test_anything_else_is_refused_in_words(text):
    for kind in (Cell, Group):
        try:
            kind.parse(text)
        except UsageError as error:
            assert "reads model|" in str(error)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "minilm",
        "minilm|eager|length=x|batch=1|cpu|cpu|threads=1",
        "a|b|length=1|batch=1|cpu|cpu",
    ],
)
def test_what_is_no_id_is_named(text):
    with pytest.raises(UsageError, match="a cell id reads"):
        Cell.parse(text)


def test_an_id_looks_as_documented():
    cell = Cell("minilm", "ort_all_online", 128, threads=2)
    assert str(cell) == "minilm|ort_all_online|length=128|batch=1|cpu|cpu|threads=2"
    assert cell.group == "minilm|length=128|batch=1"
