"""What the timed loop itself costs, against a bare loop in the same run."""

from time import perf_counter_ns

from bench_core.worker.timing import one_by_one

CALL_NS = 100_000
CALLS = 250
REPEATS = 41


def loop_cost() -> float:
    """The share of a 100 µs call by which the timed loop is longer than a bare one.

    Both loops in turn, 41 times; the shortest of each, since what disturbs them only adds.
    The call spins until a clock says so, and so takes as long on a machine that slows down.
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

    pairs = [(bare(), timed()) for _ in range(REPEATS)]
    extra_ns = min(timed_ns for _, timed_ns in pairs) - min(bare_ns for bare_ns, _ in pairs)
    return extra_ns / CALLS / CALL_NS
