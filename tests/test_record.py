"""Records survive the file, and files are not trusted."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.record import Advice, Ready, Record
from strategies import advices, json_values, records, spoilt

junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    max_leaves=10,
)


@given(records())
def test_a_record_survives_the_file(record):
    assert Record.from_json(json.loads(json.dumps(record.to_json(), allow_nan=False))) == record


@given(advices())
def test_advice_survives_the_file(advice):
    assert Advice.from_json(json.loads(json.dumps(advice.to_json(), allow_nan=False))) == advice


@given(st.sampled_from([Record, Advice]), junk)
def test_junk_is_refused(kind, data):
    with pytest.raises(ValueError):
        kind.from_json(data)


@given(records().flatmap(lambda record: spoilt(json.loads(json.dumps(record.to_json())), junk)))
def test_a_record_with_junk_in_it_is_read_or_refused(bad):
    try:
        read = Record.from_json(bad)
    except ValueError as error:
        assert str(error)
    else:
        assert Record.from_json(read.to_json()).to_json() == read.to_json()


@given(records(), st.text(min_size=1), json_values)
def test_an_unknown_field_is_named(record, key, value):
    data = record.to_json()
    if key not in data:
        with pytest.raises(ValueError, match="unknown field"):
            Record.from_json({**data, key: value})


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf, 10**400])
def test_what_is_no_finite_number_is_refused(number):
    data = Record("a", "b", False, "ok", throughput_items_per_s=1.0).to_json()
    with pytest.raises(
        ValueError, match=r"record\.throughput_items_per_s: expected a finite number"
    ):
        Record.from_json({**data, "throughput_items_per_s": number})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": 3}, "record.status: expected str, found 3"),
        ({"lossy": 1}, "record.lossy: expected bool, found 1"),
        ({"artifact_bytes": 2**63}, "record.artifact_bytes: expected an integer of 64 bits"),
        ({"artifact_bytes": True}, "record.artifact_bytes: expected int, found True"),
        ({"warnings": "one"}, "record.warnings: expected a list, found str"),
        ({"latency_s": {"median": 1.0}}, "record.latency_s: expected the field 'p50', found none"),
        ({"cell": None}, "record.cell: expected str, found None"),
    ],
)
def test_the_wrong_field_is_named(change, said):
    data = Record("a", "b", False, "ok").to_json()
    with pytest.raises(ValueError, match=said):
        Record.from_json({**data, **change})


def test_a_whole_number_of_seconds_is_a_float():
    data = Record("a", "b", False, "ok").to_json()
    wall_s = Record.from_json({**data, "wall_s": 3}).wall_s
    assert isinstance(wall_s, float)
    assert wall_s == 3.0


def test_cold_and_warm_differ_by_the_build_alone():
    ready = Ready("worker", 1.0, 0.25, 8.0, 0.5, 0.125, "2026-11-21")
    assert (ready.warm_s, ready.cold_s) == (1.875, 9.375)
    never_cold = Ready("worker", None, 0.25, None, 0.5, 0.125, None)
    assert never_cold.cold_s == never_cold.warm_s == 0.875
