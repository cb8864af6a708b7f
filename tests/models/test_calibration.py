"""Calibration data is of the task's kind, and no item of it is one that the task judges by."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core import discover
from bench_core.cell import Cell
from bench_core.mode import CALIBRATION_SEEDS, EXAMPLE_SEEDS, Job
from bench_core.model import Model
from bench_core.models.digits import split
from bench_core.models.digits_lstm import DIGITS_LSTM
from bench_core.models.minilm import MINILM
from bench_core.models.mlp import MLP
from bench_core.models.pointwise import POINTWISE
from bench_core.runner import Inputs
from bench_core.sweep.oracle import verify_specs

WITH_DATA = [model for model in discover.models().values() if model.calibration]
data = pytest.mark.parametrize("model", WITH_DATA, ids=lambda model: model.name)


@cache
def calibration(name: str) -> list[Inputs]:
    make = discover.models()[name].calibration
    assert make is not None
    return make()


def items(batches: list[Inputs]) -> list[tuple[bytes, ...]]:
    """What the model reads of each item: padding is masked, so it is no part of it."""
    found = []
    for first, *masks in batches:
        for index, row in enumerate(first):
            kept = masks[0][index] == 1 if masks else slice(None)
            found.append((str(row[kept].shape), row[kept].tobytes()))
    return found


def test_every_model_with_a_task_brings_some() -> None:
    assert {model.name for model in WITH_DATA} >= {"digits_cnn", "digits_lstm", "minilm"}
    for model in discover.models().values():
        assert (model.calibration is None) == (model.task is None)


@data
def test_no_item_of_it_is_one_that_the_task_judges_by(model: Model) -> None:
    assert model.task is not None
    found, judged = items(calibration(model.name)), items(model.task.load().batches)
    assert len(set(found)) == len(found) == (256 if "input_ids" in model.input_names else 512)
    assert not set(found) & set(judged)


@data
def test_it_is_the_same_each_time_and_what_the_model_takes(model: Model) -> None:
    assert model.calibration is not None
    assert items(calibration(model.name)) == items(model.calibration())
    for batch in calibration(model.name):
        like = model.inputs(8, len(batch[0]), 0, True)
        assert [x.dtype for x in batch] == [x.dtype for x in like]
        assert [x.ndim for x in batch] == [x.ndim for x in like]
        assert len({len(x) for x in batch}) == 1 and len(batch[0]) > 1


def test_the_digits_are_those_that_the_weights_were_trained_on() -> None:
    trained = {image.tobytes() for image in split()[0][0]}
    for name in ("digits_cnn", "digits_cnn_relu", "digits_lstm"):
        found = calibration(name)
        assert {image.tobytes() for (batch,) in found for image in batch} <= trained


def test_the_texts_are_as_long_as_the_task_s() -> None:
    """One-line docstrings are not: three in four have fewer tokens than half of the bodies."""
    assert MINILM.task is not None
    ours, judged = (
        np.concatenate([mask.sum(1) for _, mask in batches])
        for batches in (calibration("minilm"), MINILM.task.load().batches)
    )
    assert ours.max() == judged.max() == MINILM.task.length
    for share in (0.25, 0.5, 0.75):
        # A quantile of 256 draws lies within 3 standard errors, √(p (1 − p) / 256) ≤ 3.2 %.
        low, high = np.quantile(judged, [share - 0.095, share + 0.095])
        assert low <= np.quantile(ours, share) <= high


@settings(max_examples=20)
@given(st.sampled_from([MLP, POINTWISE]), st.integers(1, 20), st.integers(1, 3))
def test_without_any_a_job_takes_random_inputs_of_its_own_shape_and_says_so(
    model: Model, length: int, batch: int
) -> None:
    job = Job(model, Cell(model.name, "any", length, batch), Path())
    found = job.calibration
    items = len(CALIBRATION_SEEDS) * batch
    assert found.facts() == {"source": "random inputs", "items": items}
    shapes = {tuple(x.shape for x in inputs) for inputs in found.batches}
    assert shapes == {tuple(x.shape for x in job.examples[0])}


def test_with_some_it_takes_them_and_says_so() -> None:
    found = Job(DIGITS_LSTM, Cell("digits_lstm", "any", 8), Path()).calibration
    assert items(found.batches) == items(calibration("digits_lstm"))
    assert found.facts() == {"source": "task-like", "items": 512}


@pytest.mark.parametrize("model", discover.models().values(), ids=lambda model: model.name)
def test_what_is_timed_verified_on_and_calibrated_with_is_drawn_apart(model: Model) -> None:
    cell = Cell(model.name, "any", model.lengths[0])
    verified = {seed for part in verify_specs(model, cell) for _, _, seed, _ in part}
    assert len(verified) == 3
    apart = [set(EXAMPLE_SEEDS), verified, set(CALIBRATION_SEEDS)]
    assert len(set.union(*apart)) == sum(map(len, apart))
