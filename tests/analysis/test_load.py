"""A saved run comes back whole, or is refused with a reason."""

import io
import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from bench_core.analysis.load import Results, load
from bench_core.analysis.report import render
from bench_core.errors import UsageError
from bench_core.record import SCHEMA
from invented import SESSION, run
from strategies import advices, json_values, records, spoilt

shared_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


def as_json(results: Results) -> dict:
    return {
        "machine_info": {},
        "benchmarks": [],
        "bench": {
            "schema": SCHEMA,
            "session": results.session,
            "cells": [record.to_json() for record in results.cells],
            "advice": [advice.to_json() for advice in results.advice],
        },
    }


@shared_folder
@given(st.lists(records(), max_size=3, unique_by=lambda r: r.cell), st.lists(advices(), max_size=2))
def test_a_run_survives_the_file(tmp_path, cells, advice):
    results = Results(SESSION, tuple(cells), tuple(advice))
    path = tmp_path / "run.json"
    path.write_text(json.dumps(as_json(results)))
    assert load(path) == results


@shared_folder
@given(st.binary() | st.text().map(str.encode) | json_values.map(json.dumps).map(str.encode))
@example(b"[" * 100_000)
@example(b'{"bench": {"schema": 1, "session": {}, "cells": [], "advice": []}')
@example(b"9" * 5000)
@example(b'{"bench": NaN}')
@example(b"\xff\xfe")
def test_what_is_not_a_run_is_refused(tmp_path, content):
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="expected"):
        load(path)


@shared_folder
@given(spoilt(as_json(Results(SESSION, run().cells[17:19], run().advice[:1]))))
def test_a_run_with_junk_in_it_is_drawn_or_refused(tmp_path, content):
    """Whatever is let in can be drawn."""
    path = tmp_path / "run.json"
    path.write_text(json.dumps(content))
    try:
        results = load(path)
    except UsageError as error:
        assert "expected" in str(error)
    else:
        render(results, Console(file=io.StringIO(), width=100))


def changed(**bench: object) -> dict:
    content = as_json(run())
    return {**content, "bench": {**content["bench"], **bench}}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "found an empty file; run it again"),
        (json.dumps(as_json(run()))[:-9], "expected JSON, found .*; if the file was cut off"),
        ('{"benchmarks": [], "version": "5.3.1"}', "a plain pytest-benchmark file has only times"),
        (json.dumps(changed(schema=SCHEMA + 1)), f"expected schema {SCHEMA}, found {SCHEMA + 1}"),
        (json.dumps(changed(session=None)), "expected an object as 'session'"),
        (json.dumps(changed(session={"aa": []})), "session 'aa': expected dict"),
        (json.dumps(changed(cells={})), "expected a list as 'cells'"),
        (json.dumps(changed(cells=[run().cells[0].to_json()] * 2)), "every cell once, .* twice"),
        (json.dumps(changed(advice=[{**run().advice[0].to_json(), "group": "x"}])), "group reads"),
    ],
)  # fmt: skip
def test_the_refusal_says_what_was_expected_and_found(tmp_path, content, said):
    path = tmp_path / "run.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=rf"run\.json: .*{said}"):
        load(path)


def test_a_missing_file_and_a_folder_are_named(tmp_path):
    with pytest.raises(UsageError, match=r"none\.json: expected a saved run, found: No such file"):
        load(tmp_path / "none.json")
    with pytest.raises(UsageError, match="expected a saved run, found: Is a directory"):
        load(tmp_path)
