"""Hypothesis strategies, and invented results, that more than one test uses."""

import types
from collections.abc import Iterator
from dataclasses import is_dataclass
from typing import Any, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from bench_core.analysis.compare.saved import SavedCell, SavedRun
from bench_core.analysis.gate.result import STAGES, GateResult
from bench_core.analysis.gate.words import METRICS
from bench_core.analysis.verdict import KINDS, Verdict
from bench_core.cell import Cell
from bench_core.interruption import SIGNALS
from bench_core.record import Advice, Record, Speedup

names = st.text(min_size=1, max_size=12)
"""Of anything: users' models are called after their files."""

texts = st.text(max_size=12) | st.sampled_from(["[/b]", "[red]x", ":smile:", "\x1b[2J", "a|b"])
"""Of anything, and of what a terminal or rich would obey."""

finite = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | finite | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
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


def spoilt(value: Any, parts: st.SearchStrategy = json_values) -> st.SearchStrategy:
    """A JSON value, one part of which is replaced by one of `parts`."""
    return st.tuples(st.sampled_from(list(_paths(value))), parts).map(
        lambda change: _replaced(value, *change)
    )


def _paths(value: Any, at: tuple = ()) -> Iterator[tuple]:
    """Where every part of a JSON value is."""
    yield at
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from _paths(value[key], (*at, key))


def _replaced(value: Any, path: tuple, part: Any) -> Any:
    if not path:
        return part
    copy = value.copy()
    copy[path[0]] = _replaced(value[path[0]], path[1:], part)
    return copy


def _of(kind: Any, /, **given: st.SearchStrategy) -> st.SearchStrategy:
    """Values of a type as `bench_core.record` spells them; `given` replaces fields."""
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        parts = {name: given[name] if name in given else _of(hint) for name, hint in hints.items()}
        return st.builds(kind, **parts)
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        return st.none() | _of(next(k for k in inner if k is not type(None)))
    if origin is tuple:
        return st.lists(_of(inner[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(st.text(max_size=6), _of(inner[1]), max_size=3)
    plain = {float: finite, int: st.integers(-(2**63), 2**63 - 1), str: texts, bool: st.booleans()}
    return json_values if kind is Any else plain[kind]


def verdicts() -> st.SearchStrategy[Verdict]:
    """Any verdict that its types allow, sensible or not, of a cell of ours or of any name."""
    return _of(
        Verdict,
        cell=cells().map(str) | texts,
        metric=st.sampled_from(list(METRICS)),
        kind=st.sampled_from(KINDS),
    )


def gate_results() -> st.SearchStrategy[GateResult]:
    """Any gate, with any names and numbers."""
    by_stage = st.dictionaries(st.sampled_from(STAGES), _of(tuple[float, ...]))
    return _of(
        GateResult,
        session=_gate_sessions(),
        verdicts=st.lists(verdicts(), max_size=6, unique_by=lambda v: (v.cell, v.metric)).map(
            tuple
        ),
        launches=st.dictionaries(texts, by_stage, max_size=3),
        invalid=st.none() | texts,
        slowdown=st.none() | finite,
        interrupted=st.none() | st.sampled_from(SIGNALS),
    )


def _gate_sessions() -> st.SearchStrategy[dict[str, Any]]:
    cpu = st.fixed_dictionaries({"model": texts, "usable_cores": st.lists(st.integers())})
    known = {
        "machine": st.fixed_dictionaries({"cpu": cpu}),
        "threads": st.integers(),
        "versions": st.dictionaries(st.sampled_from(["torch", "python"]) | texts, texts),
        "warnings": st.lists(texts, max_size=20),
        "wall_s": st.none() | st.dictionaries(texts, st.floats(0, 1e9), max_size=3),
        "environment": json_values,
    }
    return st.fixed_dictionaries({}, optional=known)


def saved_runs(**conditions: str) -> st.SearchStrategy[SavedRun]:
    """Runs of ours that can be judged, under these conditions, with cells from a small pool."""
    modes = ("eager_inference_mode", "int8_dynamic", "bf16", "ort_all_online", "a\x1b[2J,b")
    pool = [str(Cell("minilm", mode, length, threads=2)) for mode in modes for length in (16, 128)]
    cells = st.lists(st.sampled_from(pool).flatmap(_saved_cell), max_size=8, unique_by=_name)
    return cells.map(
        lambda found: SavedRun(
            "run.json",
            ours=True,
            conditions={"machine": "AMD EPYC", **conditions},
            revision="0123456789abcdef",
            dirty=False,
            cells={cell.name: cell for cell in found},
        )
    )


def _name(cell: SavedCell) -> str:
    return cell.name


def _saved_cell(name: str) -> st.SearchStrategy[SavedCell]:
    def speedup(ratio: float, half: float) -> Speedup:
        bounds = (ratio * (1 - half), ratio * (1 + half))
        return Speedup("eager_inference_mode", 1.0, ratio, *bounds, 0.95, 16, 1, 0.01, (), "budget")

    return st.builds(
        SavedCell,
        st.just(name),
        st.sampled_from(["ok", "ok", "ok", "crashed", "skipped"]),
        median_s=st.none() | st.floats(0.5, 2),
        speedup=st.none() | st.builds(speedup, st.floats(0.5, 2), st.floats(0, 0.2)),
        artifact_bytes=st.none() | st.integers(0, 2000),
    )
