"""Reads a saved run. Result files are untrusted: whatever is not as expected is refused."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from bench_core.analysis.group import Group
from bench_core.analysis.session import facts
from bench_core.cell import Cell
from bench_core.errors import UsageError
from bench_core.record import SCHEMA, Advice, Record

T = TypeVar("T")

GATE, LENGTHS, EXPLANATION = "gate_", "lengths_", "explain_"
"""What the names of files begin with that lie among those of runs and are none."""


@dataclass(frozen=True)
class Results:
    """A run, finished or in progress: under what conditions, every cell, and the advice."""

    session: dict[str, Any]
    cells: tuple[Record, ...]
    advice: tuple[Advice, ...] = ()


def load(path: Path) -> Results:
    """Read the file of a run: pytest-benchmark's JSON with our key `bench`.

    Raises: UsageError if it is missing, empty, torn, or not ours.
    """
    with named(path):
        return results(parse(content(path)))


def saved_runs(folder: Path) -> list[Path]:
    """The files of sweeps, not of gates or studies, the newest last."""
    others = (GATE, LENGTHS, EXPLANATION)
    files = [file for file in folder.glob("*.json") if not file.name.startswith(others)]
    return sorted(files, key=lambda file: file.stat().st_mtime)


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Have whatever is wrong with a file said with its name."""
    try:
        yield
    except (ValueError, UsageError) as error:
        raise UsageError(f"{path}: {error}") from None
    except RecursionError:
        raise UsageError(f"{path}: expected a saved run, found lists nested too deep") from None


def content(path: Path) -> bytes:
    """Raises: UsageError if there is no such file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"expected a saved run, found: {error.strerror}") from None


def parse(text: bytes) -> Any:
    """What JSON says, every key once.

    Raises: UsageError if it is empty or torn.
    """
    if not text.strip():
        raise UsageError("expected a saved run, found an empty file; run it again")
    try:
        return json.loads(text.decode(), object_pairs_hook=_once)
    except UnicodeDecodeError:
        raise UsageError("expected a saved run (JSON), found bytes, not text") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"expected JSON, found {error}; if the file was cut off, run it again"
        ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; json would keep the last of two equal keys and say nothing."""
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r:.40} twice in one object")
    return found


def results(data: Any) -> Results:
    """A run of ours, from what its file holds.

    Raises: ValueError or UsageError if it is not one.
    """
    bench = data.get("bench") if isinstance(data, dict) else None
    if not isinstance(bench, dict):
        raise UsageError(
            "expected the key 'bench' of a run saved by `bench run`, found none; "
            "a plain pytest-benchmark file has only times: `bench compare` reads it"
        )
    if bench.get("schema") != SCHEMA:
        raise ValueError(
            f"expected schema {SCHEMA}, found {bench.get('schema')!r:.20}; "
            "read it with the bench_core that wrote it"
        )
    session = bench.get("session")
    if not isinstance(session, dict):
        raise UsageError(f"expected an object as 'session', found {session!r:.40}")
    facts(session)
    cells = _each(bench, "cells", Record.from_json)
    seen: set[Cell] = set()
    for record in cells:
        cell = Cell.parse(record.cell)
        if cell in seen:
            raise ValueError(f"expected every cell once, found {record.cell} twice")
        seen.add(cell)
    advice = _each(bench, "advice", Advice.from_json)
    for given in advice:
        Group.parse(given.group)
        if given.cell is not None:
            Cell.parse(given.cell)
    return Results(session, cells, advice)


def _each(bench: dict[str, Any], key: str, read: Callable[[dict[str, Any]], T]) -> tuple[T, ...]:
    items = bench.get(key)
    if not isinstance(items, list):
        raise UsageError(f"expected a list as {key!r}, found {items!r:.40}")
    return tuple(read(item) for item in items)
