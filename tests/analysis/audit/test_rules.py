"""Every rule by its own examples, and what is true by none."""

from dataclasses import replace
from pathlib import Path

import pytest

import bench_core.analysis.audit.rules
from bench_core.analysis.audit.files import look
from bench_core.analysis.audit.rule import rules
from bench_core.analysis.audit.table import COLUMNS

RULES = list(rules().values())
NAMES = [rule.name for rule in RULES]


def test_a_file_is_a_rule_of_its_name():
    files = Path(bench_core.analysis.audit.rules.__path__[0]).glob("[!_]*.py")
    assert sorted(file.stem for file in files) == NAMES


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_it_looks_at_its_true_example_and_finds_nothing(rule):
    looks = list(rule.check(rule.true))
    assert looks and not any(looks)


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_it_finds_its_false_example(rule):
    findings = [finding for finding in rule.check(rule.false) if finding]
    assert findings
    for finding in findings:
        assert finding.found and finding.must and finding.why
        assert finding.where in {row.where for row in rule.false}


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_no_other_rule_finds_anything_in_a_true_example(rule):
    """But for evidence, without which no cell is ok, and which most examples leave out."""
    found = look(tuple(map(engaged, rule.true))).findings
    assert found == ()


def engaged(row):
    return replace(row, record=replace(row.record, engaged=True)) if row.record else row


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_it_looks_at_nothing_where_there_is_nothing(rule):
    assert list(rule.check(())) == []


@pytest.mark.parametrize("rule", RULES, ids=NAMES)
def test_the_columns_that_it_names_are_those_that_it_reads(rule):
    """A column that is not named does not move it: without it the example is judged alike."""
    assert set(rule.columns) <= set(COLUMNS)
    fields = {"latency_ms": "latency", "power_w": "power", "energy_mwh": "energy"}
    read = {fields.get(column, column) for column in rule.columns}
    for example in (rule.true, rule.false):
        if not rule.columns:
            continue
        unread = {fields.get(c, c) for c in COLUMNS} - read
        bare = tuple(replace(row, **dict.fromkeys(unread)) for row in example)
        found = [finding is not None for finding in rule.check(bare)]
        assert found == [finding is not None for finding in rule.check(example)]
