"""What a contender times once it was told to pad."""

import numpy as np
import pytest

from bench_core.cell import Cell
from bench_core.mode import EXAMPLE_SEEDS, Job
from bench_core.models.minilm import MINILM
from bench_core.models.mlp import MLP
from bench_core.runner import Runner
from bench_core.worker.serve import Held, Refusal


def held(model, tmp_path, length=8) -> Held:
    """One whose runner hands back what it is fed."""
    one = Held()
    one.job = Job(model, Cell(model.name, "eager_eval", length, batch=2), tmp_path)
    one.feeds = list(one.job.examples)
    one.runner = Runner(
        call=lambda feed: feed,
        feed=lambda inputs: inputs,
        read=lambda output: [part.astype(float) for part in output],
        evidence=dict,
        artifact_bytes=0,
        artifact_sha256="",
    )
    return one


def test_it_times_its_examples_of_the_lesser_length_padded_to_its_own(tmp_path):
    one = held(MINILM, tmp_path)
    _, (ids, mask) = one.pad(length=5, seed=101)
    for seed, feed in zip(EXAMPLE_SEEDS, one.feeds, strict=True):
        expected = MINILM.pad(MINILM.inputs(5, 2, seed, False), 8)
        assert all(np.array_equal(a, b) for a, b in zip(feed, expected, strict=True))
    assert np.array_equal(ids[:, :5], MINILM.inputs(5, 2, 101, False)[0])
    assert (ids[:, 5:] == 0).all() and mask.sum() == 2 * 5


def test_a_model_without_padding_is_refused_and_times_what_it_did(tmp_path):
    one = held(MLP, tmp_path)
    before = list(one.feeds)
    with pytest.raises(Refusal, match="mlp knows no padding"):
        one.pad(length=5, seed=101)
    assert one.feeds == before
