"""Hypothesis strategies, and invented results, that more than one test uses."""

import types
from dataclasses import fields, is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from bench_core.cell import Cell
from bench_core.record import Advice, Record

names = st.text(min_size=1, max_size=12)
"""Of anything: users' models are called after their files."""

finite = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
"""What `json.loads` can return, but for NaN and infinity."""


def cells() -> st.SearchStrategy[Cell]:
    sizes = st.integers(1, 10**6)
    return st.builds(Cell, names, names, sizes, sizes, names, names, sizes)


def records() -> st.SearchStrategy[Record]:
    """Any record that its types allow, sensible or not."""
    return _of(Record, cell=cells().map(str))


def advices() -> st.SearchStrategy[Advice]:
    return _of(
        Advice,
        group=cells().map(lambda cell: cell.group),
        cell=st.none() | cells().map(str),
    )


def _of(kind: Any, **given: st.SearchStrategy) -> st.SearchStrategy:
    """Values of a type as `bench_core.record` spells them; `given` replaces fields."""
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        parts = {f.name: given.get(f.name) or _of(hints[f.name]) for f in fields(kind)}
        return st.builds(kind, **parts)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return st.none() | _of(next(k for k in inner if k is not type(None)))
    if origin is tuple:
        return st.lists(_of(inner[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(st.text(max_size=6), _of(inner[1]), max_size=3)
    plain = {float: finite, int: st.integers(), str: st.text(max_size=12), bool: st.booleans()}
    return json_values if kind is Any else plain[kind]
