"""What a command exits with, from the verdicts that it came to."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.analysis.verdict import KINDS, Verdict, exit_code
from bench_core.record import Interval

kinds = st.sampled_from(KINDS)
lists = st.lists(st.builds(Verdict, st.text(max_size=4), st.just("latency"), kinds), max_size=8)
GRAVITY = (0, 3, 4, 1)


def code(*found, **options):
    return exit_code((Verdict("a", "latency", kind) for kind in found), **options)


@given(lists, st.booleans(), st.booleans())
def test_the_gravest_kind_decides(verdicts, valid, allow):
    found = {verdict.kind for verdict in verdicts}
    result = exit_code(verdicts, session_valid=valid, allow_unsure=allow)
    assert result in GRAVITY
    assert (result == 1) == ("worse" in found)
    assert (result == 4) == (not {"worse"} & found and bool({"gone", "failed"} & found))


@given(lists, st.randoms(), st.booleans(), st.booleans())
def test_the_order_of_verdicts_changes_nothing(verdicts, random, valid, allow):
    options = {"session_valid": valid, "allow_unsure": allow}
    shuffled = random.sample(verdicts, len(verdicts))
    assert exit_code(shuffled, **options) == exit_code(verdicts, **options)


@given(lists, st.sampled_from(["worse", "gone", "failed", "unsure"]), st.booleans())
def test_one_more_bad_verdict_never_makes_it_better(verdicts, kind, valid):
    before = exit_code(verdicts, session_valid=valid)
    after = exit_code([*verdicts, Verdict("b", "task", kind)], session_valid=valid)
    assert GRAVITY.index(after) >= GRAVITY.index(before)


@given(lists, st.sampled_from(["new", "skipped"]), st.booleans(), st.booleans())
def test_new_and_skipped_never_fail_nor_judge(verdicts, kind, valid, allow):
    options = {"session_valid": valid, "allow_unsure": allow}
    more = [*verdicts, Verdict("b", "status", kind)]
    assert exit_code(more, **options) == exit_code(verdicts, **options)


@given(lists, st.booleans())
def test_allowing_unsure_changes_3_into_0_and_nothing_else(verdicts, valid):
    strict = exit_code(verdicts, session_valid=valid)
    allowed = exit_code(verdicts, session_valid=valid, allow_unsure=True)
    assert allowed == strict or (strict, allowed, valid) == (3, 0, True)


@given(lists)
def test_an_invalid_session_never_passes(verdicts):
    """And is 1 only where something other than its timings, unsure by then, is worse."""
    timings = [Verdict(v.cell, "latency", "unsure") for v in verdicts]
    for allow in (False, True):
        assert exit_code(timings, session_valid=False, allow_unsure=allow) == 3
        assert exit_code(verdicts, session_valid=False, allow_unsure=allow) != 0
    larger = Verdict("a", "artifact_bytes", "worse")
    assert exit_code([*timings, larger], session_valid=False) == 1


@pytest.mark.parametrize(
    ("found", "expected", "allowed"),
    [
        ((), 3, 3),
        (("new", "skipped"), 3, 3),
        (("within",), 0, 0),
        (("better", "new"), 0, 0),
        (("unsure",), 3, 0),
        (("within", "unsure"), 3, 0),
        (("unsure", "gone"), 4, 4),
        (("within", "failed"), 4, 4),
        (("failed", "worse", "unsure"), 1, 1),
    ],
)
def test_1_before_4_before_3(found, expected, allowed):
    assert code(*found) == expected
    assert code(*found, allow_unsure=True) == allowed


verdicts = st.builds(
    Verdict,
    st.text(max_size=8),
    st.sampled_from(["status", "latency", "task"]),
    kinds,
    change=st.none() | st.builds(Interval, *[st.floats(0.1, 10)] * 3),
    limit=st.none() | st.floats(0.005, 1),
    launches=st.integers(0, 40),
    smallest=st.none() | st.floats(0, 1),
    watch=st.booleans(),
    reason=st.none() | st.text(max_size=8),
)


@given(verdicts)
def test_a_verdict_survives_json(verdict):
    assert Verdict.from_json(json.loads(json.dumps(verdict.to_json()))) == verdict


def test_a_kind_that_is_none_is_refused():
    data = Verdict("a", "latency", "fine").to_json()
    with pytest.raises(ValueError, match=r"verdict\.kind: expected one of .* found 'fine'"):
        Verdict.from_json(data)
