"""What is started to make an environment ends with us."""

import signal
import time
from pathlib import Path

import pytest

from bench_core.gate.virtual_environment import path_of
from bench_core.interruption import Terminated


def test_stopped_meanwhile_it_leaves_no_process_of_any_generation(tmp_path):
    """As pip, an interpreter that waits for a child of its own."""

    def stop(*_):
        raise Terminated

    python, pid = tmp_path / "python", tmp_path / "pid"
    python.write_text(f"#!/bin/sh\nsleep 600 &\necho $! > {pid}\nwait\n")
    python.chmod(0o755)
    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, 0.5)
    try:
        with pytest.raises(Terminated):
            path_of(str(python))
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    child = Path("/proc") / pid.read_text().strip() / "cmdline"
    deadline = time.monotonic() + 10
    while child.exists() and child.read_text():  # nothing, of one that waits to be reaped
        assert time.monotonic() < deadline
        time.sleep(0.02)
