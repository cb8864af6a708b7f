"""What can go wrong, by what the reader of a result should conclude from it."""

import errno


class BenchError(Exception):
    """Base of ours. Its message says what was expected, what was found and what to do."""

    status = "error"


class Unavailable(BenchError):
    """This machine lacks what the mode needs: the cell is skipped."""

    status = "skipped"


class Unsupported(BenchError):
    """This model cannot take this mode, on any machine."""

    status = "unsupported"


class NotEngaged(BenchError):
    """The mode ran, but shows no evidence that what it names took effect."""

    status = "not_engaged"


class WrongOutput(BenchError):
    """The outputs differ from the oracle's by more than the mode may."""

    status = "wrong_output"


class WorkerCrashed(BenchError):
    """The contender's process ended before it answered."""

    status = "crashed"


class WorkerTimeout(BenchError):
    """The contender's process did not answer within its limit."""

    status = "timeout"


class OutOfMemory(BenchError):
    """The contender asked for more memory than it may have."""

    status = "out_of_memory"


class Incomparable(BenchError):
    """No honest comparison is possible."""


class UsageError(BenchError):
    """The request itself cannot be carried out; raised before anything runs (exit code 2)."""


def explained(error: BenchError | OSError) -> str:
    """Ours as it is; of the system which file it refused, why, and what to do where it is known."""
    if isinstance(error, BenchError):
        return str(error)
    what = error.strerror or str(error)
    if error.filename is not None:
        what = f"{error.filename}: {what}"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{what}; make room there, and run it again"
    if error.errno == errno.EFBIG:
        return f"{what}; raise the limit on a file's size (ulimit -f), and run it again"
    if error.errno in (errno.EROFS, errno.EACCES, errno.EPERM):
        return f"{what}; make it writable, and run it again"
    return what
