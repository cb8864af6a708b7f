"""What the timed loop itself costs, against a bare loop in the same run."""

from statistics import median
from time import perf_counter_ns

from bench_core.duel.timing import one_by_one

CALL_NS = 100_000
CALLS = 250
REPEATS = 41


def loop_cost() -> float:
    """The share of a 100 µs call by which the timed loop is longer than a bare one.

    Bare, timed, bare, 41 times; the median of the differences, since a machine changes its
    speed between two loops by more than what is sought. The call spins until a clock says so,
    and so takes the same time on a machine that slows down.
    """

    def spin(duration_ns: int) -> None:
        end = perf_counter_ns() + duration_ns
        while perf_counter_ns() < end:
            pass

    def bare() -> int:
        start = perf_counter_ns()
        for _ in range(CALLS):
            spin(CALL_NS)
        return perf_counter_ns() - start

    def timed() -> int:
        start = perf_counter_ns()
        one_by_one(spin, [CALL_NS], CALLS)
        return perf_counter_ns() - start

    extra = []
    for _ in range(REPEATS):
        before, between, after = bare(), timed(), bare()
        extra.append(between - (before + after) / 2)
    return median(extra) / CALLS / CALL_NS
