"""The gate as a maintainer runs it, on real commits of a real repository."""

import re
import signal
import sys
import time
from pathlib import Path

import pytest

from bench_core.analysis.verdict import BETTER, FAILED, GONE, NEW, UNSURE, WITHIN, WORSE

SUBJECT = "digits_cnn|subject|length=8|batch=1|cpu|cpu|threads=1"
CHOSEN = ("--models", "digits_cnn", "--modes", "subject")
TIME_ASIDE = ("--threshold", "50%")
"""Where time is not the point: on a busy machine too, two launches are enough."""
TRIES = 3
"""A session whose own control fails judges no time, whatever we wait for."""


def kinds(result, cell=SUBJECT):
    return {verdict.metric: verdict.kind for verdict in result.verdicts if verdict.cell == cell}


def judged(repository, *arguments, **how):
    """The result of a gate whose session was valid, and what it printed and exited with."""
    for _ in range(TRIES):
        done = repository.gate(*arguments, **how)
        assert "Traceback" not in done.stderr, done.stderr
        result = repository.result()
        if result.invalid is None:
            return result, done
    pytest.skip(f"no session of {TRIES} held still: {result.invalid}")


def test_a_commit_that_changes_nothing_passes(repository):
    result, done = judged(repository.on("nothing"), "--base", "before", *CHOSEN)
    assert kinds(result)["artifact_bytes"] == WITHIN
    assert kinds(result)["task"] == WITHIN
    assert kinds(result)["latency"] in (WITHIN, UNSURE)
    assert done.returncode == {WITHIN: 0, UNSURE: 3}[kinds(result)["latency"]], done.stdout
    assert result.base.name == "before" and result.head.name == "the working tree"
    phases = {"opening and closing", "environments", "launches", "tasks"}
    assert set(result.session["wall_s"]) == phases  # which together are all of it


def test_a_slower_commit_is_worse_and_its_reverse_better(repository):
    """Through nox, whose own exit codes know only 0 and 1: this one's must be the command's."""
    arguments = ("--base", "before", *CHOSEN)
    result, done = judged(repository.on("slower"), *arguments, command=repository.nox())
    assert kinds(result)["latency"] == WORSE, done.stdout
    assert done.returncode == 1 and "worse" in done.stdout
    verdict = next(one for one in result.verdicts if one.metric == "latency")
    assert verdict.launches >= 4 and verdict.change.low > 1.01
    assert re.search(
        r"; why: .*the working tree is .+ slower than before .+: it pays .+ in dispatch",
        verdict.reason,
    )
    result, done = judged(repository.on("before"), "--base", "slower", *CHOSEN)
    assert kinds(result)["latency"] == BETTER and done.returncode == 0
    assert any("base has 1 commit" in text for text in result.session["warnings"])


def test_a_commit_that_loses_accuracy_is_worse(repository):
    done = repository.on("less accurate").gate("--base", "before", *CHOSEN, *TIME_ASIDE)
    assert kinds(repository.result())["task"] == WORSE, done.stdout + done.stderr
    assert done.returncode == 1


def test_a_renamed_mode_is_gone_and_new(repository):
    arguments = ("--base", "before", "--models", "mlp", *TIME_ASIDE)
    done = repository.on("renamed").gate(*arguments)
    result = repository.result()
    cell = "mlp|{}|length=1|batch=1|cpu|cpu|threads=1"
    assert kinds(result, cell.format("subject"))["status"] == GONE, done.stdout + done.stderr
    assert done.returncode == 4
    done = repository.gate(*arguments, "--modes", "renamed_subject")
    assert kinds(repository.result(), cell.format("renamed_subject")) == {"status": NEW}
    assert done.returncode == 3 and "nothing" in done.stdout  # was judged


def test_a_broken_cell_fails_and_says_how_and_mended_it_is_new(repository, tmp_path, monkeypatch):
    """In every form that a gate is saved in, and to GitHub; as a pattern is that fits no cell."""
    summary = tmp_path / "summary.md"
    monkeypatch.setitem(repository.environment, "GITHUB_STEP_SUMMARY", str(summary))
    done = repository.on("broken").gate("--base", "before", *CHOSEN)
    assert kinds(repository.result()) == {"status": FAILED}
    assert done.returncode == 4 and "RuntimeError: no such kernel" in done.stdout
    newest = sorted((repository.folder / "results").glob("gate_*"), key=lambda f: f.stat().st_mtime)
    texts = {file.suffix: file.read_text() for file in newest[-3:]}
    assert texts[".md"] == summary.read_text()
    assert all("no such kernel" in texts[form] for form in (".json", ".md", ".xml"))
    unfit = "'*|compile_*' fits no cell of this run"
    assert all(unfit in text for text in (done.stdout, texts[".json"], texts[".md"]))
    done = repository.on("before").gate("--base", "broken", *CHOSEN)
    assert kinds(repository.result()) == {"status": NEW} and done.returncode == 3


