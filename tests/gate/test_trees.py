"""Real git repositories; the trees are gone afterwards, whatever happens to us."""

import os
import signal
import subprocess
import sys
import time

import pytest

from bench_core.errors import UsageError
from bench_core.gate.trees import lay_out, missing_commits


def git(folder, *arguments):
    return subprocess.run(
        ["git", "-C", folder, *arguments], check=True, capture_output=True, text=True
    ).stdout.strip()


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """Two commits of `file`, and a working tree with a change, a new file and an ignored one."""
    folder = tmp_path / "repository"
    folder.mkdir()
    for key, value in {"user.name": "n", "user.email": "e@example.org"}.items():
        monkeypatch.setenv(f"GIT_AUTHOR_{key[5:].upper()}", value)
        monkeypatch.setenv(f"GIT_COMMITTER_{key[5:].upper()}", value)
    git(folder, "init", "--quiet", "--initial-branch", "main")
    (folder / ".gitignore").write_text("ignored\n")
    for text in ("first", "second"):
        (folder / "file").write_text(text)
        (folder / "deleted").write_text(text)
        git(folder, "add", ".")
        git(folder, "commit", "--quiet", "--message", text)
    (folder / "file").write_text("changed")
    (folder / "deleted").unlink()
    (folder / "new").write_text("new")
    (folder / "ignored").write_text("ignored")
    monkeypatch.chdir(folder)
    return folder


def test_base_is_the_revision_and_head_the_working_tree(repository, tmp_path):
    with lay_out(tmp_path / "cache", "HEAD~1") as (base, head):
        assert (base.folder / "file").read_text() == "first"
        assert (head.folder / "file").read_text() == "changed"
        assert (head.folder / "new").exists()
        assert not (head.folder / "deleted").exists() and not (head.folder / "ignored").exists()
        assert len(str(base.folder)) == len(str(head.folder))
        assert (base.dirty, head.dirty) == (False, True)
        assert base.revision == git(repository, "rev-parse", "HEAD~1")
        assert str(base.folder) in git(repository, "worktree", "list")
        assert missing_commits(base, head) == 0
    assert not base.folder.exists() and not head.folder.exists()
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert (repository / "file").read_text() == "changed"


def test_a_base_that_head_lacks_is_counted(repository, tmp_path):
    git(repository, "switch", "--quiet", "--detach", "--discard-changes", "HEAD~1")
    with lay_out(tmp_path / "cache", "main") as (base, head):
        assert missing_commits(base, head) == 1


def test_against_itself_both_are_the_working_tree(repository, tmp_path):
    with lay_out(tmp_path / "cache", None) as (base, head):
        assert (base.folder / "file").read_text() == (head.folder / "file").read_text() == "changed"
        assert base.revision == head.revision


@pytest.mark.parametrize("name", ["nowhere", "--help", "HEAD~99", ""])
def test_a_revision_that_is_not_there_is_one_line(repository, tmp_path, name):
    with pytest.raises(UsageError, match=r"expected a revision.*git fetch"):
        with lay_out(tmp_path / "cache", name):
            pass
    assert not (tmp_path / "cache").exists()


def test_outside_of_a_repository_is_one_line(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="expected a git repository here"):
        with lay_out(tmp_path / "cache", "main"):
            pass


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_half_way_it_leaves_no_worktree(repository, tmp_path, number):
    code = (
        "import sys, time; from pathlib import Path; from bench_core.gate.trees import lay_out\n"
        "with lay_out(Path(sys.argv[1]), 'HEAD'): print('laid', flush=True); time.sleep(60)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "cache")]
    with subprocess.Popen(command, cwd=repository, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "laid\n"
        assert len(git(repository, "worktree", "list").splitlines()) == 2
        os.kill(process.pid, number)
    deadline = time.monotonic() + 10
    while list((tmp_path / "cache").glob("gate/*")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert len(git(repository, "worktree", "list").splitlines()) == 1


def test_what_a_lost_machine_left_is_taken_away(repository, tmp_path):
    with lay_out(tmp_path / "cache", "HEAD") as (base, _):
        left = base.folder.parent.with_name(f"{base.folder.parent.name}9")
    (left / "base").mkdir(parents=True)
    with lay_out(tmp_path / "cache", "HEAD"):
        assert not left.exists()


def test_a_name_of_any_bytes_is_copied(repository, tmp_path):
    (repository / os.fsdecode(b"z\xe9")).write_text("latin")
    with lay_out(tmp_path / "cache", "HEAD") as (_, head):
        assert (head.folder / os.fsdecode(b"z\xe9")).read_text() == "latin"
