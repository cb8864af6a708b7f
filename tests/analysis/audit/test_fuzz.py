"""Mutated files and bytes of any kind: audited or refused, never a crash."""

import io
import json
import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from bench_core.analysis.audit.files import audit, look
from bench_core.analysis.audit.reading import claims
from bench_core.analysis.audit.run import read_run
from bench_core.analysis.audit.table import COLUMNS
from bench_core.analysis.load import Results
from bench_core.errors import UsageError
from bench_core.record import SCHEMA
from invented import SESSION, run
from strategies import advices, json_values, records, spoilt
from tests.analysis.test_load import as_json

RUNS = 5_000
TABLE = (
    b"name;batch;latency_ms;throughput;power_w;energy_mwh;accuracy;precision;recall;f1;provider;"
    b"lossy;training\n"
    b"fp32;8;20,5;390,2;30;0,17;93,2 %;0,9;0,8;0,84;CPU;no;no\n"
    b'"int8; ours";8;1.010,5;7,9;28;7,8;92,9 %;0,9;0,8;0,84;CPUExecutionProvider;yes;no\n'
)
HOSTILE = [
    b"", b"\x00", b"\xff", b'"', b";", b",", b"\n", b"\r", b"-", b"9", b"e9", b"1e99", b"%", b"inf",
    b"nan", b"\x1b[2J", "٣−\u202e".encode(), b"0", b"9" * 400, b"'", b" ",
]  # fmt: skip


def mutated(text: bytes, rng: random.Random) -> bytes:
    """Cut off, cut out, put in, put twice, or one byte changed."""
    start = rng.randrange(len(text) + 1)
    end = min(len(text), start + rng.choice([1, 1, 2, 5, 40]))
    return rng.choice([
        text[:start],
        text[:start] + text[end:],
        text[:end] + text[start:],
        text[:start] + bytes([rng.randrange(256)]) + text[end:],
        text[:start] + rng.choice(HOSTILE) + text[start:],
        text[:start] + rng.choice(HOSTILE) + text[end:],
    ])  # fmt: skip


def test_no_mutated_table_crashes():
    rng = random.Random(7)
    ends = set()
    for _ in range(RUNS):
        text = mutated(TABLE, rng)
        if rng.random() < 0.3:
            text = mutated(text, rng)
        try:
            found = look(claims(text).rows)
        except UsageError as error:
            assert "expected" in str(error)
            ends.add("refused")
        else:
            ends.add("wrong" if found.findings else "holds")
    assert ends == {"refused", "wrong", "holds"}


cells = st.text(max_size=6) | st.from_regex(r"[-+]?[0-9]{0,4}[.,]?[0-9]{0,4}%?", fullmatch=True)
headers = st.lists(st.sampled_from(COLUMNS) | st.text(max_size=6), min_size=1, max_size=6)
tables = st.tuples(headers, st.lists(st.lists(cells, max_size=6), max_size=4)).map(
    lambda parts: "\n".join(",".join(line) for line in (parts[0], *parts[1]))
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary() | tables.map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_audited_or_refused_in_printable_words(tmp_path, content):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    file = io.StringIO()
    assert audit([path], Console(file=file, width=80)) in (0, 1, 2)
    assert all(c.isprintable() or c == "\n" for c in file.getvalue())


@given(st.lists(records(), max_size=3, unique_by=lambda r: r.cell), st.lists(advices(), max_size=2))
def test_any_record_that_is_let_in_is_looked_at(found, advice):
    run = {
        "schema": SCHEMA,
        "session": {},
        "cells": [record.to_json() for record in found],
        "advice": [one.to_json() for one in advice],
    }
    look(read_run({"bench": run}).rows)


@given(spoilt(as_json(Results(SESSION, run().cells[17:19], run().advice[:1]))))
def test_a_run_with_junk_in_it_is_looked_at_or_refused(content):
    try:
        found = claims(json.dumps(content).encode())
    except (UsageError, ValueError) as error:
        assert "expected" in str(error)
    else:
        look(found.rows)


@given(json_values | st.fixed_dictionaries({"benchmarks": json_values}))
def test_any_json_is_read_or_refused(data):
    with pytest.raises((UsageError, ValueError), match="expected"):
        if not look(read_run(data).rows).findings:
            raise UsageError("expected: nothing was found in nothing")
