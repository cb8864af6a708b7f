"""A process that has imported the frameworks and forks contenders in milliseconds.

Our own rather than multiprocessing's forkserver: that one re-imports pytest in each child
(170 ms a fork instead of 15), allows one a parent, and hides exit statuses.

The preload must run no parallel region (libgomp's first one in a child then hangs for ever)
and no onnxruntime (it starts a thread at import).
"""

import contextlib
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from bench_core import discover
from bench_core.errors import Incomparable, Unavailable, WorkerCrashed, WorkerTimeout
from bench_core.hardware.processes import die_with_parent, end_children
from bench_core.interpreter import command, tail
from bench_core.wire import PROTOCOL, BrokenWire, Wire

_ENDING_LIMIT_S = 5.0
_ANSWER_LIMIT_S = 30.0
_LAST_WORDS = 800


class Zygote:
    """The parent's handle on one."""

    def __init__(self, preload: Sequence[str], start_limit_s: float = 120.0) -> None:
        ours, theirs = socket.socketpair()
        fd, given = theirs.fileno(), json.dumps(discover.given())
        self.wire = Wire(ours)
        self.preload = tuple(preload)
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `close`)
        self._process = subprocess.Popen(
            command("bench_core.duel.zygote:main", str(fd), given, *preload),
            pass_fds=[fd],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._log,  # what a library writes there must not reach the terminal raw
            start_new_session=True,  # the terminal's Ctrl-C is for the parent alone
            env={**os.environ, **_QUIET},
        )
        theirs.close()
        self.pid = self._process.pid
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


def main(fd: str, given: str, *preload: str) -> None:
    """The zygote's own process."""
    wire = Wire(socket.socket(fileno=int(fd)))
    discover.give(json.loads(given))
    try:
        for name in preload:
            importlib.import_module(name)
        discover.models()
        discover.modes()
    except Exception as error:  # noqa: BLE001  (a framework may raise anything when imported)
        wire.send({"error": f"{type(error).__name__}: {error}"})
        return
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGTERM, lambda *_: _end())
    die_with_parent(signal.SIGTERM)
    wire.send({"protocol": PROTOCOL})
    workers: set[int] = set()
    while True:
        try:
            message, _ = wire.receive()
            if message["do"] == "fork":
                reply = _fork(wire)
                workers.add(reply["pid"])
            else:
                reply = _reap(message["pid"])
                workers.discard(message["pid"])
                end_children(but=workers)
            wire.send(reply)
        except BrokenWire:
            _end()


def _end() -> None:
    """Without a parent nothing that descends from us may go on."""
    end_children()
    os._exit(0)


def _fork(wire: Wire) -> dict[str, Any]:
    _, (end_fd, log_fd), _, _ = socket.recv_fds(wire.socket, 1, 2)
    pid = os.fork()
    if pid:
        os.close(end_fd)
        os.close(log_fd)
        return {"pid": pid}
    status = 1
    try:
        os.setsid()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        die_with_parent()
        wire.close()
        os.dup2(log_fd, 1)
        os.dup2(log_fd, 2)
        os.close(log_fd)
        from bench_core.duel.worker import serve

        serve(Wire(socket.socket(fileno=end_fd)))
        status = 0
    except BaseException:  # noqa: BLE001  (the child must never return into the zygote's loop)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def _reap(pid: int) -> dict[str, Any]:
    """The wait status of a worker that is ending; one that does not end is made to."""
    deadline = time.monotonic() + _ENDING_LIMIT_S
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return {"status": status}
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            deadline = float("inf")
        time.sleep(0.001)
