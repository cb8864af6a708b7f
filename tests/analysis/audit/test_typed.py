"""Numbers as people type them: read as meant, or refused."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.analysis.audit.typed import MARKS, Typed, cleaned, mark_of, typed

decimals = st.decimals(-(10**9), 10**9, places=3) | st.decimals(-(10**4), 10**4, places=1)
groupings = st.sampled_from(["", "mark", "'", "’", " ", "\u00a0", "\u202f", "_"])


def written(value: Decimal, mark: str, grouping: str) -> str:
    """As people of that country do."""
    text = f"{value:,}" if grouping else str(value)
    group = MARKS[mark] if grouping == "mark" else grouping
    return text.translate({ord("."): mark, ord(","): group})


@given(decimals, st.sampled_from([".", ","]), groupings)
def test_every_dialect_is_read_as_meant(value, mark, grouping):
    text = cleaned(f" {written(value, mark, grouping)} ")
    assert mark_of(text) in (mark, None)
    half = float(Decimal(1).scaleb(value.as_tuple().exponent) / 2)
    read = typed(text, mark)
    assert read.value == float(value)
    assert abs(read.half - half) <= 1e-12 * half


@given(st.just(0.0) | st.floats(1e-30, 1e30).map(lambda x: -x) | st.floats(1e-30, 1e30))
def test_what_programs_write_is_read(x):
    read = typed(cleaned(repr(x)), None)
    assert read.value == x
    # Python writes as many digits as tell x from its neighbours, 17 at most.
    assert read.half <= max(0.5, abs(x) * 0.5)


@given(st.text(max_size=20) | st.text("0123456789.,'e%+- ", max_size=12))
def test_what_is_no_number_is_refused(text):
    """And what is read is a number that stays finite in a product of three."""
    for mark in (None, ".", ","):
        try:
            read = typed(cleaned(text), mark)
        except ValueError as error:
            assert "expected a" in str(error)
        else:
            assert abs(read.value) <= 1e30 and read.half > 0
            assert any(c.isdigit() for c in text)


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("12.3", Typed(12.3, 0.05, False)),
        ("93,2 %", Typed(93.2, 0.05, True)),
        ("1,234.5", Typed(1234.5, 0.05, False)),
        ("1.234.567", Typed(1234567, 0.5, False)),
        ("1'234", Typed(1234, 0.5, False)),
        ("\u22121.50", Typed(-1.5, 0.005, False)),
        (".5", Typed(0.5, 0.05, False)),
        ("2.5e3", Typed(2500, 50, False)),
        ("1.234", Typed(1.234, 0.0005, False)),
    ],
)
def test_read(text, read):
    plain = cleaned(text)
    found = typed(plain, mark_of(plain))
    assert found.value == read.value and found.percent == read.percent
    assert abs(found.half - read.half) < 1e-9


@pytest.mark.parametrize(
    "text",
    ["1,234", "12 ms", "~5", "<1", "5 ± 1", "1.2.3", "1,23,456", "12 3", "inf", "0x10", "--1", "e5",
     ".", "%", "", "1e999", "1e31", "٣", "9" * 61],
)  # fmt: skip
def test_refused(text):
    with pytest.raises(ValueError, match="expected a"):
        typed(cleaned(text), mark_of(cleaned(text)))


def test_the_rest_of_the_file_tells_thousands_from_decimals():
    assert typed("1,234", ".").value == 1234
    assert typed("1,234", ",").value == 1.234
    assert typed("1.234", ",").value == 1234
