"""A process that has imported the frameworks and forks contenders in milliseconds.

Our own rather than multiprocessing's forkserver: that one re-imports pytest in each child
(170 ms a fork instead of 15), allows one a parent, and hides exit statuses.

The preload must run no parallel region (libgomp's first one in a child then hangs for ever)
and no onnxruntime (it starts a thread at import).
"""

import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import traceback
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Self

from bench_core import discover
from bench_core.errors import Incomparable, Unavailable
from bench_core.interpreter import command
from bench_core.wire import PROTOCOL, BrokenWire, Wire

_PR_SET_PDEATHSIG = 1
_ENDING_LIMIT_S = 5.0



class Zygote:
    """The parent's handle on one."""

    def __init__(self, preload: Sequence[str], start_limit_s: float = 120.0) -> None:
        ours, theirs = socket.socketpair()
        fd, given = theirs.fileno(), json.dumps(discover.given())
        self.wire = Wire(ours)
        self.preload = tuple(preload)
        self._process = subprocess.Popen(
            command("bench_core.duel.zygote:main", str(fd), given, *preload),
            pass_fds=[fd],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            start_new_session=True,  # the terminal's Ctrl-C is for the parent alone
            env={**os.environ, **_QUIET},
        )
        theirs.close()
        self.pid = self._process.pid
        self._limit_s: float | None = start_limit_s

    def await_start(self) -> "Zygote":
        """Wait until it has imported everything; several can start meanwhile.

        Raises: Unavailable for what cannot be imported; Incomparable where its bench_core
        is another than ours.
        """
        if self._limit_s is not None:
            hello, _ = self.wire.receive(self._limit_s)
            self._limit_s = None
            if error := hello.get("error"):
                raise Unavailable(f"expected to import {', '.join(self.preload)}; {error}")
            if hello["protocol"] != PROTOCOL:
                raise Incomparable(
                    f"expected protocol {PROTOCOL}, its bench_core speaks {hello['protocol']}"
                )
        return self

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def fork(self, end: socket.socket, log_fd: int) -> int:
        """A new worker that serves `end` and writes its stdout and stderr to `log_fd`."""
        self.await_start()
        self.wire.send({"do": "fork"})
        socket.send_fds(self.wire.socket, [b"f"], [end.fileno(), log_fd])
        reply, _ = self.wire.receive(30.0)
        return int(reply["pid"])

    def reap(self, pid: int) -> int:
        """Wait for a worker that has ended or been killed; returns its wait status."""
        self.wire.send({"do": "reap", "pid": pid})
        reply, _ = self.wire.receive(30.0)
        return int(reply["status"])

    def close(self) -> None:
        self.wire.close()
        self._process.kill()
        self._process.wait()

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
    die_with_parent()
    wire = Wire(socket.socket(fileno=int(fd)))
    discover.give(json.loads(given))
    try:
        for name in preload:
            importlib.import_module(name)
        discover.models()
        discover.modes()
    except ImportError as error:
        wire.send({"error": str(error)})
        return
    gc.collect()
    gc.freeze()
    wire.send({"protocol": PROTOCOL})
    while True:
        try:
            message, _ = wire.receive()
        except BrokenWire:
            return
        wire.send(_fork(wire) if message["do"] == "fork" else _reap(message["pid"]))


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


def die_with_parent() -> None:
    """Have the kernel kill this process when its parent ends: even a stopped one then dies."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
