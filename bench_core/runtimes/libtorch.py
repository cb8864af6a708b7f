"""libtorch without Python: a runner in C++ that loads a TorchScript file and times it itself."""

import hashlib
import importlib.util
import os
import shlex
import shutil
import signal
import socket
import subprocess
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bench_core.errors import BenchError, Unavailable, WorkerCrashed
from bench_core.runner import Inputs
from bench_core.wire import BrokenWire, Message, Wire

SOURCE = Path(__file__).with_name("libtorch_runner.cpp")
_HEADER = Path(__file__).with_name("libtorch_wire.h")
_ENDING_LIMIT_S = 5.0


def runner_name() -> str:
    """A file name for the runner of this source, built against this torch where it lies.

    torch itself is not imported: who finds the runner built needs none.
    """
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        raise Unavailable("expected torch, whose libraries the runner is linked to; found none")
    version = Path(spec.origin).with_name("version.py")
    digest = hashlib.sha256(str(version).encode())  # its folder is in the runner, as the rpath
    for file in (version, SOURCE, _HEADER):
        digest.update(file.read_bytes())
    return f"libtorch_runner-{digest.hexdigest()[:12]}"


def compile_runner(path: Path) -> None:
    """Build it, in about 20 s.

    Raises: Unavailable where there is no compiler; BenchError with what one said that failed.
    """
    compiler = _compiler()
    import torch
    from torch.utils.cpp_extension import include_paths, library_paths

    command = [*compiler, "-O2", "-std=c++20", str(SOURCE), "-o", str(path)]
    command += [f"-D_GLIBCXX_USE_CXX11_ABI={int(torch.compiled_with_cxx11_abi())}"]
    for folder in include_paths("cpu"):
        command += ["-isystem", folder]
    for folder in library_paths("cpu"):
        command += [f"-L{folder}", f"-Wl,-rpath,{folder}"]
    command += ["-ltorch_cpu", "-lc10"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip()
        first = next((line for line in said.splitlines() if "error" in line), said[:200])
        raise BenchError(
            f"expected {compiler[0]} to build {SOURCE.name} against torch {torch.__version__}; "
            f"it exited with {done.returncode}: {first}"
        )


def _compiler() -> list[str]:
    """What $CXX says, or the machine's own."""
    wanted = shlex.split(os.environ.get("CXX", ""))
    for command in [wanted] if wanted else [["g++"], ["c++"]]:
        if found := shutil.which(command[0]):
            return [found, *command[1:]]
    raise Unavailable(
        f"expected a C++ compiler, found no {wanted[0] if wanted else 'g++ or c++'}; "
        "install one, or name one in CXX"
    )


class Libtorch:
    """A runner that has loaded one file: it answers calls, and is the loop that times them.

    It stays in this process's group, and ends when `close` is called, this object is dropped
    or this process ends.

    Raises: RuntimeError with what libtorch said; WorkerCrashed once the runner is gone.
    """

    def __init__(self, runner: Path, script: Path, threads: int) -> None:
        ours, theirs = socket.socketpair()
        fd = str(theirs.fileno())
        with theirs:
            try:
                self._process = subprocess.Popen(
                    [runner.resolve(), fd, script, str(threads)],
                    pass_fds=[int(fd)],
                    stdin=subprocess.DEVNULL,
                )
            except OSError:
                ours.close()
                raise
        self._wire = Wire(ours)
        self.pid = self._process.pid
        self.close = weakref.finalize(self, _end, self._wire, self._process)
        self._held: Sequence[Inputs] = ()
        self._answer("loading")

    def call(self, inputs: Inputs) -> np.ndarray:
        """The output."""
        _, (output,) = self._ask("call", inputs)
        return output

    def warm_up(self, feeds: Sequence[Inputs]) -> float:
        self._hold(feeds)
        return float(self._ask("warm_up")[0]["median_ns"]) / 1e9

    def block(
        self, feeds: Sequence[Inputs], samples: int, calls: int
    ) -> tuple[np.ndarray, tuple[int, int]]:
        self._hold(feeds)
        reply, (taken_ns,) = self._ask("block", samples=samples, calls=calls)
        before, after = reply["canary_ns"]
        return taken_ns, (before, after)

    def evidence(self) -> dict[str, Any]:
        """What its graph and runtime say of themselves, and which libraries are in its process."""
        said, _ = self._ask("evidence")
        maps = Path(f"/proc/{self.pid}/maps").read_text().splitlines()
        mapped = {Path(line.split(maxsplit=5)[5]).name for line in maps if "/" in line}
        libraries = sorted(
            name for name in mapped if "python" in name or name.startswith(("libtorch", "libc10"))
        )
        return {**said, "libraries": libraries}

    def _hold(self, feeds: Sequence[Inputs]) -> None:
        """Have it keep the inputs that it is to be timed on, once."""
        if self._held is not feeds:
            arrays = [array for inputs in feeds for array in inputs]
            self._ask("hold", arrays, feeds=len(feeds))
            self._held = feeds

    def _ask(
        self, do: str, arrays: Sequence[np.ndarray] = (), **fields: Any
    ) -> tuple[Message, list[np.ndarray]]:
        try:
            self._wire.send({"do": do, **fields}, arrays)
        except BrokenWire:
            raise self._gone(do) from None
        return self._answer(do)

    def _answer(self, do: str) -> tuple[Message, list[np.ndarray]]:
        try:
            reply, arrays = self._wire.receive()
        except BrokenWire:
            raise self._gone(do) from None
        if error := reply.get("error"):
            raise RuntimeError(_said(error))
        return reply, arrays

    def _gone(self, do: str) -> WorkerCrashed:
        self.close()
        code = self._process.returncode
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"
        return WorkerCrashed(f"the libtorch runner (process {self.pid}) {how} during {do!r}")


def _said(error: str) -> str:
    """The line that matters: the last where the interpreter failed, else the first."""
    lines = [line.strip() for line in error.splitlines() if line.strip()] or [error]
    said = lines[-1] if "TorchScript interpreter" in lines[0] else lines[0]
    return said.removeprefix("RuntimeError: ")


def _end(wire: Wire, process: "subprocess.Popen[bytes]") -> None:
    wire.close()  # upon which it ends by itself
    try:
        process.wait(_ENDING_LIMIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
