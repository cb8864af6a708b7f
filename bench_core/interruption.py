"""Ctrl-C, and SIGTERM, which ends a run as Ctrl-C does: what is done is saved, the rest ended."""

import signal
from types import FrameType

SIGNALS = ("SIGINT", "SIGTERM")
"""By these names files say which it was."""


class Terminated(KeyboardInterrupt):
    """SIGTERM came. Whoever heeds Ctrl-C heeds it too."""


class Termination:
    """A handler that raises Terminated at the first SIGTERM; later ones find us ending already."""

    came = False

    def __call__(self, _number: int, _frame: FrameType | None) -> None:
        if not self.came:
            self.came = True
            raise Terminated


def signal_of(interruption: KeyboardInterrupt) -> str:
    """One of SIGNALS."""
    return SIGNALS[isinstance(interruption, Terminated)]


def exit_code_of(name: str) -> int:
    """What shells make of a process that the signal has ended: 130, 143."""
    return 128 + signal.Signals[name]
