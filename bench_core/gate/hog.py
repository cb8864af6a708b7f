"""A process that never rests: what a machine is loaded with, to see the gate hold there too."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench_core.errors import BenchError
from bench_core.interpreter import command


@contextmanager
def hog() -> Iterator[Callable[[], None]]:
    """Have one beside us; it ends with us.

    Yields a check, which raises BenchError where the hog has ended: nothing was loaded then.
    """
    process = subprocess.Popen(command("bench_core.gate.hog:spin"), stdout=subprocess.DEVNULL)

    def check() -> None:
        if (code := process.poll()) is not None:
            raise BenchError(
                f"expected the process that loads this machine to go on, found that it ended with "
                f"{code}; what was measured meanwhile is not kept: run it again"
            )

    try:
        yield check
    finally:
        process.kill()
        process.wait()


def spin() -> None:
    """The hog."""
    while True:
        pass
