"""A cell alive in its own process, as its parent sees it: stopped whenever it is not asked."""

import contextlib
import os
import signal
import socket
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from bench_core.cell import Cell
from bench_core.duel.zygote import Zygote
from bench_core.errors import BenchError, OutOfMemory, WorkerCrashed, WorkerTimeout
from bench_core.hardware.memory import oom_kills, says_out_of_memory
from bench_core.interpreter import tail
from bench_core.wire import BrokenWire, Garbled, Message, Wire

BUILD_LIMIT_S = 600.0
CALL_LIMIT_S = 120.0
TASK_LIMIT_S = 1800.0
_LAST_WORDS = 2000


class Failure(BenchError):
    """A worker's own report of what it could not do."""

    def __init__(self, status: str, message: str, detail: str) -> None:
        super().__init__(message)
        self.status = status
        self.detail = detail


class Worker:
    """A process forked from a zygote. Ask it things; close it.

    Between questions it is stopped (SIGSTOP): threads that spin after a call (libgomp 10 ms,
    onnxruntime 45 ms) would otherwise take the cores from whoever is timed next.
    """

    def __init__(self, zygote: Zygote) -> None:
        self._zygote = zygote
        self._log = tempfile.TemporaryFile()  # noqa: SIM115  (closed by `close`)
        ours, theirs = socket.socketpair()
        self._wire = Wire(ours)
        try:
            self.pid = zygote.fork(theirs, self._log.fileno())
        except BaseException as error:
            ours.close()
            self._log.close()
            if not isinstance(error, BrokenWire | TimeoutError):
                raise
            zygote.close()  # whoever asks next must find it dead, not dying
            raise WorkerCrashed(f"the zygote that was to fork it is gone ({error})") from None
        finally:
            theirs.close()
        self._oom_kills = oom_kills()
        self._open = True

    @property
    def alive(self) -> bool:
        return self._open

    def ask(
        self, do: str, limit_s: float | None = None, **fields: Any
    ) -> tuple[Message, list[np.ndarray]]:
        """Send one message and wait for its answer, by default for CALL_LIMIT_S.

        Raises: Failure with the worker's own words; WorkerCrashed or WorkerTimeout, after
        which the worker is gone.
        """
        limit_s = CALL_LIMIT_S if limit_s is None else limit_s
        self._send(do, limit_s, fields)
        return self._await(do, limit_s)

    def _send(self, do: str, limit_s: float, fields: Message) -> None:
        if not self._open:
            raise WorkerCrashed("this contender has ended")
        self._signal(signal.SIGCONT)
        with self._its_end_told(do, limit_s):
            self._wire.send({"do": do, **fields}, limit_s=limit_s)

    def _await(self, do: str, limit_s: float) -> tuple[Message, list[np.ndarray]]:
        with self._its_end_told(do, limit_s):
            reply, arrays = self._wire.receive(limit_s)
        self._signal(signal.SIGSTOP)
        if problem := reply.get("error"):
            raise Failure(problem["status"], problem["message"], problem["traceback"])
        return reply, arrays

    @contextlib.contextmanager
    def _its_end_told(self, do: str, limit_s: float) -> Iterator[None]:
        """Close it, and say what it came to, where the wire ends or is left half-way."""
        try:
            yield
        except TimeoutError:
            self.close()
            raise WorkerTimeout(
                f"no answer to {do!r} within {limit_s:.0f} s; the process was killed"
            ) from None
        except Garbled as error:
            self.close()
            raise WorkerCrashed(
                f"its answer to {do!r} is none ({error}); the process was killed"
            ) from None
        except BrokenWire as error:
            raise self._post_mortem(do, error) from None
        except BaseException:  # Ctrl-C: the answer that is still to come would be misread
            self.close()
            raise

    def close(self, *, kill: bool = True) -> int | None:
        """End it and whatever it started; returns its wait status, the first time.

        kill: False for one that is ending by itself, whose own status is wanted.
        """
        if not self._open:
            return None
        self._open = False
        self._wire.close()
        self._log.close()
        if kill:
            self._signal(signal.SIGKILL)  # it may not lead its group yet
        status = None
        with contextlib.suppress(BrokenWire, TimeoutError, KeyError):
            status = self._zygote.reap(self.pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        return status

    def _post_mortem(self, do: str, error: BrokenWire) -> BenchError:
        """What to say of a worker that has gone; its last words are the error's note."""
        said = tail(self._log, _LAST_WORDS)
        status = self.close(kill=False)
        if status is None:
            crash: BenchError = WorkerCrashed(f"its zygote ended during {do!r} ({error})")
        elif not os.WIFSIGNALED(status):
            code = os.waitstatus_to_exitcode(status)
            crash = WorkerCrashed(f"the process exited with {code} during {do!r}")
        else:
            name = signal.Signals(os.WTERMSIG(status)).name
            crash = WorkerCrashed(f"the process was killed by {name} during {do!r}")
            if name == "SIGKILL" and oom_kills() > self._oom_kills:
                crash = OutOfMemory(f"the kernel, out of memory, killed the process during {do!r}")
        if says_out_of_memory(said):
            crash = OutOfMemory(f"{crash}; its last words: {said.splitlines()[-1]}")
        if said:
            crash.add_note(said)
        return crash

    def _signal(self, number: signal.Signals) -> None:
        """To it and all that it has started: a child's threads would take the cores as well."""
        try:
            os.killpg(self.pid, number)
        except ProcessLookupError:  # it does not lead its group yet
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        self.close()


class Contender(Worker):
    """A worker that builds one cell: it has when `await_start` returns.

    cell: its mode and length decide what is built.
    folder: where its artefacts are kept; what is found there is not made again.
    memory_bytes: the most that it may take beyond its frameworks; None for no limit.
    slowdown: a share of its own time by which each of its calls is made longer, to be found.
    started: what it says of the build.
    """

    started: Message

    def __init__(
        self,
        zygote: Zygote,
        cell: Cell,
        folder: Path,
        cores: Sequence[int],
        memory_bytes: int | None = None,
        slowdown: float = 0.0,
    ) -> None:
        super().__init__(zygote)
        self.cell = cell
        self._cores = list(cores)
        self._slowdown = slowdown
        folder.mkdir(parents=True, exist_ok=True)
        asked = {"cell": str(cell), "folder": str(folder.resolve()), "memory_bytes": memory_bytes}
        self._send("start", BUILD_LIMIT_S, asked)

    def await_start(self) -> Self:
        """Wait until it is built. Raises: as `ask`, after which it is closed."""
        try:
            self.started, _ = self._await("start", BUILD_LIMIT_S)
        except BaseException:
            self.close()
            raise
        return self

    def warm(self) -> Message:
        """Place its threads and warm it up; `median_s` is what a call then takes."""
        return self.ask("warm", cores=self._cores, slowdown=self._slowdown)[0]

    def block(self, samples: int, calls: int) -> tuple[np.ndarray, list[int]]:
        """One timed block: ns of each sample, and the canaries before and after."""
        reply, (taken_ns,) = self.ask("block", samples=samples, calls=calls)
        return taken_ns, reply["canary_ns"]
