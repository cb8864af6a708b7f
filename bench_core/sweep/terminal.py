"""The line of a terminal that says what is being done, and changes as it goes on."""

import sys

_ERASE_LINE = "\r\x1b[2K"


def rewrite(line: str) -> None:
    """Put `line`, which is `visible`, in place of the one that stands there."""
    sys.stdout.write(f"{_ERASE_LINE}{line}")
    sys.stdout.flush()
