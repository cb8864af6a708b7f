"""A zygote's own process: it imports the frameworks, then forks a worker when asked.

The preload must run no parallel region (libgomp's first one in a child then hangs for ever)
and no onnxruntime (it starts a thread at import).
"""

import gc
import importlib
import json
import os
import signal
import socket
import sys
import time
import traceback
from collections.abc import Sequence
from typing import Any

from ..hardware.processes import adopt_orphans, die_with_parent, end_children
from ..wire import BrokenWire, Wire

_ENDING_LIMIT_S = 5.0


def main(fd: str, given: str, *preload: str) -> None:
    """Serve the socket `fd`: models `given` as `discover.give` takes them, modules to import."""
    die_with_parent()
    adopt_orphans()
    wire = Wire(socket.socket(fileno=int(fd)))
    try:
        hello = _hello(json.loads(given), preload)
    except Exception as error:  # noqa: BLE001  (a framework may raise anything when imported)
        hello = {"error": f"{type(error).__name__}: {error}"}
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGTERM, lambda *_: _end())
    die_with_parent(signal.SIGTERM)
    wire.send(hello)
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


def _hello(given: Any, preload: Sequence[str]) -> dict[str, Any]:
    """Import everything, and say what this side speaks and has."""
    from bench_core import discover
    from bench_core.wire import PROTOCOL

    discover.give(given)
    for name in preload:
        importlib.import_module(name)
    return {
        "protocol": PROTOCOL,
        "models": {name: list(model.lengths) for name, model in discover.models().items()},
        "modes": list(discover.modes()),
    }


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
        from .serve import serve

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
