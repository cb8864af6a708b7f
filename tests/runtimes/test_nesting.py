"""Which operator called which: from nothing but when each ran."""

from hypothesis import given
from hypothesis import strategies as st

from bench_core.runtimes.nesting import Span, nested


@st.composite
def calls(draw):
    """Operators that call others, as the spans a profiler writes, and each one's own time."""
    spans, own = [], {}
    clock = 0

    def run(depth, caller, thread):
        nonlocal clock
        name = f"op{len(own)}"
        start, own_ns = clock, draw(st.integers(1, 50))
        own[name] = (caller, own_ns)
        clock += own_ns  # before its callees, so that none begins with it
        children = draw(st.integers(0, 3)) if depth < 3 else 0
        for _ in range(children):
            run(depth + 1, name, thread)
        spans.append(Span(name, "", thread, start, clock - start))
        clock += draw(st.integers(0, 5)) if depth == 0 else 0

    for thread in range(draw(st.integers(1, 2))):
        for _ in range(draw(st.integers(1, 3))):
            run(0, "", thread)
    return draw(st.permutations(spans)), own


@given(calls())
def test_each_keeps_its_own_time_and_knows_its_caller(made):
    spans, own = made
    callers = {caller for caller, _ in own.values()}
    found = {event.operator: event for event in nested(spans)}
    assert {name: (event.inside, event.self_ns) for name, event in found.items()} == own
    assert all(event.leaf == (name not in callers) for name, event in found.items())


def test_threads_do_not_call_each_other():
    spans = [Span("outer", "", 1, 0, 100), Span("beside", "", 2, 10, 50)]
    assert [(event.inside, event.self_ns) for event in nested(spans)] == [("", 100), ("", 50)]


def test_one_that_begins_when_another_ends_is_no_part_of_it():
    """ONNX Runtime cuts times off at whole microseconds: 2.9 to 4.9 is written as 2 to 4."""
    spans = [Span("first", "", 0, 2, 2), Span("second", "", 0, 4, 1), Span("none", "", 0, 4, 0)]
    assert [event.inside for event in nested(spans)] == ["", "", "second"]


def test_what_a_clock_cuts_off_is_added_to_each():
    spans = [Span("outer", "", 0, 0, 3000), Span("inner", "", 0, 0, 3000)]
    assert [event.self_ns for event in nested(spans, 500)] == [500, 3500]
