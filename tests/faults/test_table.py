"""The README's table of faults: each row's tests are there."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SECTION = (ROOT / "README.md").read_text().split("## What can go wrong, and what you see")[1]
ROWS = re.findall(
    r"^\| (?!fault |-)(.+?) \| (.+?) \| (.+?) \|$", SECTION.split("\n## ")[0], re.MULTILINE
)


def functions(file):
    return {
        node.name for node in ast.parse(file.read_text()).body if isinstance(node, ast.FunctionDef)
    }


def test_there_is_a_table():
    assert len(ROWS) >= 20


@pytest.mark.parametrize(("fault", "seen", "tests"), ROWS, ids=[row[0][:40] for row in ROWS])
def test_each_row_names_tests_that_are_there(fault, seen, tests):
    named = re.findall(r"`(\S+)::(test_\w+)`", tests)
    assert fault and seen and named
    for file, name in named:
        (path,) = (ROOT / "tests").rglob(file)
        assert name in functions(path)
