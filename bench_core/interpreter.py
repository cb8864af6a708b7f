"""Fresh interpreters of the Python that runs, which find modules where it does."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from typing import IO, Any

from bench_core.errors import WorkerCrashed, WorkerTimeout

_BOOT = """
import json, sys
sys.path[:] = json.loads(sys.argv[1])
from bench_core.hardware import processes
processes.die_with_parent()
processes.adopt_orphans()
from {module} import {name}
try:
    {name}(*sys.argv[2:])
finally:
    processes.end_children()
"""
_ANSWER_FD = "BENCH_ANSWER_FD"
_LAST_WORDS = 800


def command(function: str, *arguments: str) -> list[str]:
    """The command line of one that calls `function` ("package.module:name").

    It ends when we do, and what it has started, daemons included, when it does.
    """
    module, _, name = function.partition(":")
    boot = _BOOT.format(module=module, name=name)
    return [sys.executable, "-c", boot, json.dumps(sys.path), *arguments]


def ask(function: str, *arguments: str, limit_s: float) -> dict[str, Any]:
    """What `function` passes to `answer`, in a fresh interpreter.

    It, and what it started, ends when it has answered or we end.
    Raises: WorkerCrashed, with the end of what it wrote, if it ends without an answer;
    WorkerTimeout if it has none within `limit_s`.
    """
    # Files, not pipes: a child of its own that lives on would hold a pipe open.
    with tempfile.TemporaryFile() as answered, tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command(function, *arguments),
            env={**os.environ, "HF_HUB_OFFLINE": "1", _ANSWER_FD: str(answered.fileno())},
            pass_fds=[answered.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )
        try:
            code = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            raise WorkerTimeout(f"no answer from {function} within {limit_s:.0f} s") from None
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        text, said = tail(answered), tail(log, _LAST_WORDS)
    if code or not text:
        raise WorkerCrashed(f"a fresh interpreter exited with {code}: {said}")
    found: dict[str, Any] = json.loads(text)
    return found


def tail(file: IO[bytes], characters: int | None = None) -> str:
    """The end of what another process wrote to a file, or all of it."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0 if characters is None else max(0, size - characters))
    return file.read().decode(errors="replace").strip()


def answer(found: dict[str, Any]) -> None:
    """Give `found` to whoever asked; in a file, since libraries write to stdout."""
    with os.fdopen(int(os.environ[_ANSWER_FD]), "w") as stream:
        json.dump(found, stream)
