"""Hypothesis strategies of profiles and duels, and explanations drawn from them."""

import math

from hypothesis import strategies as st

from bench_core.analysis.explain.difference import Times, explain, times
from bench_core.analysis.explain.profile import Profile, Row
from bench_core.analysis.statistics import Estimate
from strategies import texts

seconds = st.floats(1e-7, 10.0)
operators = st.sampled_from(["MatMul", "aten::mm", "aten::linear", "aten::clone", "aten::copy_"])

rows = st.builds(
    Row,
    operator=operators | texts,
    inside=st.just("") | operators | texts,
    leaf=st.booleans(),
    node=texts | st.just("/encoder/layer.0/MatMul"),
    events=st.sampled_from([0.0, 1.0, 2.5, 48.0]),
    seconds=st.just(0.0) | seconds,
)
profiles = st.builds(
    Profile,
    profiler=texts,
    rows=st.lists(rows, max_size=5).map(tuple),
    profiled_s=seconds,
    plain_s=seconds,
    cost_s=st.just(0.0) | seconds,
)


def estimate(log_ratio: float, half: float) -> Estimate:
    return Estimate(log_ratio, log_ratio - half, log_ratio + half, half, half)


estimates = st.builds(estimate, st.floats(-3, 3), st.floats(0, 1))
duels = st.builds(times, seconds, seconds, estimates)
explanations = st.builds(explain, profiles, profiles, duels)


def duel(a_s: float, b_s: float, half: float = 0.01) -> Times:
    """One that found exactly these times."""
    return times(a_s, b_s, estimate(math.log(a_s / b_s), half))


def row(operator: str, seconds: float, *, inside: str = "", leaf: bool = True, node: str = ""):
    return Row(operator, inside, leaf, node, 1.0, seconds)


def made(rows: tuple[Row, ...], profiled_s: float, plain_s: float) -> Profile:
    """One that nothing disturbed: the profiler's cost is all that differs."""
    return Profile("a profiler", rows, profiled_s, plain_s, profiled_s - plain_s)


def profile(*own: tuple[str, float], profiled_s: float, plain_s: float) -> Profile:
    """One event of each operator named."""
    return made(tuple(row(*one) for one in own), profiled_s, plain_s)
