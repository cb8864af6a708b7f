"""100,000 mutated result files: none crashes the comparison, none hides a cell that was ok."""

import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from bench_core.analysis.compare.changes import Comparison, changes
from bench_core.analysis.compare.report import render_comparison
from bench_core.analysis.compare.saved import SavedRun, saved
from bench_core.analysis.compare.spread import ABSOLUTE
from bench_core.analysis.load import named
from bench_core.cell import Cell
from bench_core.errors import Incomparable, UsageError

RUNS = 100_000
DRAWN_EVERY = 100
FILE = "run.json"
RAW = '"@raw@"'
HOSTILE: list[Any] = [
    None, True, False, 0, -0.0, -1, -1e-3, 1e-320, 1e300, 2**63, 10**400, float("nan"),
    float("inf"), float("-inf"), "", "ok", "crashed", "\x1b[2J\x1b]0;x\x07", "a\nb\r\t\x00\x9b",
    "<script>alert(1)</script>", "[red]x[/red]", "\u202e\ud800", "x" * 10_000, "a|b", [], {}, [[]],
    {"value": 1}, [1, "2", None], "minilm|x|length=1|batch=1|cpu|cpu|threads=1",
]  # fmt: skip
TOKENS = [
    "1e400",
    "-1e400",
    "9" * 5000,
    "[" * 990 + "]" * 990,
    "[" * 100_000,
    "NaN",
    "-0",
    "1e-400",
]
BYTES = [
    b"",
    b"\x00",
    b"\xff",
    b"\x1b[31m",
    b'"',
    b"{",
    b"}",
    b"]",
    b",",
    b"-",
    b"9",
    b"e9",
    b"\\u001b",
]


def small_run() -> bytes:
    """Two cells of the saved run in results/, without what the comparison does not read."""
    data = json.loads(Path("results/reference_default.json").read_text())
    bench = data["bench"]
    kept = ("machine", "versions", "environment", "git", "threads", "warnings")
    session = {name: bench["session"][name] for name in kept}
    session["machine"]["cpu"]["flags"] = session["machine"]["cpu"]["flags"][:2]
    cells = [c for c in bench["cells"] if "|eager_eval|length=16|" in c["cell"] or
             "|int8_dynamic|length=16|" in c["cell"]]  # fmt: skip
    dropped = ("ready_s", "break_even_calls", "peak_rss_bytes", "fidelity", "work", "evidence")
    cells = [{k: None if k in dropped else v for k, v in c.items()} for c in cells]
    bench = {"schema": 1, "session": session, "cells": cells, "advice": []}
    return json.dumps({"benchmarks": [], "bench": bench}).encode()


def plain_run() -> bytes:
    entries = [
        {"name": f"test_{n}", "fullname": f"tests/test_x.py::test_{n}", "group": None,
         "params": None, "extra_info": {}, "options": {"timer": "perf_counter"},
         "stats": {"min": 0.9e-3, "max": 2e-3, "mean": 1.1e-3, "median": 1e-3 * (n + 1),
                   "rounds": 9, "iterations": 1, "data": [1e-3, 2e-3]}}
        for n in range(3)
    ]  # fmt: skip
    machine = {"node": "vm", "machine": "x86_64", "system": "Linux", "python_version": "3.11.7",
               "cpu": {"brand_raw": "AMD EPYC", "count": 2, "arch": "X86_64"}}  # fmt: skip
    commit = {"id": "0123456789abcdef", "dirty": False}
    data = {"machine_info": machine, "commit_info": commit, "benchmarks": entries}
    return json.dumps(
        {**data, "datetime": "2026-11-21T00:00:00+00:00", "version": "5.3.1"}
    ).encode()


def of_bytes(text: bytes, rng: random.Random) -> bytes:
    """Cut off, cut out, put in, put twice."""
    start = rng.randrange(len(text))
    end = min(len(text), start + rng.choice([1, 1, 2, 5, 50, 500]))
    kind = rng.randrange(5)
    if kind == 0:
        return text[:start]
    if kind == 1:
        return text[:start] + text[end:]
    if kind == 2:
        return text[:end] + text[start:]
    if kind == 3:
        return text[:start] + bytes([rng.randrange(256)]) + text[start + 1 :]
    return text[:start] + rng.choice(BYTES) + text[start:]


def of_digits(text: bytes, rng: random.Random) -> bytes:
    """One digit becomes another one: what a flipped bit on a disc leaves readable."""
    digits = [at for at in rng.choices(range(len(text)), k=40) if text[at : at + 1].isdigit()]
    for at in digits[:1]:
        text = text[:at] + str(rng.randrange(10)).encode() + text[at + 1 :]
    return text


