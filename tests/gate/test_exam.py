"""Which side a failure is laid at, for every way that an examination can end."""

import numpy as np
import pytest

from bench_core.analysis.verdict import FAILED, NEW, SKIPPED, UNSURE
from bench_core.cell import Cell
from bench_core.errors import BenchError, NotEngaged, WorkerCrashed, WrongOutput
from bench_core.gate.exam import Standing, examine
from bench_core.gate.sides import BASE, HEAD
from bench_core.gate.verdicts import status
from bench_core.sweep.oracle import Oracle, verify_specs

CELL = Cell("mlp", "eager_inference_mode", 1)


class Answering:
    """A contender whose outputs are these, on every input."""

    cell = CELL

    def __init__(self, output, not_engaged=None):
        self.started = {"stochastic": False, "any_shape": False, "min_sqnr_db": None}
        self._output, self._not_engaged = np.array([[output, 1.0]]), not_engaged

    def ask(self, what, **fields):
        if what == "evidence":
            reply = {"apart_bytes": None, "growth_bytes": 7, "not_engaged": self._not_engaged}
            return reply, []
        return {}, [self._output for _ in fields["inputs"]]


def says(output):
    """An oracle for which that is right."""
    from bench_core import discover

    specs, _ = verify_specs(discover.model(CELL.model), CELL)
    right = {spec: [np.array([[output, 1.0]])] for spec in specs}
    return lambda: Oracle("float64", (), 0.0, right, right)


def broken():
    raise BenchError("no float64 of this operator")


def examined(output, *oracles, **how):
    standing = Standing()
    try:
        examine(Answering(output, **how), standing, oracles)
    except BenchError as error:
        standing.fail(error)
    return standing


def test_right_by_the_first_oracle():
    standing = examined(2.0, says(2.0), broken)
    assert standing.ok and standing.examined and not standing.own_model
    assert standing.peak_rss_bytes == 7


def test_right_by_its_own_oracle_alone_the_model_has_changed():
    standing = examined(2.0, says(3.0), says(2.0))
    assert standing.ok and standing.examined and standing.own_model


def test_wrong_by_all_oracles_is_told_by_the_first():
    standing = examined(2.0, says(3.0), broken)
    assert standing.status == WrongOutput.status and not standing.examined


def test_an_oracle_that_head_broke_is_heads_fault_alone():
    head, base = examined(2.0, broken), examined(2.0, broken, says(2.0))
    verdict = status(str(CELL), {HEAD: head, BASE: base})
    assert verdict.kind == FAILED and "no float64" in verdict.reason


def failed(error, *, after_the_exam=False):
    standing = Standing(examined=after_the_exam)
    standing.fail(error)
    return standing


@pytest.mark.parametrize(
    ("base", "head", "metric", "kind"),
    [
        (Standing(), failed(WorkerCrashed("SIGSEGV")), "status", FAILED),
        (failed(NotEngaged("none")), Standing(), "status", NEW),
        (failed(WorkerCrashed("killed"), after_the_exam=True), Standing(), "latency", UNSURE),
        (failed(NotEngaged("none")), failed(WorkerCrashed("SIGSEGV")), "status", SKIPPED),
    ],
)
def test_what_either_side_came_to_decides(base, head, metric, kind):
    verdict = status(str(CELL), {BASE: base, HEAD: head})
    assert (verdict.metric, verdict.kind) == (metric, kind)


def test_two_that_are_ok_have_no_status_to_tell():
    assert status(str(CELL), {BASE: Standing(), HEAD: Standing()}) is None


def test_not_engaged_is_not_examined_further():
    assert examined(2.0, broken, not_engaged="it fell back").reason == "it fell back"
