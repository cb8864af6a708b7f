"""The workflow that others copy: what it runs is there, and it may no more than it needs."""

import ast
import re
import shlex
from pathlib import Path

import pytest
import typer
import yaml

from bench_core.cli import app

ROOT = Path(__file__).parent.parent
WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/gate.yml").read_text())
STEPS = WORKFLOW["jobs"]["gate"]["steps"]
COMMANDS = [shlex.split(step["run"]) for step in STEPS if "run" in step]


def nox_sessions():
    """By the names that they are called by; nox itself is not in this environment."""
    for function in ast.parse((ROOT / "noxfile.py").read_text()).body:
        for mark in getattr(function, "decorator_list", ()):
            if ast.unparse(mark).startswith("nox.session"):
                given = {k.arg: ast.literal_eval(k.value) for k in getattr(mark, "keywords", ())}
                yield given.get("name", function.name)


def step(action):
    (found,) = [step for step in STEPS if step.get("uses", "").startswith(f"{action}@")]
    return found


def test_its_commands_are_there():
    install, run = COMMANDS
    assert install == ["pip", "install", "nox"]
    assert run[:2] == ["nox", "-s"]
    assert run[2] in set(nox_sessions())
    assert run[3] == "--"
    verb = typer.main.get_command(app).commands[run[2]]
    known = {option for parameter in verb.params for option in parameter.opts}
    assert {word for word in run[4:] if word.startswith("--")} <= known


def test_the_base_is_there_and_its_name_is_no_part_of_the_script():
    assert step("actions/checkout")["with"]["fetch-depth"] == 0
    assert COMMANDS[1][-1] == "origin/$GITHUB_BASE_REF"
    assert not any("${{" in step.get("run", "") for step in STEPS)


def test_it_may_only_read():
    assert WORKFLOW["permissions"] == {"contents": "read"}
    assert "permissions" not in WORKFLOW["jobs"]["gate"]
    assert WORKFLOW[True] == "pull_request"  # YAML 1.1 reads `on` as a boolean
    assert step("actions/checkout")["with"]["persist-credentials"] is False


def test_actions_are_pinned_by_major_version():
    used = [step["uses"] for step in STEPS if "uses" in step]
    assert all(re.fullmatch(r"actions/[a-z-]+@v\d+", one) for one in used)


def test_the_results_are_kept_however_it_ends():
    upload = step("actions/upload-artifact")
    assert upload["if"] == "always()"
    assert upload["with"]["path"].split() == [
        f"results/gate_*.{suffix}" for suffix in ("json", "md", "xml")
    ]


def test_its_cache_is_keyed_by_a_file_that_is_there():
    assert (ROOT / step("actions/setup-python")["with"]["cache-dependency-path"]).is_file()


@pytest.mark.parametrize("key", ["PIP_EXTRA_INDEX_URL"])
def test_torch_is_the_cpu_build(key):
    assert WORKFLOW["jobs"]["gate"]["env"][key].endswith("/whl/cpu")
