"""A process that has imported the frameworks and forks contenders in milliseconds.

Our own rather than multiprocessing's forkserver: that one re-imports pytest in each child
(170 ms a fork instead of 15), allows one a parent, and hides exit statuses.
"""

import contextlib
import json
import os
import socket
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import bench_core
from bench_core import discover
from bench_core.duel.environment import Environment, here
from bench_core.errors import Incomparable, Unavailable, WorkerCrashed, WorkerTimeout
from bench_core.interpreter import tail
from bench_core.wire import PROTOCOL, BrokenWire, Wire

_ENDING_LIMIT_S = 5.0
_ANSWER_LIMIT_S = 30.0
_LAST_WORDS = 800

_BOOT = """
import importlib.util, json, sys
ours, path, *arguments = sys.argv[1:]
sys.path[:] = json.loads(path)
spec = importlib.util.spec_from_file_location(
    "bench_measuring", ours + "/__init__.py", submodule_search_locations=[ours]
)
sys.modules[spec.name] = importlib.util.module_from_spec(spec)
from bench_measuring.worker.zygote import main
main(*arguments)
"""
"""Runs our worker's files, by their place, under a name of their own: see bench_core/worker."""

_OURS = str(Path(bench_core.__file__).resolve().parent)


class Zygote:
    """The parent's handle on one.

    environment: what it and its contenders run under; None for our own.
    given: models that were given by their place; None for all that were.
    models, modes: what its bench_core has, once it has started; of a model its lengths.
    """

    def __init__(
        self,
        preload: Sequence[str],
        environment: Environment | None = None,
        given: Mapping[str, Any] | None = None,
        start_limit_s: float = 120.0,
    ) -> None:
        environment = environment or here()
        ours, theirs = socket.socketpair()
        fd = theirs.fileno()
        path = json.dumps(environment.path)
        places = json.dumps(discover.given() if given is None else dict(given))
        self.wire = Wire(ours)
        self.preload = tuple(preload)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `close`)
        self._process = subprocess.Popen(
            [environment.python, "-c", _BOOT, _OURS, path, str(fd), places, *preload],
            pass_fds=[fd],
            cwd=environment.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._log,  # what a library writes there must not reach the terminal raw
            start_new_session=True,  # the terminal's Ctrl-C is for the parent alone
            env={**os.environ, **_QUIET},
        )
        theirs.close()
        self.pid = self._process.pid
        self.models: dict[str, list[int]] = {}
        self.modes: tuple[str, ...] = ()
        self._limit_s: float | None = start_limit_s

    def await_start(self) -> "Zygote":
        """Wait until it has imported everything; several can start meanwhile.

        Raises: Unavailable for what cannot be imported; Incomparable where its bench_core
        is another than ours; WorkerCrashed or WorkerTimeout if it ends or hangs meanwhile.
        """
        if self._limit_s is not None:
            hello = self._hello(self._limit_s)
            self._limit_s = None
            if error := hello.get("error"):
                raise Unavailable(f"expected to import {', '.join(self.preload)}; {error}")
            if hello["protocol"] != PROTOCOL:
                raise Incomparable(
                    f"expected protocol {PROTOCOL}, its bench_core speaks {hello['protocol']}"
                )
            self.models, self.modes = hello["models"], tuple(hello["modes"])
        return self

    def _hello(self, limit_s: float) -> dict[str, Any]:
        names = ", ".join(self.preload)
        try:
            return self.wire.receive(limit_s)[0]
        except TimeoutError:
            self.close()
            raise WorkerTimeout(f"importing {names} took more than {limit_s:.0f} s") from None
        except BrokenWire:
            code = self._process.wait()
            said = tail(self._log, _LAST_WORDS)
            self.close()
            raise WorkerCrashed(
                f"the process that was to import {names} ended with {code}: {said or 'no word'}"
            ) from None

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def fork(self, end: socket.socket, log_fd: int) -> int:
        """A new worker that serves `end` and writes its stdout and stderr to `log_fd`."""
        self.await_start()
        self.wire.send({"do": "fork"}, limit_s=_ANSWER_LIMIT_S)
        try:
            socket.send_fds(self.wire.socket, [b"f"], [end.fileno(), log_fd])
        except OSError as error:
            raise BrokenWire(f"could not send: {error}") from None
        reply, _ = self.wire.receive(_ANSWER_LIMIT_S)
        return int(reply["pid"])

    def reap(self, pid: int) -> int:
        """Wait for a worker that has ended or been killed; returns its wait status.

        Whatever it left behind is ended with it, daemons included.
        """
        self.wire.send({"do": "reap", "pid": pid}, limit_s=_ANSWER_LIMIT_S)
        reply, _ = self.wire.receive(_ANSWER_LIMIT_S)
        return int(reply["status"])

    def close(self) -> None:
        """End it, and all that descends from it."""
        self.wire.close()
        if self._limit_s is None:  # it listens, so it sees the end, and ends its children first
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(2 * _ENDING_LIMIT_S)
        self._process.kill()
        self._process.wait()
        self._log.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()


_QUIET = {
    "HF_HUB_OFFLINE": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "TRANSFORMERS_VERBOSITY": "error",
}
