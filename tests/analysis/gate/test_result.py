"""A gate's file: what is written is read back, and what is not as written is refused."""

import io
import json
from dataclasses import replace

import pytest
from hypothesis import given
from rich.console import Console

from bench_core.analysis.gate import junit, markdown, report
from bench_core.analysis.gate.result import GateResult
from bench_core.analysis.verdict import UNSURE, WITHIN
from bench_core.errors import UsageError
from invented_gate import calm, gate, latency
from strategies import gate_results, json_values, spoilt


@given(gate_results())
def test_what_is_written_is_read_back(result):
    data = json.loads(json.dumps(result.to_json(), allow_nan=False))
    read = GateResult.from_json(data)
    assert read == result
    assert read.exit_code == result.exit_code


@given(spoilt(gate().to_json()))
def test_a_spoilt_file_is_refused_or_drawn_and_never_passes(data):
    try:
        read = GateResult.from_json(data)
    except (UsageError, ValueError):
        return
    assert read.exit_code != 0
    report.render(read, Console(file=io.StringIO()))
    assert markdown.render(read)
    assert junit.render(read)


@given(json_values)
def test_what_is_no_gate_is_refused(data):
    with pytest.raises(UsageError, match="expected the key 'gate'"):
        GateResult.from_json(data)


def _changed(**fields):
    data = json.loads(json.dumps(gate().to_json()))
    data["gate"] |= fields
    return data


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (_changed(schema=2), "expected schema 1, found 2"),
        (_changed(schema=None), "expected schema 1, found None"),
        (_changed(verdict=[]), "unknown field 'verdict'"),
        (_changed(threshold="5 %"), "gate.threshold: expected float"),
        (_changed(threshold=10**400), "gate.threshold: expected a finite number"),
        (_changed(sentinels={"a": [True]}), "gate.sentinels.a: expected float"),
        (_changed(launches={"a": {"warm": []}}), "launches of 'a': expected"),
        (_changed(session={"threads": "2"}), "session 'threads': expected int"),
        (_changed(session={"wall_s": 5}), "session 'wall_s': expected phase → seconds"),
        (_changed(session={"wall_s": {"a": -1}}), "session 'wall_s': expected phase → seconds"),
        (_changed(session={"wall_s": {"a": 10**400}}), "session 'wall_s'"),
        (_changed(interrupted=True), "gate.interrupted: expected str"),
        (_changed(interrupted="SIGHUP"), "interrupted: expected"),
        (_changed(verdicts=[{"cell": "a", "metric": "latency", "kind": "fine"}]), "verdict.kind"),
        (_changed(verdicts=[{"cell": "a", "metric": "joy", "kind": "new"}]), "verdict.metric"),
        (_changed(verdicts=[{"cell": "a", "metric": "task", "kind": "new"}] * 2), "found .* twice"),
    ],
)
def test_a_refusal_names_what_is_wrong(data, says):
    with pytest.raises((UsageError, ValueError), match=says):
        GateResult.from_json(data)


def test_the_exit_code_is_that_of_the_verdicts():
    unsure = gate(latency("bf16", UNSURE, 4.0), latency("eager_eval", WITHIN, 0.1))
    assert gate().exit_code == 1
    assert calm(3).exit_code == 0
    assert unsure.exit_code == 3
    assert replace(unsure, allow_unsure=True).exit_code == 0
    assert replace(unsure, allow_unsure=True, invalid="it did not hold still").exit_code == 3


def test_an_interrupted_gate_has_not_passed():
    assert replace(calm(3), interrupted="SIGINT").exit_code == 130
    assert replace(calm(3), interrupted="SIGTERM").exit_code == 143


def test_cells_are_counted_once_whatever_their_metrics():
    assert gate().cells == 10
