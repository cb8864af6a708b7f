"""Our passes are proved by the file that they leave, and by a session that adds nothing."""

from dataclasses import replace

import numpy as np
import onnx
import pytest

from bench_core.errors import Unsupported
from bench_core.modes.ort import ORT_ALL_ONLINE, ORT_DISABLED_ONLINE
from bench_core.modes.ort_own_passes import ORT_OWN_PASSES
from tests.modes import small
from tests.onnx_graph.judge import parse

REWRITABLE = """
    c = Cast<to = 11>(x) d = Cast<to = 1>(c) e = Cast<to = 1>(d)
    t = Transpose<perm = [0, 2, 1]>(e) r = Relu(t)
    u = Transpose<perm = [0, 2, 1]>(r) y = Identity(u)
"""
"""Of a float input: there and back, to itself; two transposes that do not cancel, for a Relu."""

ROWS = {"inputs": "float[B,L,16] x", "outputs": "float[B,L,16] y"}


def prepared(mode, proto, folder):
    """The mode's runner of a file as a user gives it, so that nothing is exported."""
    folder.mkdir()
    onnx.save(proto, folder / "given.onnx")
    model = replace(small.unbuildable(small.ROWS), onnx=folder / "given.onnx")
    return mode.prepare(small.job(model, folder))


@pytest.fixture(scope="module")
def runners(tmp_path_factory):
    folder = tmp_path_factory.mktemp("own")
    modes = (ORT_OWN_PASSES, ORT_DISABLED_ONLINE, ORT_ALL_ONLINE)
    return {mode: prepared(mode, parse(REWRITABLE, **ROWS), folder / mode.name) for mode in modes}


@pytest.fixture(scope="module")
def evidence(runners):
    return runners[ORT_OWN_PASSES].evidence()


def test_it_is_engaged_by_a_file_of_fewer_nodes_that_runs_as_it_is(evidence):
    assert evidence["level"] == "ORT_DISABLE_ALL"
    assert evidence["rewrites"]["drop_cast"] == 2 and evidence["rewrites"]["drop_identity"] == 1
    assert evidence["nodes"] == [7, 3] and evidence["file_nodes"] == 3
    assert ORT_OWN_PASSES.engaged(evidence) is None


def test_the_outputs_are_the_unoptimised_graph_s(runners):
    inputs = [small.row_inputs(5, 1, 50, False), small.row_inputs(12, 3, 51, True)]
    ours, theirs = (
        small.outputs(runners[mode], inputs) for mode in (ORT_OWN_PASSES, ORT_DISABLED_ONLINE)
    )
    for found, right in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(found, right)


@pytest.mark.parametrize(
    ("lie", "says"),
    [
        ({"level": "ORT_ENABLE_ALL"}, "ORT_ENABLE_ALL"),
        ({"rewrites": {"drop_cast": 0}}, "nothing to rewrite"),
        ({"file_nodes": 7}, "nothing to rewrite"),
        ({"domains": {"com.microsoft": [0, 1]}}, "com.microsoft"),
        ({"nodes": [7, 5]}, "found 5"),
        ({"providers": {"CUDAExecutionProvider": 3}}, "every node on"),
    ],
)
def test_liars_are_not_engaged(lie, says, evidence):
    assert says in ORT_OWN_PASSES.engaged({**evidence, **lie})


@pytest.mark.parametrize("mode", [ORT_DISABLED_ONLINE, ORT_ALL_ONLINE], ids=lambda mode: mode.name)
def test_other_modes_are_not_it(mode, runners):
    assert ORT_OWN_PASSES.engaged(runners[mode].evidence()) is not None
    assert ORT_OWN_PASSES.engaged({}) is not None


def test_nothing_to_rewrite_is_not_engaged(tmp_path):
    runner = prepared(ORT_OWN_PASSES, parse("a = Relu(x) y = Neg(a)", **ROWS), tmp_path / "cell")
    said = ORT_OWN_PASSES.engaged(runner.evidence())
    assert said == "our passes found nothing to rewrite: 2 nodes before, 2 after"


def test_what_onnx_ir_cannot_hold_is_unsupported(tmp_path):
    """A branch that gives back a value from outside."""
    body = """
        a = Neg(x)
        y = If (c) <
            then_branch = t () => (float[2,3] a) { },
            else_branch = e () => (float[2,3] ey) { ey = Abs(x) }
        >
    """
    proto = parse(body, inputs="float[2,3] x, bool c")
    with pytest.raises(Unsupported, match="put an Identity in between"):
        prepared(ORT_OWN_PASSES, proto, tmp_path / "cell")
