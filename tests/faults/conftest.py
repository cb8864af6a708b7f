"""A place to run the real command in, with misbehaving.py's modes to be found."""

import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bench_core.analysis.load import Results, load
from bench_core.duel.probe import measure_imports
from bench_core.sweep.cache import model_folder
from bench_core.sweep.results import write_json

ROOT = Path(__file__).parent.parent.parent


@dataclass
class Place:
    """A folder with nothing in it but the suite, and the environment of those who run there."""

    folder: Path
    environment: dict[str, str]
    command: str = str(Path(sys.executable).with_name("bench"))
    started: list[subprocess.Popen] = field(default_factory=list)

    def bench(self, *arguments: str, **more) -> subprocess.CompletedProcess:
        return self.run([self.command, *arguments], **more)

    def run(self, command, **more) -> subprocess.CompletedProcess:
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True,
            check=False, timeout=300, **more,
        )  # fmt: skip

    def start(self, *arguments: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [self.command, *arguments], cwd=self.folder, env=self.environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self.started.append(process)
        return process

    def results(self) -> Results:
        (path,) = (self.folder / "results").glob("*.json")
        return load(path)

    @property
    def journal(self) -> str:
        return (self.folder / "results" / ".journal" / "journal.jsonl").read_text()

    def processes(self) -> list[str]:
        """Living ones that stand in the folder, daemons too."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                state = (entry / "stat").read_text().rsplit(")", 1)[1].split()[0]
                if state != "Z" and (entry / "cwd").readlink() == self.folder:
                    found.append((entry / "cmdline").read_text())
            except (FileNotFoundError, PermissionError, ProcessLookupError):
                continue
        return found

    def leaves_nothing(self) -> None:
        """No process, and no temporary file but the lock."""
        deadline = time.monotonic() + 10
        while left := self.processes():
            assert time.monotonic() < deadline, left
            time.sleep(0.05)
        temporary = Path(self.environment["TMPDIR"])
        # ".ses" is ONNX Runtime's own, of every process that imports it.
        left = [file.name for file in temporary.iterdir() if file.name != ".ses"]
        assert [name for name in left if not name.endswith(".lock")] == []
        assert list(self.folder.rglob("*.part")) == []


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """One for all, so that a cell is built for the first time once; imports are timed once."""
    home = tmp_path_factory.mktemp("cache")
    for modules in (["torch"], ["onnxruntime"]):
        found = measure_imports(modules, launches=2)
        note = model_folder(home / "bench-core", "mlp") / f"imports-{modules[0]}.json"
        write_json(note, {"seconds": found.seconds, "rss_bytes": found.rss_bytes})
    return home


@pytest.fixture
def place(tmp_path, cache, plugin):
    folder, temporary = tmp_path / "place", tmp_path / "tmp"
    (folder / "benchmarks").mkdir(parents=True)
    temporary.mkdir()
    suite = (ROOT / "benchmarks" / "bench_cells.py").read_text()
    (folder / "benchmarks" / "bench_cells.py").write_text(suite)
    (folder / "pytest.ini").write_text("[pytest]\npython_files = bench_*.py\n")
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join([*plugin, str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "XDG_CACHE_HOME": str(cache),
        "TMPDIR": str(temporary),
        "TORCHINDUCTOR_CACHE_DIR": str(cache / "inductor"),
    }
    one = Place(folder, environment)
    yield one
    for process in one.started:
        process.kill()
        process.stdout.close()
        process.wait()


@pytest.fixture
def in_own_mounts():
    """A prefix to a command line: as if root, with mounts that nobody else sees."""
    prefix = ["unshare", "--map-root-user", "--mount"]
    try:
        subprocess.run([*prefix, "mount", "-t", "tmpfs", "none", "/mnt"], check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        pytest.skip("a mount of one's own is not allowed here")
    return prefix
