"""A value on the command's line reaches the sweep as it was given, by way of pytest."""

import argparse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench_core.errors import UsageError
from bench_core.sweep.options import OPTIONS, request

BY_NAME = {option.name: option for option in OPTIONS}


def through_pytest(**given):
    """What `request` makes of arguments that the command hands to pytest."""
    parser = argparse.ArgumentParser()
    for option in OPTIONS:
        parser.add_argument(option.pytest_name, **option.argparse())
    arguments = [
        text
        for option in OPTIONS
        for text in option.arguments(given.get(option.name.replace("-", "_")))
    ]
    values = vars(parser.parse_args(arguments))
    return request(values.__getitem__)


@given(st.floats(0, 1e6))
def test_seconds_reach_the_sweep(budget_s):
    assert through_pytest(budget_s=budget_s).budget_s == budget_s


@given(st.integers(0, 10_000))
def test_a_batch_reaches_the_sweep_and_0_too(batch):
    assert through_pytest(batch=batch).batch == batch


def test_nothing_given_is_nothing_asked_for():
    found = through_pytest()
    assert (found.budget_s, found.batch, found.models, found.reference) == (None, 1, (), None)


def test_names_may_be_repeated_or_separated_by_commas():
    found = through_pytest(models=["a,b", "c"], providers=["cpu,cuda"])
    assert found.models == ("a", "b", "c") and found.providers == ("cpu", "cuda")


def test_a_length_is_a_number():
    with pytest.raises(UsageError, match="'long'"):
        through_pytest(lengths=["16,long"])
