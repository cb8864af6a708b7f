"""A virtual environment for a side whose dependencies are not ours: installed once, and kept."""

import contextlib
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench_core.errors import BenchError

_COMPLETE = "complete"
_TOLD = ("torch", "onnxruntime")
_INSTALL_LIMIT_S = 3600


@dataclass(frozen=True)
class Lock:
    """What a tree depends on: its pyproject.toml's dependencies, and the constraints on them."""

    dependencies: tuple[str, ...]
    constraints: str

    @property
    def key(self) -> str:
        what = json.dumps([self.dependencies, self.constraints, sys.version])
        return hashlib.sha256(what.encode()).hexdigest()[:16]


def installed(cache: Path, lock: Lock, name: str, say: Callable[[str], None]) -> str:
    """The interpreter of the environment with that lock, made if it is not there yet.

    name: of the side that it is for. Raises: BenchError with pip's last words.
    """
    folder = cache / "gate" / f"env-{lock.key}"
    python = folder / "bin" / "python"
    if not (folder / _COMPLETE).exists():
        shutil.rmtree(folder, ignore_errors=True)
        say(f"installing the environment of {name}, which can take minutes")
        _run([sys.executable, "-m", "venv", str(folder)])
        pinned = folder / "constraints.txt"
        pinned.write_text(lock.constraints)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if lock.dependencies:
            _run([*command, "--constraint", str(pinned), *lock.dependencies])
        (folder / _COMPLETE).touch()
    os.utime(folder)
    return str(python)


def path_of(python: str) -> list[str]:
    """Where an interpreter looks for modules."""
    found: list[str] = json.loads(
        _run([python, "-c", "import json, sys; print(json.dumps(sys.path))"])
    )
    return [entry for entry in found if entry]


def described(python: str) -> str:
    """An interpreter by its path, and with its own versions where they are not ours."""
    if python == sys.executable:
        return python
    script = (
        "import importlib.metadata, sys; told = sys.argv[1:]; "
        "print(*(f'{d.name} {d.version}' for d in importlib.metadata.distributions() "
        "if d.name in told), sep=', ')"
    )
    return f"{python}, {_run([python, '-c', script, *_TOLD]).strip()}"


def _run(command: list[str]) -> str:
    """What it prints. It ends, with all that it started, when we are stopped.

    Raises: BenchError with the end of what it wrote.
    """
    what, pipe = f"{' '.join(command[:4])} …", subprocess.PIPE
    with subprocess.Popen(
        command, stdout=pipe, stderr=pipe, text=True, start_new_session=True
    ) as process:
        try:
            printed, complaints = process.communicate(timeout=_INSTALL_LIMIT_S)
        except subprocess.TimeoutExpired:
            raise BenchError(f"{what} took more than an hour") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    if process.returncode:
        said = " ".join(complaints.split())[-400:]
        raise BenchError(f"{what} ended with {process.returncode}: {said}")
    return printed
