"""A length at which the faster of two modes changes: from their curves, settled by duels."""

from dataclasses import dataclass

from bench_core.record import Speedup

CONFIRMED = "confirmed by duels"
UNSETTLED = "not settled by duels"
CONTRADICTED = "contradicted by duels"
BY_THE_FIT = "by the fits alone"


@dataclass(frozen=True)
class Meeting:
    """A duel of the two at one length: second / first, above 1 where the first is the faster."""

    length: int
    speedup: Speedup

    @property
    def sign(self) -> int:
        """1 where the first is the faster, -1 where the second is, 0 where it is not known."""
        return int(self.speedup.low > 1) - int(self.speedup.high < 1)


@dataclass(frozen=True)
class Flip:
    """By their curves `first` is the faster below `length`, and `second` above.

    below, above: measured lengths on either side of it.
    meetings: the duels there and at the length itself. reason: why one of them is missing.
    """

    first: str
    second: str
    length: float
    below: int
    above: int
    meetings: tuple[Meeting, ...] = ()
    reason: str | None = None

    @property
    def duelled_at(self) -> tuple[int, ...]:
        """Where duels settle it; a call has no fraction of a token."""
        return tuple(sorted({self.below, round(self.length), self.above}))

    @property
    def verdict(self) -> str:
        """Confirmed where each is surely the faster on its own side of the length."""
        signs = {meeting.length: meeting.sign for meeting in self.meetings}
        if not {self.below, self.above} <= set(signs):
            return BY_THE_FIT
        if signs[self.below] == 1 and signs[self.above] == -1:
            return CONFIRMED
        if signs[self.below] == -1 or signs[self.above] == 1:
            return CONTRADICTED
        return UNSETTLED

    @property
    def bracket(self) -> tuple[int, int]:
        """Of a confirmed flip: the first surely wins at one, the second at the other."""
        first = [meeting.length for meeting in self.meetings if meeting.sign == 1]
        second = [meeting.length for meeting in self.meetings if meeting.sign == -1]
        return max(first), min(second)
