"""A throw-away repository with all of our code and one mode more, whose commits do things to it."""

import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from bench_core.analysis.gate.result import GateResult

ROOT = Path(__file__).parent.parent.parent
BENCH = Path(sys.executable).with_name("bench")

SUBJECT = '''"""Eager, and what each commit does to it."""

from dataclasses import replace

from bench_core.modes.eager import EAGER_INFERENCE_MODE


def prepare(job):
    runner = EAGER_INFERENCE_MODE.prepare(job)
    return runner


SUBJECT = replace(
    EAGER_INFERENCE_MODE, name="subject", summary="of a test", min_sqnr_db=3.0, prepare=prepare
)
'''
COMMITS = {
    "nothing": ("of a test", "of the same test"),
    "slower": (
        "    return runner",
        "    def call(feed):\n"
        "        sum(range(20_000))\n"
        "        return runner.call(feed)\n\n"
        "    return replace(runner, call=call)",
    ),
    "less accurate": (
        "    return runner",
        "    def read(output):\n"
        "        (scores,) = runner.read(output)\n"
        "        scores[7::8] = scores[7::8, ::-1]\n"
        "        return [scores]\n\n"
        "    return replace(runner, read=read)",
    ),
    "renamed": ('name="subject"', 'name="renamed_subject"'),
    "broken": ("    return runner", '    raise RuntimeError("no such kernel")'),
}
LOCKED = (
    "    return runner",
    "    import tiny\n\n"
    "    percents = 100 + 2 * float(tiny.version)\n"
    "    return replace(runner, artifact_bytes=int(runner.artifact_bytes * percents / 100))",
)


class Repository:
    """The commit "before", and a branch of one commit more for each of COMMITS."""

    def __init__(self, folder: Path, home: Path) -> None:
        self.folder = folder
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(folder),
            "XDG_CACHE_HOME": str(home / "cache"),
            "TMPDIR": str(home),
            **{f"GIT_{who}_NAME": "n" for who in ("AUTHOR", "COMMITTER")},
            **{f"GIT_{who}_EMAIL": "n@example.org" for who in ("AUTHOR", "COMMITTER")},
        }
        for name in _tracked():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
        subject = folder / "bench_core" / "modes" / "subject.py"
        subject.write_text(SUBJECT)
        self.git("init", "--quiet", "--initial-branch", "before")
        self._commit("before")
        for name, (old, new) in COMMITS.items():
            self.git("switch", "--quiet", "--create", name.replace(" ", "-"), "before")
            assert old in SUBJECT
            subject.write_text(SUBJECT.replace(old, new))
            self._commit(name)
        self.git("switch", "--quiet", "before")

    def commit_locks(self, *versions: str) -> None:
        """On "before" a branch "lock-…" for each: it depends on that version of "tiny" alone, and
        its artefact is larger by twice as many percents."""
        for version in versions:
            self.git("switch", "--quiet", "--create", f"lock-{version}", "before")
            project = self.folder / "pyproject.toml"
            listed = re.compile(r"^dependencies = \[.*?^\]", re.MULTILINE | re.DOTALL)
            text, found = listed.subn('dependencies = ["tiny"]', project.read_text())
            assert found == 1
            project.write_text(text)
            (self.folder / "constraints.txt").write_text(f"tiny=={version}\n")
            old, new = LOCKED
            assert old in SUBJECT
            subject = self.folder / "bench_core" / "modes" / "subject.py"
            subject.write_text(SUBJECT.replace(old, new))
            self._commit(f"lock {version}")

    def git(self, *arguments: str) -> str:
        command = ["git", "-C", str(self.folder), *arguments]
        return subprocess.run(
            command, env=self.environment, check=True, capture_output=True, text=True
        ).stdout

    def on(self, branch: str) -> "Repository":
        self.git("switch", "--quiet", branch.replace(" ", "-"))
        return self

    def gate(self, *arguments: str, command: tuple[str, ...] = (str(BENCH), "gate")):
        return subprocess.run(
            [*command, *arguments], cwd=self.folder, env=self.environment,
            capture_output=True, text=True, check=False, timeout=400,
        )  # fmt: skip

    def nox(self) -> tuple[str, ...]:
        """The same through nox, in a session whose environment is ours."""
        session = self.folder / ".nox" / "gate"
        session.parent.mkdir(exist_ok=True)
        if not session.exists():
            session.symlink_to(sys.prefix)
        return str(BENCH.with_name("nox")), "-R", "-s", "gate", "--"

    def start(
        self, *arguments: str, command: tuple[str, ...] = (str(BENCH), "gate")
    ) -> subprocess.Popen:
        return subprocess.Popen(
            [*command, *arguments], cwd=self.folder, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def result(self) -> GateResult:
        """Of the newest gate."""

        files = sorted(
            (self.folder / "results").glob("gate_*.json"), key=lambda f: f.stat().st_mtime
        )
        return GateResult.from_json(json.loads(files[-1].read_text()))

    def _commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--message", message)


def _tracked() -> list[str]:
    command = ["git", "-C", str(ROOT), "ls-files", "-co", "--exclude-standard"]
    listed = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    wanted = ("bench_core/", "pyproject.toml", "constraints.txt", "noxfile.py", ".gitignore")
    return [name for name in listed if name.startswith(wanted) and (ROOT / name).is_file()]


@pytest.fixture(scope="session")
def repository(tmp_path_factory):
    return Repository(tmp_path_factory.mktemp("repository"), tmp_path_factory.mktemp("home"))


@pytest.fixture
def wheel(tmp_path):
    """Makes wheels of a distribution "tiny" whose module says its version; files: more of it."""

    def make(version: str, **files: str) -> Path:
        info, file = f"tiny-{version}.dist-info", tmp_path / f"tiny-{version}-py3-none-any.whl"
        content = {
            "tiny.py": f"version = {version!r}\n",
            **files,
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: tiny\nVersion: {version}\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/RECORD": "",
        }
        with zipfile.ZipFile(file, "w") as archive:
            for name, text in content.items():
                archive.writestr(name, text)
        return file

    return make
