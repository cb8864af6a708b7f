"""A finished gate as JUnit XML, which CI systems show as tests.

A file has a failure or an error exactly where the command's exit code is not 0, so that whoever
reads only the file concludes the same:
    worse, gone, failed   failure: head was judged, and found wanting
    unsure                error: it could not be judged; skipped where --allow-unsure lets it pass
    skipped               skipped
    better, within, new   passed
One more test, "session", is an error where the session as a whole could not be judged: it failed
its own control, was interrupted, or judged nothing. No test has a time: cells share launches.
"""

from xml.etree import ElementTree as ET

from bench_core.analysis.gate import outcome, words
from bench_core.analysis.gate.result import GateResult
from bench_core.analysis.units import visible
from bench_core.analysis.verdict import CANNOT_JUDGE, FAILED, GONE, SKIPPED, UNSURE, WORSE, Verdict

_TAGS = {WORSE: "failure", GONE: "failure", FAILED: "failure", UNSURE: "error", SKIPPED: "skipped"}
_COUNTED = {"tests": "testcase", "failures": ".//failure", "errors": ".//error"}


def render(result: GateResult) -> str:
    """One suite for each metric, one test for each verdict, and the suite "gate" with "session"."""
    root = ET.Element("testsuites", name="bench gate")
    suites: dict[str, ET.Element] = {}
    suite = ET.SubElement(root, "testsuite", name="gate")
    _add_properties(suite, result)
    _add_session(suite, result)
    lenient = result.allow_unsure and result.invalid is None
    for verdict in words.in_order(result.verdicts):
        name = verdict.metric
        if name not in suites:
            suites[name] = ET.SubElement(root, "testsuite", name=name)
        _add_test(suites[name], name, verdict, lenient=lenient)
    for suite in root:
        for count, where in _COUNTED.items():
            suite.set(count, str(len(suite.findall(where))))
        suite.set("skipped", str(len(suite.findall(".//skipped"))))
    for count in _COUNTED:
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    ET.indent(root)
    # As bytes, since for text the declaration would name this machine's locale.
    xml: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return xml.decode()


def _add_properties(suite: ET.Element, result: GateResult) -> None:
    properties = ET.SubElement(suite, "properties")
    said = {
        "base": f"{result.base.name} {result.base.revision}",
        "head": f"{result.head.name} {result.head.revision}",
        "threshold": words.plain(result.threshold),
        "exit_code": str(result.exit_code),
    }
    for name, value in said.items():
        ET.SubElement(properties, "property", name=name, value=visible(value))


def _add_session(suite: ET.Element, result: GateResult) -> None:
    test = ET.SubElement(suite, "testcase", classname="gate", name="session")
    nothing = result.exit_code == CANNOT_JUDGE and not any(
        verdict.kind == UNSURE for verdict in result.verdicts
    )
    stopped = result.interrupted or result.stopped is not None
    if result.invalid is not None or stopped or nothing:
        said = f"{outcome.head(result)}: {outcome.outcome(result)}"
        why = visible(result.invalid or said)
        ET.SubElement(test, "error", type=outcome.head(result), message=said).text = why


def _add_test(suite: ET.Element, name: str, verdict: Verdict, *, lenient: bool) -> None:
    cell = visible(verdict.cell)
    test = ET.SubElement(suite, "testcase", classname=f"gate.{name}", name=cell)
    tag = "skipped" if lenient and verdict.kind == UNSURE else _TAGS.get(verdict.kind)
    if tag is None:
        return
    change = words.change(verdict)
    measured = "" if change == words.ABSENT else f"{change}, limit {words.limit(verdict)}"
    said = "; ".join(part for part in (verdict.kind, measured, words.note(verdict)) if part)
    ET.SubElement(test, tag, type=verdict.kind, message=said).text = f"{cell}: {said}"