def of_parts(text: bytes, rng: random.Random) -> bytes:
    """A value or key of the JSON is dropped, replaced, renamed, or given twice."""
    data = json.loads(text)
    holder = data
    while True:
        key = rng.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        inner = holder[key]
        if not isinstance(inner, dict | list) or not inner or rng.random() < 0.05:
            break
        holder = inner
    raw = rng.choice(TOKENS)
    kind = rng.randrange(6)
    if kind == 0:
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[rng.choice(["", "status", "median", "\x1b[2J", "x" * 10_000])] = holder.pop(key)
    elif kind == 2 and isinstance(holder, dict):
        raw = f"0, {json.dumps(key)}: {json.dumps(inner)}"
        holder[key] = RAW.strip('"')
    elif kind == 3:
        holder[key] = RAW.strip('"')
    elif kind == 4 and isinstance(inner, int | float):
        holder[key] = inner * rng.choice([-1, 0, 0.5, 0.99, 1.001, 1.05, 1.2, 10, 1e30])
    else:
        holder[key] = rng.choice(HOSTILE)
    return json.dumps(data).encode().replace(RAW.encode(), raw.encode(), 1)


MUTATIONS: list[Callable[[bytes, random.Random], bytes]] = [of_bytes, of_digits, of_parts, of_parts]


def times(text: bytes) -> dict[str, Any]:
    """The time of each cell that is ok, read as plainly as can be: nothing of ours but the id."""
    data = json.loads(text)
    if "bench" not in data:
        return {entry["fullname"]: entry["stats"]["median"] for entry in data["benchmarks"]}
    ok = (cell for cell in data["bench"]["cells"] if cell["status"] == "ok")
    return {str(Cell.parse(cell["cell"])): cell["latency_s"]["median"] for cell in ok}


@pytest.mark.parametrize("whole", [small_run(), plain_run()], ids=["ours", "plain"])
def test_no_mutated_file_crashes_the_comparison_or_passes_unjudged(whole):
    rng = random.Random(7)
    sound = saved(whole, FILE)
    assert changes([sound], sound).exit_code == 0
    ends: dict[object, int] = {}
    for number in range(RUNS // 2):
        mutated = rng.choice(MUTATIONS)(whole, rng)
        if rng.random() < 0.2:
            mutated = rng.choice(MUTATIONS[:2])(mutated or b"0", rng)
        end = _end(number, sound, mutated, whole)
        ends[end] = ends.get(end, 0) + 1
    assert {0, 3, 4, UsageError, Incomparable} <= set(ends)
    assert 1 not in ends


def _end(number: int, sound: SavedRun, mutated: bytes, whole: bytes) -> object:
    """How the comparison ends; the mutated file is the candidate, or every fourth the baseline."""
    try:
        with named(Path(FILE)):
            run = saved(mutated, FILE)
    except UsageError:
        return UsageError
    first, second = (run, sound) if number % 4 == 0 else (sound, run)
    before, after = (mutated, whole) if number % 4 == 0 else (whole, mutated)
    if run == sound and number % DRAWN_EVERY:
        # What was mutated is not read; that it then is the same comparison need not be computed.
        check_nothing_is_lost(before, after)
        return 0
    try:
        comparison = changes([first], second)
    except (UsageError, Incomparable) as error:
        return type(error)
    if comparison.exit_code == 0:
        if comparison.basis == ABSOLUTE:
            check_nothing_is_lost(before, after)
        assert without_threads(before) <= without_threads(after)
    if number % DRAWN_EVERY == 0:
        assert all(c.isprintable() or c == "\n" for c in drawn(comparison, number))
    return comparison.exit_code


def check_nothing_is_lost(before: bytes, after: bytes) -> None:
    """Every cell that was ok is, and its time is a number no more than 14 % above."""
    was, now = times(before), times(after)
    assert all(name in now and 0 < now[name] <= 1.1400001 * was[name] for name in was)


def without_threads(text: bytes) -> set[str]:
    return {name.rpartition("|threads")[0] or name for name in times(text)}


def drawn(comparison: Comparison, number: int) -> str:
    file, width = io.StringIO(), (40, 100, 200)[number // DRAWN_EVERY % 3]
    console = Console(file=file, width=width, force_terminal=True, color_system=None)
    render_comparison(comparison, console)
    return file.getvalue()
