"""What is said of a cell that got slower, where both sides can be profiled and where not."""

from contextlib import nullcontext
from types import SimpleNamespace

from bench_core.analysis.verdict import WORSE, Verdict
from bench_core.cell import Cell
from bench_core.errors import BenchError
from bench_core.gate import why
from bench_core.gate.exam import Standing
from bench_core.gate.sides import BASE, HEAD
from bench_core.record import Interval
from invented_profiles import profile

CELL = str(Cell("mlp", "eager_eval", 1))
CHANGE = Interval(1.5, 1.4, 1.6)
STANDINGS = {BASE: Standing(median_s=[2e-3, 2e-3]), HEAD: Standing(median_s=[3e-3, 3e-3])}


def sides(contender):
    arena = SimpleNamespace(contender=contender)
    trees = {BASE: SimpleNamespace(name="v1.2"), HEAD: SimpleNamespace(name="the working tree")}
    return SimpleNamespace(base=arena, head=arena, tree=trees.__getitem__)


def reason(contender, before="2.00 ms became 3.00 ms"):
    verdict = Verdict(CELL, "latency", WORSE, change=CHANGE, reason=before)
    return why.with_why(verdict, CHANGE, STANDINGS, sides(contender)).reason


def test_head_is_explained_by_base(monkeypatch):
    base = profile(("MatMul", 2e-3), profiled_s=2e-3, plain_s=2e-3)
    head = profile(("MatMul", 2e-3), ("Cast", 1e-3), profiled_s=3e-3, plain_s=3e-3)
    monkeypatch.setattr(why, "profiles", lambda pair: (base, head))
    # 2 · √6 ms · sinh(ln 1.5 / 2) is 1 ms; at 1.4 and at 1.6 it is 0.83 and 1.16.
    assert reason(nullcontext) == (
        "2.00 ms became 3.00 ms; why: the working tree is 1.00 ms slower than v1.2 (828 µs to "
        "1.16 ms): it pays 1.00 ms for copies and casts"
    )


def test_a_side_that_cannot_be_profiled_is_told_and_the_verdict_stands():
    def contender(_cell):
        raise BenchError("No module named 'bench_core.runtimes.torch_profile'")

    assert reason(contender) == (
        "2.00 ms became 3.00 ms; why is not known: No module named "
        "'bench_core.runtimes.torch_profile'"
    )
    assert reason(contender, before=None).startswith("why is not known")
