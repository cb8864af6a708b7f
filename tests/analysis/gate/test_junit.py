"""A gate as JUnit XML: well-formed whatever the names, and of one mind with the exit code."""

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from junitparser import JUnitXml

from bench_core.analysis.gate.junit import render
from bench_core.analysis.verdict import FAILED, GONE, SKIPPED, UNSURE, WITHIN, WORSE
from invented_gate import calm, gate, latency
from strategies import gate_results

# https://www.w3.org/TR/xml/#charsets
NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
# What Jenkins' junit-10.xsd allows.
ATTRIBUTES = {
    "testsuites": {"name", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped"},
    "testcase": {"name", "classname"},
    "failure": {"type", "message"}, "error": {"type", "message"}, "skipped": {"type", "message"},
    "properties": set(), "property": {"name", "value"},
}  # fmt: skip
CHILDREN = {
    "testsuites": {"testsuite"}, "testsuite": {"properties", "testcase"},
    "testcase": {"failure", "error", "skipped"}, "properties": {"property"},
}  # fmt: skip


def read(result):
    return JUnitXml.fromstring(render(result).encode())


@settings(max_examples=200)
@given(gate_results())
def test_counts_agree_with_the_verdicts_and_with_the_exit_code(result):
    xml = read(result)
    kinds = [verdict.kind for verdict in result.verdicts]
    lenient = result.allow_unsure and result.invalid is None
    assert xml.tests == len(kinds) + 1
    assert xml.failures == sum(kind in (WORSE, GONE, FAILED) for kind in kinds)
    unsure = 0 if lenient else kinds.count(UNSURE)
    assert xml.errors - unsure in (0, 1)
    assert (xml.failures + xml.errors == 0) == (result.exit_code == 0)
    assert (xml.failures > 0) == (result.exit_code in (1, 4)) or result.interrupted
    suites = {suite.name: list(suite) for suite in xml}
    skipped = sum(suite.skipped for suite in xml)
    assert skipped == kinds.count(SKIPPED) + (kinds.count(UNSURE) if lenient else 0)
    assert {name: len(cases) for name, cases in suites.items() if name != "gate"} == {
        metric: sum(v.metric == metric for v in result.verdicts)
        for metric in {v.metric for v in result.verdicts}
    }
    for suite in xml:
        suite_counts = (suite.tests, suite.failures, suite.errors, suite.skipped)
        suite.update_statistics()  # junitparser's own count
        assert suite_counts == (suite.tests, suite.failures, suite.errors, suite.skipped)


@given(gate_results())
def test_it_is_made_of_what_readers_know(result):
    text = render(result)
    assert not NOT_XML.search(text)
    for element in ET.fromstring(text.encode()).iter():
        assert set(element.keys()) == ATTRIBUTES[element.tag]
        assert {child.tag for child in element} <= CHILDREN.get(element.tag, set())


def test_a_test_says_what_was_found():
    cases = {(case.classname, case.name): case for suite in read(gate()) for case in suite}
    cell = "minilm|int8_dynamic|length=128|batch=1|cpu|cpu|threads=1"
    (failure,) = cases["gate.latency", cell].result
    assert failure.type == "worse"
    assert failure.message == "worse; +9.8 % (+8.6 to +11.0), limit 5 %"
    assert cases["gate.latency", cell.replace("int8_dynamic", "bf16")].is_passed


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (replace(calm(2), invalid="it spread by 6 %"), "it spread by 6 %"),
        (replace(calm(2), interrupted="SIGTERM"), "interrupted"),
        (replace(calm(2), verdicts=()), "nothing was judged"),
    ],
)
def test_a_session_that_could_not_be_judged_is_an_error_of_its_own(result, says):
    (suite, *_) = read(result)
    (case,) = suite
    assert case.name == "session"
    assert says in case.result[0].text


def test_an_unsure_verdict_that_may_pass_is_skipped():
    result = gate(latency("bf16", UNSURE, 4.0), latency("eager_eval", WITHIN, 0.1))
    assert read(result).errors == 1
    assert read(replace(result, allow_unsure=True)).errors == 0
    assert read(replace(result, allow_unsure=True)).skipped == 1


def test_characters_that_xml_forbids_are_escaped():
    result = gate(
        replace(latency("bf16", WORSE, 9.0), cell="\x00\x1b\ufffe\ud800<&>\"'", reason="\x08")
    )
    case = next(case for suite in read(result) for case in suite if case.name != "session")
    assert case.name == r"\x00\x1b\ufffe\ud800<&>" + "\"'"
    assert r"\x08" in case.result[0].message