def test_an_injected_slowdown_is_achieved_and_found(repository):
    arguments = ("--aa", "--slowdown", "20%", *CHOSEN)
    result, done = judged(repository.on("before"), *arguments)
    assert result.injected[SUBJECT] == pytest.approx(0.20, abs=0.08)
    assert kinds(result)["latency"] == WORSE and done.returncode == 1
    assert "20 %" in done.stdout


def test_versions_that_differ_get_environments_of_their_own_and_make_a_larger_artefact_worse(
    repository, tmp_path, monkeypatch, wheel
):
    """pip picks a wheel made here by each side's constraints; with it all that we have is found."""
    ours = "\n".join(path for path in sys.path if path.endswith("site-packages"))
    for version in ("1.0", "2.0"):
        wheel(version, **{"ours.pth": ours})
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path)}.items():
        monkeypatch.setitem(repository.environment, name, value)
    repository.commit_locks("1.0", "2.0")
    arguments = ("--base", "lock-1.0", "--models", "mlp", "--modes", "subject", *TIME_ASIDE)
    done = repository.gate(*arguments)
    result = repository.result()
    (verdict,) = (one for one in result.verdicts if one.metric == "artifact_bytes")
    assert done.returncode == 1, done.stdout + done.stderr
    assert verdict.kind == WORSE and verdict.change.value == pytest.approx(104 / 102, abs=1e-3)
    assert result.base.environment != result.head.environment
    assert all("env-" in side.environment for side in (result.base, result.head))
    said = done.stdout.splitlines()  # in a log: a line for each step that can last
    assert said[0] == "laying out lock-1.0 and head"
    assert [line.split(",")[0] for line in said[1:3]] == [
        f"installing the environment of {name}" for name in ("lock-1.0", "the working tree")
    ]
    assert said[3].startswith("screen: launch 1 of 2, 1 cell")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "either --base REVISION or --aa"),
        (("--base", "before", "--aa"), "either --base REVISION or --aa"),
        (("--base", "nowhere"), "git fetch"),
        (("--aa", "--threshold", "much"), "expected a share like 5%"),
        (("--aa", "--threshold", "0.1%"), "0.5 % to 100 %"),
        (("--aa", "--modes", "subjct"), "subject"),
    ],
)
def test_what_cannot_be_ends_with_2_before_anything_runs(repository, arguments, says):
    done = repository.on("before").gate(*arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert says in done.stderr and "Traceback" not in done.stderr
    assert len(repository.git("worktree", "list").splitlines()) == 1


def test_another_protocol_in_base_is_told_before_anything_runs(repository):
    repository.on("before").git("switch", "--quiet", "--create", "other-protocol")
    wire = repository.folder / "bench_core" / "wire.py"
    wire.write_text(wire.read_text().replace("\nPROTOCOL = 1\n", "\nPROTOCOL = 0\n"))
    repository.git("commit", "--quiet", "--all", "--message", "another protocol")
    done = repository.on("before").gate("--base", "other-protocol", *CHOSEN)
    assert done.returncode == 2 and "expected protocol 1" in done.stderr


@pytest.mark.parametrize(
    ("number", "through_nox", "code"),
    [(signal.SIGKILL, False, -9), (signal.SIGINT, False, 130), (signal.SIGTERM, True, 143)],
)
def test_stopped_half_way_it_leaves_no_worktree_and_no_process(
    repository, number, through_nox, code
):
    how = {"command": repository.nox()} if through_nox else {}
    process = repository.on("before").start("--base", "HEAD", *CHOSEN, **how)
    for line in process.stdout:
        if "launch 2" in line:
            break
    process.send_signal(number)
    printed = process.stdout.read()
    assert process.wait() == code, printed
    process.stdout.close()
    trees = Path(repository.environment["XDG_CACHE_HOME"]) / "bench-core" / "gate"
    deadline = time.monotonic() + 15
    while list(trees.glob("trees-*")) or _standing_in(trees):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert len(repository.git("worktree", "list").splitlines()) == 1
    if code > 0:
        assert repository.result().interrupted == number.name
        assert f"interrupted by {number.name}" in printed and f"exit code {code}" in printed


def _standing_in(folder: Path) -> list[str]:
    """Living processes whose working directory is in `folder`."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if (entry / "cwd").readlink().is_relative_to(folder):
                found.append((entry / "cmdline").read_text())
        except (FileNotFoundError, PermissionError, ProcessLookupError):
            continue
    return found
