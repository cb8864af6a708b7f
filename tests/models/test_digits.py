import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from bench_core.models.digits import HELD_OUT, examples, smooth, split

sizes = st.integers(1, 70)


@given(sizes, sizes, st.integers(0, 2**32 - 1))
def test_smooth_images_do_not_jump(height: int, width: int, seed: int) -> None:
    (image,) = smooth(1, height, width, seed)
    assert image.shape == (height, width)
    assert image.dtype == np.float32
    for axis, size in enumerate(image.shape):
        # Between neighbours of the 5 random points, at most 1 apart, it rises linearly.
        steepest = 4 / max(size - 1, 1) + 1e-6
        assert np.abs(np.diff(image, axis=axis)).max(initial=0) <= steepest


def test_examples_are_shaped_as_the_model_wants_them_in_one_order() -> None:
    images, rows = examples(), examples(lambda batch: batch[:, 0])
    assert rows.batches[0][0].shape[1:] == (8, 8)
    for (image,), (row,) in zip(images.batches, rows.batches, strict=True):
        assert np.array_equal(image[:, 0], row)
    assert np.array_equal(images.expected, rows.expected)
    assert images.corpus_sha256 == rows.corpus_sha256


def test_the_halves_are_scikit_learns_digits_once_each() -> None:
    data = load_digits()
    halves = split()
    assert len(halves[1][0]) == HELD_OUT
    found = [
        (int(digit), (image * 16).tobytes())
        for images, digits in halves
        for image, digit in zip(images, digits, strict=True)
    ]
    real = zip(data.target, data.images.astype(np.float32), strict=True)
    assert sorted(found) == sorted((int(digit), image.tobytes()) for digit, image in real)


def test_the_halves_stay_what_the_weights_were_trained_for() -> None:
    # The first five of NumPy's frozen MT19937 permutation of 1,797 under seed 0.
    digits = load_digits().target
    assert split()[1][1][:5].tolist() == digits[[1081, 1707, 927, 713, 262]].tolist()
