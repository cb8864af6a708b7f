"""Fresh interpreters of the Python that runs, which find modules where it does."""

import json
import os
import subprocess
import sys
from typing import Any

from bench_core.errors import WorkerCrashed

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from {module} import {name}; {name}(*sys.argv[2:])"
)
_ANSWER_FD = "BENCH_ANSWER_FD"


def command(function: str, *arguments: str) -> list[str]:
    """The command line of one that calls `function` ("package.module:name")."""
    module, _, name = function.partition(":")
    boot = _BOOT.format(module=module, name=name)
    return [sys.executable, "-c", boot, json.dumps(sys.path), *arguments]


def ask(function: str, *arguments: str, limit_s: float) -> dict[str, Any]:
    """What `function` passes to `answer`, in a fresh interpreter.

    Raises: WorkerCrashed, with the end of what it wrote, if it ends without an answer;
    TimeoutError if it has none within `limit_s`.
    """
    reader, writer = os.pipe()
    try:
        done = subprocess.run(
            command(function, *arguments),
            env={**os.environ, "HF_HUB_OFFLINE": "1", _ANSWER_FD: str(writer)},
            pass_fds=[writer],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=limit_s,
            text=True,
            errors="replace",
            check=False,
        )
        os.close(writer)
        writer = -1
        with os.fdopen(reader) as stream:
            reader, text = -1, stream.read()
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"no answer from {function} within {limit_s:.0f} s") from None
    finally:
        for end in (reader, writer):
            if end >= 0:
                os.close(end)
    if done.returncode or not text:
        raise WorkerCrashed(
            f"a fresh interpreter exited with {done.returncode}: {done.stderr.strip()[-800:]}"
        )
    found: dict[str, Any] = json.loads(text)
    return found


def answer(found: dict[str, Any]) -> None:
    """Give `found` to whoever asked; on a pipe, since libraries write to stdout."""
    with os.fdopen(int(os.environ[_ANSWER_FD]), "w") as stream:
        json.dump(found, stream)
