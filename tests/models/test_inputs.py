"""What every model of ours promises of its inputs and facts."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.errors import UsageError
from bench_core.model import Model
from bench_core.models.digits_cnn import DIGITS_CNN, DIGITS_CNN_RELU
from bench_core.models.digits_lstm import DIGITS_LSTM
from bench_core.models.minilm import MINILM
from bench_core.models.minilm import TOKENS as MINILM_TOKENS
from bench_core.models.mlp import MLP
from bench_core.models.mpnet import MPNET
from bench_core.models.mpnet import TOKENS as MPNET_TOKENS
from bench_core.models.pointwise import POINTWISE
from bench_core.models.sentence_encoder import Tokens

ENCODERS = ((MINILM, MINILM_TOKENS), (MPNET, MPNET_TOKENS))
SMALL = (MLP, POINTWISE, DIGITS_CNN, DIGITS_CNN_RELU, DIGITS_LSTM, MINILM)
MODELS = (*SMALL, MPNET)
encoders = st.sampled_from(ENCODERS)
models = st.sampled_from(MODELS)
lengths = st.integers(4, 70)
batches = st.integers(1, 9)
seeds = st.integers(0, 2**32 - 1)


@given(models, lengths, batches, seeds, st.booleans())
def test_one_array_per_name_with_the_batch_and_length_asked_for(
    model: Model, length: int, batch: int, seed: int, padded: bool
) -> None:
    arrays = model.inputs(length, batch, seed, padded)
    assert len(arrays) == len(model.input_names)
    for name, array in zip(model.input_names, arrays, strict=True):
        for axis, what in model.dynamic_axes[name].items():
            assert array.shape[axis] == (batch if what == "batch" else length)
        assert set(range(array.ndim)) - set(model.dynamic_axes[name]) <= {1, 2}
        assert array.dtype == (np.int64 if model in (MINILM, MPNET) else np.float32)


@given(models, lengths, batches, seeds, st.booleans())
def test_a_seed_gives_the_same_inputs_again_and_another_seed_others(
    model: Model, length: int, batch: int, seed: int, padded: bool
) -> None:
    first, again = (model.inputs(length, batch, seed, padded) for _ in range(2))
    other = model.inputs(length, batch, seed + 1, padded)
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))
    # One word is left between [CLS] and [SEP] of a row padded to the utmost: 1 in 29,523.
    if not (padded and length < 6):
        assert not np.array_equal(first[0], other[0])


@given(lengths, batches, seeds)
def test_digits_lie_between_black_and_white(length: int, batch: int, seed: int) -> None:
    (image,) = DIGITS_CNN.inputs(length, batch, seed, False)
    assert image.min() >= 0
    assert image.max() <= 1
    assert np.ptp(image) > 0.1


@given(encoders, lengths, batches, seeds, st.booleans())
def test_encoders_read_words_between_cls_and_sep(
    encoder: tuple[Model, Tokens], length: int, batch: int, seed: int, padded: bool
) -> None:
    model, tokens = encoder
    ids, mask = model.inputs(length, batch, seed, padded)
    for row, kept in zip(ids, mask.sum(1), strict=True):
        words = row[1 : kept - 1]
        assert row[0] == tokens.cls
        assert row[kept - 1] == tokens.sep
        assert ((words >= tokens.first_word) & (words < tokens.end)).all()
        assert kept >= 3
        assert (row[kept:] == tokens.pad).all()
    assert (np.diff(mask, axis=1) <= 0).all()


@given(encoders, lengths, batches, seeds)
def test_encoders_pad_every_row_by_another_amount_while_there_are_enough(
    encoder: tuple[Model, Tokens], length: int, batch: int, seed: int
) -> None:
    _, mask = encoder[0].inputs(length, batch, seed, True)
    pads = length - mask.sum(1)
    assert pads.min() >= 1
    assert len(set(pads)) == min(batch, length - 3)
    assert encoder[0].inputs(length, batch, seed, False)[1].all()


@given(encoders, lengths, batches, seeds, st.booleans(), st.integers(1, 40))
def test_encoders_pad_what_they_are_given_at_its_end_and_mask_that(
    encoder: tuple[Model, Tokens], length: int, batch: int, seed: int, padded: bool, more: int
) -> None:
    model, tokens = encoder
    before = model.inputs(length, batch, seed, padded)
    assert model.pad is not None
    ids, mask = after = model.pad(before, length + more)
    for old, new in zip(before, after, strict=True):
        assert new.dtype == old.dtype
        assert np.array_equal(new[:, :length], old)
    assert (ids[:, length:] == tokens.pad).all()
    assert mask.shape == ids.shape == (batch, length + more)
    assert not mask[:, length:].any()


@pytest.mark.parametrize("length", [2, 3])
@pytest.mark.parametrize("model", [MINILM, MPNET], ids=lambda model: model.name)
def test_encoders_have_no_room_for_padding_below_four_tokens(model: Model, length: int) -> None:
    assert model.inputs(length, 2, 0, True)[1].all()


@pytest.mark.parametrize(
    ("model", "length"),
    [
        (MLP, 0), (POINTWISE, 0), (DIGITS_CNN, 0), (DIGITS_LSTM, 3),
        (MINILM, 1), (MINILM, 513), (MPNET, 1), (MPNET, 513),
    ],
)  # fmt: skip
def test_a_length_that_the_model_cannot_take_is_refused(model: Model, length: int) -> None:
    with pytest.raises(UsageError, match=f"{model.name} takes .* not {length}"):
        model.inputs(length, 1, 0, False)


@pytest.mark.parametrize("model", SMALL, ids=lambda model: model.name)
def test_one_module_serves_every_length(model: Model) -> None:
    module = model.build().eval()
    with torch.inference_mode():
        for length in model.lengths:
            given_ = map(torch.from_numpy, model.inputs(length, 2, 0, True))
            assert len(module(*given_)) == 2


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_what_it_is_made_from_exists(model: Model) -> None:
    assert model.files()
    assert all(path.is_file() for path in model.files())


@settings(max_examples=20)
@given(st.integers(1, 5), st.integers(1, 20), seeds)
def test_mlp_treats_each_row_on_its_own(batch: int, length: int, seed: int) -> None:
    (x,) = MLP.inputs(length, batch, seed, False)
    rows = torch.from_numpy(x)
    # .double(): the sums' order differs with the shape, by a few ε of |y| < 10.
    module = MLP.build().double()
    with torch.inference_mode():
        together = module(rows.double())
        alone = torch.stack([module(row[None].double())[0] for row in rows.flatten(0, 1)])
    assert torch.allclose(together.flatten(0, 1), alone, rtol=0, atol=1e-13)
    assert together.shape == (batch, length, 16)


def test_mlp_weights_are_the_same_each_time_and_leave_the_global_generator_alone() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first, again = MLP.build().state_dict(), MLP.build().state_dict()
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert len(first) == 8
