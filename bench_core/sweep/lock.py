"""One timing job a machine: two at once would measure each other."""

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench_core.errors import UsageError

LOCK = Path(tempfile.gettempdir()) / f"bench-core-{os.getuid()}.lock"


@contextmanager
def machine_lock(what: str, path: Path = LOCK) -> Iterator[None]:
    """Hold this user's machine-wide lock; the kernel lets go of it when the process ends.

    Raises: UsageError, saying which process has it.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(fd, 200).decode(errors="replace").strip()
            raise UsageError(
                f"another timing job runs on this machine ({holder}); wait for it or stop it"
            ) from None
        os.ftruncate(fd, 0)
        os.write(fd, f"{what}, process {os.getpid()}\n".encode())
        yield
    finally:
        os.close(fd)
