"""Real interpreters and real pip, on wheels that are made here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bench_core.errors import BenchError, UsageError
from bench_core.gate.environments import environments
from bench_core.gate.trees import Tree

PROJECT = "[project]\nname = 'x'\nversion = '1'\ndependencies = {}\n"


@pytest.fixture
def trees(tmp_path, monkeypatch):
    """Two trees of one length, of a repository in which we stand."""
    repository = tmp_path / "repository"
    repository.mkdir()
    monkeypatch.chdir(repository)
    made = []
    for name in ("base", "head"):
        (tmp_path / "trees" / name).mkdir(parents=True)
        made.append(Tree(repository, tmp_path / "trees" / name, name, "0" * 40, dirty=False))
    return tuple(made)


def project(tree: Tree, *dependencies: str) -> None:
    (tree.folder / "pyproject.toml").write_text(PROJECT.format(json.dumps(dependencies)))


def run(environment, code: str) -> str:
    """In that interpreter, as a zygote does it."""
    boot = f"import json, sys; sys.path[:] = json.loads(sys.argv[1]); {code}"
    command = [environment.python, "-c", boot, json.dumps(environment.path)]
    return subprocess.run(
        command, cwd=environment.folder, check=True, capture_output=True, text=True
    ).stdout.strip()


def test_equal_locks_share_our_interpreter_and_find_their_own_code(trees, tmp_path):
    for tree in trees:
        project(tree, "numpy>=2")
        (tree.folder / "own.py").write_text(f"name = {tree.name!r}")
    both = environments(tmp_path, trees, "constraints.txt", print)
    assert {one.python for one in both} == {sys.executable}
    assert [run(one, "import own, numpy; print(own.name)") for one in both] == ["base", "head"]
    assert len(" ".join(both[0].path)) == len(" ".join(both[1].path))


def test_what_lies_in_src_or_on_our_path_in_the_repository_is_the_trees_own(
    trees, tmp_path, monkeypatch
):
    repository = Path.cwd()
    for folder in (repository, trees[0].folder, trees[1].folder):
        for place in ("src", "lib"):
            (folder / place).mkdir()
            (folder / place / f"in_{place}.py").write_text(f"name = {folder.name!r}")
    monkeypatch.syspath_prepend(repository / "lib")
    for one, name in zip(
        environments(tmp_path, trees, "c.txt", print), ("base", "head"), strict=True
    ):
        assert (
            run(one, "import in_src, in_lib; print(in_src.name, in_lib.name)") == f"{name} {name}"
        )


def test_locks_that_differ_are_installed_once_each_at_equally_long_paths(trees, tmp_path, wheel):
    said = []
    for tree, version in zip(trees, ("1.0", "2.0"), strict=True):
        project(tree, f"tiny @ {wheel(version).as_uri()}")
    both = environments(tmp_path, trees, "constraints.txt", said.append)
    assert [run(one, "import tiny; print(tiny.version)") for one in both] == ["1.0", "2.0"]
    assert len(both[0].python) == len(both[1].python) and both[0].python != both[1].python
    assert [line.split(",")[0] for line in said] == [
        f"installing the environment of {name}" for name in ("base", "head")
    ]
    assert environments(tmp_path, trees, "constraints.txt", said.append) == both
    assert len(said) == 2


def test_what_cannot_be_installed_is_one_line_and_is_tried_again(trees, tmp_path):
    project(trees[0], f"tiny @ {(tmp_path / 'nowhere.whl').as_uri()}")
    project(trees[1])
    for _ in range(2):
        with pytest.raises(BenchError, match=r"pip install … ended with 1: .*nowhere"):
            environments(tmp_path, trees, "constraints.txt", print)


def test_a_torn_pyproject_is_one_line(trees, tmp_path):
    (trees[0].folder / "pyproject.toml").write_text("[project")
    with pytest.raises(UsageError, match=r"base: pyproject\.toml is not TOML"):
        environments(tmp_path, trees, "constraints.txt", print)
