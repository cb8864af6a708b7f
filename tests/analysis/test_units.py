"""Numbers that are read by people. The examples are in the docstrings, and run."""

import doctest

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.analysis import units


def test_the_examples_in_the_docstrings():
    assert doctest.testmod(units).attempted >= 7
    assert doctest.testmod(units).failed == 0


def value(text: str, scales: dict[str, float]) -> float:
    number, _, unit = text.partition(" ")
    return float(number) * scales[unit]


@given(st.floats(1e-9, 99.9))
def test_a_duration_is_within_half_of_its_last_of_three_digits(seconds):
    text = units.duration(seconds)
    said = value(text, {"ns": 1e-9, "µs": 1e-6, "ms": 1e-3, "s": 1})
    assert said == pytest.approx(seconds, rel=0.00501)
    assert len(text.split()[0].replace(".", "")) == 3


@given(st.integers(0, 10**15))
def test_a_size_is_within_half_of_its_last_of_three_digits(n_bytes):
    said = value(units.size(n_bytes), {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12})
    assert said == pytest.approx(n_bytes, rel=0.00501)


@given(st.floats(100, 1e6))
def test_a_long_duration_is_exact_to_its_last_unit(seconds):
    first, first_unit, second, second_unit = units.duration(seconds).split()
    seconds_in = {"h": 3600, "min": 60, "s": 1}
    said = int(first) * seconds_in[first_unit] + int(second) * seconds_in[second_unit]
    assert abs(said - seconds) <= (60 if first_unit == "h" else 1)
    assert len(second) == 2


@given(st.text())
def test_visible_text_stays_on_its_line(text):
    assert units.visible(text).isprintable()
    if text.isprintable():
        assert units.visible(text) == text


@given(st.floats(0.01, 100), st.floats(1e-4, 0.5))
def test_a_speed_up_rounds_to_less_than_its_own_doubt(ratio, half):
    """Half of the last digit shown is at most three fifths of the half-width, or half a 1 %."""
    text = units.times(ratio, ratio * (1 - half), ratio * (1 + half))
    said = float(text.split("×")[0])
    assert abs(said - ratio) <= max(0.0051, 0.63 * half * ratio)


@given(st.floats(-1, 1))
def test_no_change_has_no_sign(share):
    text = units.points(share, sign=True)
    assert (text == "0.0") == (abs(round(share * 1000)) == 0)
    assert "-" not in text
