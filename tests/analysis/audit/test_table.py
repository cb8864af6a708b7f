"""A typed table is read as meant, or the cell that cannot be is named."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.analysis.audit.reading import claims
from bench_core.analysis.audit.table import COLUMNS, FLAGS, NUMERIC, WORDS, read_table, table
from bench_core.errors import UsageError

values = st.fixed_dictionaries(
    {},
    optional={
        **{name: st.decimals(0, 1000, places=2).map(str) for name in NUMERIC},
        **{name: st.text("abc é,;\"'\n", min_size=1, max_size=8) for name in WORDS},
        **{name: st.sampled_from(["yes", "No", "TRUE", "0"]) for name in FLAGS},
    },
)
LINE = {"name": "x", "latency_ms": "20.0"}


def written(lines: list[dict[str, str]], delimiter: str) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, delimiter=delimiter, restval="")
    writer.writeheader()
    writer.writerows(lines)
    return file.getvalue()


@given(
    st.lists(values, max_size=4),
    st.sampled_from([",", ";", "\t", "|"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
)
def test_every_dialect_says_the_same(lines, delimiter, encoding):
    found = claims(written([LINE, *lines], delimiter).encode(encoding)).rows
    assert found == table(written([LINE, *lines], ","))
    assert found[0].latency.low == pytest.approx(0.01995)
    filled = [{k: v for k, v in line.items() if v.strip()} for line in lines]
    assert len(found) == 1 + sum(map(bool, filled))


def test_units_digits_and_shares():
    (row,) = table("batch,latency_ms,energy_mwh,accuracy,f1,precision\n8,20.0,0.5,93.2,0.91,88 %")
    assert (row.batch.low, row.batch.high) == (8, 8)
    assert (row.energy.low, row.energy.high) == pytest.approx((0.45 * 3.6, 0.55 * 3.6))
    assert (row.accuracy.low, row.accuracy.high) == pytest.approx((0.9315, 0.9325))
    assert (row.f1.low, row.f1.high) == pytest.approx((0.905, 0.915))
    assert (row.precision.low, row.precision.high) == pytest.approx((0.875, 0.885))


def test_a_share_is_in_percent_where_its_column_is():
    _, other = table("name,accuracy\na,93.2\nb,0.5")
    assert other.accuracy.high == pytest.approx(0.0055)
    (row,) = table("name,accuracy (%)\na,0.5")
    assert row.accuracy.high == pytest.approx(0.0055)


def test_one_slip_makes_no_column_of_percents():
    rows = table("f1\n0.84\n0.91\n1.02")
    assert [row.f1.scale for row in rows] == [1, 1, 1]


def test_what_is_not_read_is_said():
    found = read_table("name,Latency (ms),notes,\nx,20,slow,")
    assert found.rows[0].latency is not None
    assert found.notes[0].startswith("not read: notes, (unnamed);")
    assert "no column batch" in read_table("throughput\n5").notes[0]


def test_a_row_has_the_number_that_a_spreadsheet_gives_it():
    rows = table('name,latency_ms\na,1\n\n"b\nb",2\n,\n–,n/a\n c ,3')
    assert [row.where for row in rows] == ["row 2 (a)", "row 4 (b\nb)", "row 7 (c)"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "in its first line, found ''"),
        ("a,b\n1,2", "some of the columns name, batch, latency_ms"),
        ("name,latency_ms\nx,fast", r"row 2, column latency_ms: expected a number, found 'fast'"),
        ("name,latency_ms\n\nx,1\ny,2 ms", "row 4, column latency_ms: expected a number"),
        ("latency_ms;power_w\n1,234;5", "row 2, column latency_ms: .* decimals or thousands"),
        ("latency_ms;power_w\n1,5;2.5", "'1,5' in row 2, column latency_ms, '2.5' in row 2"),
        ("name,lossy\nx,perhaps", "row 2, column lossy: expected yes or no, found 'perhaps'"),
        ("power_w\n12%", "row 2, column power_w: expected a number, found a share"),
        ("name,batch\nx,1,2", "row 2: expected 2 cells, as in the header, found 3"),
        ("name,batch,f1\nx,1", "row 2: expected 3 cells"),
        ("batch,Batch\n1,2", "every column once, found batch twice"),
        ('name,batch\n"x,1', "expected CSV, found in line 2: unexpected end of data"),
        ("name,batch\n,\n", "expected values below the header, found none"),
        ("name\0,batch\nx,1", "NUL"),
    ],
)
def test_what_cannot_be_read_is_named(text, said):
    with pytest.raises(UsageError, match=said):
        claims(text.encode())


def test_windows_1252_is_read_and_said():
    found = claims("name;latency_ms\nMod\xe8le;1\xa0234,5".encode("cp1252"))
    assert found.rows[0].name == "Modèle" and found.rows[0].latency.high > 1.234
    assert "Windows-1252" in found.notes[-1]
    with pytest.raises(UsageError, match="other bytes"):
        claims(b"name,batch\n\x81,1")
