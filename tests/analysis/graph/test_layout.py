"""Everything stands below what it reads, and nothing on anything else."""

from itertools import pairwise

from hypothesis import given, settings

from bench_core.analysis.graph.boxes import Node, one_each
from bench_core.analysis.graph.layout import GAP, place
from tests.analysis.graph.test_boxes import graphs

CLOSE = 1e-9  # sums of a few hundred widths, each rounded


def placed(nodes):
    found = one_each(nodes)
    return found, place(found)


@settings(max_examples=100)
@given(graphs())
def test_every_box_stands_once_below_all_that_it_reads(nodes):
    found, rows = placed(nodes)
    row_of = {spot.box: spot.row for row in rows for spot in row if spot.box is not None}
    assert sorted(row_of) == list(range(len(nodes)))
    assert sum(spot.box is not None for row in rows for spot in row) == len(nodes)
    for at, box in enumerate(found):
        assert row_of[at] == 1 + max((row_of[read] for read in box.reads), default=-1)


@settings(max_examples=100)
@given(graphs())
def test_nothing_overlaps(nodes):
    _, rows = placed(nodes)
    for row in rows:
        for one, two in pairwise(row):
            assert two.x - one.x >= (one.width + two.width) / 2 + GAP - CLOSE
        assert all(spot.x - spot.width / 2 >= -CLOSE for spot in row)


@settings(max_examples=100)
@given(graphs())
def test_lines_join_neighbouring_rows_and_lead_to_what_is_read(nodes):
    found, rows = placed(nodes)
    for row in rows:
        for spot in row:
            assert all(above.row == spot.row - 1 for above in spot.above)
            if spot.box is not None:
                assert sorted(map(source, spot.above)) == list(found[spot.box].reads)
            else:
                assert len(spot.above) == 1 and spot.below


def source(spot):
    """The box that a line comes from."""
    while spot.box is None:
        (spot,) = spot.above
    return spot.box


def test_a_chain_stands_in_one_column():
    _, rows = placed([Node("Add", "", "", (at - 1,) if at else ()) for at in range(20)])
    assert {spot.x for row in rows for spot in row} == {0.5}


def test_a_line_that_could_cross_does_not():
    """a → c and b → d, where d is declared first."""
    nodes = [
        Node("a", "", "", ()),
        Node("b", "", "", ()),
        Node("d", "", "", (1,)),
        Node("c", "", "", (0,)),
    ]
    _, rows = placed(nodes)
    assert [[spot.box for spot in row] for row in rows] == [[0, 1], [3, 2]]


def test_one_line_serves_all_who_read_far_below():
    chain = [Node("Add", "", "", (at - 1,) if at else ()) for at in range(5)]
    far = [Node("Mul", "", "", (0, 4)), Node("Mul", "", "", (0, 4))]
    _, rows = placed([*chain, *far])
    assert sum(spot.box is None for row in rows for spot in row) == 4
