"""scikit-learn's handwritten digits: which are trained on, which held out, and their like.

Source: UCI "Optical Recognition of Handwritten Digits", the 1,797 that scikit-learn ships.
"""

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bench_core.model import Examples
from bench_core.runner import Inputs

SIDE_PX = 8

HELD_OUT = 900
"""Of 1,797: one point is 9 images; with fewer, a loss of one point could not be decided."""

SPLIT_SEED = 0
BATCH = 100

CALIBRATION, CALIBRATION_BATCH = 512, 64
"""Of the images that the weights were trained on, ranges are taken from so many, in batches."""


def weights(name: str) -> Path:
    """Where the trained weights of `name` lie (made by `…weights.train_…`)."""
    return Path(__file__).parent / "weights" / f"{name}.safetensors"


def smooth(batch: int, height: int, width: int, seed: int) -> np.ndarray:
    """Smooth random images in [0, 1], float32 [batch, height, width].

    Bilinear between 5 × 5 random points, so that they have strokes' scale at every size.
    Real digits would cost every worker the second that importing scikit-learn takes.
    """
    points = np.random.default_rng(seed).random((batch, 5, 5))
    down, across = (
        np.maximum(0, 1 - abs(np.linspace(0, 4, size)[:, None] - np.arange(5)))
        for size in (height, width)
    )
    return (down @ points @ across.T).astype(np.float32)


def split() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """(images, digits) to train on, then those held out; images float32 [n, 1, 8, 8] in [0, 1].

    `RandomState`, because NumPy froze its stream (NEP 19): a `Generator`'s may change, and
    would then put images that the weights were trained on among the held-out ones.
    """
    from sklearn.datasets import load_digits

    data = load_digits()
    images = (data.images[:, None] / 16).astype(np.float32)
    digits = data.target.astype(np.int64)
    order = np.random.RandomState(SPLIT_SEED).permutation(len(digits))
    held_out, trained = order[:HELD_OUT], order[HELD_OUT:]
    return (images[trained], digits[trained]), (images[held_out], digits[held_out])


def examples(shape: Callable[[np.ndarray], np.ndarray] = lambda images: images) -> Examples:
    """The held-out digits; the prediction is the greatest logit.

    shape: images [batch, 1, 8, 8] → the model's input.
    """
    images, digits = split()[1]
    batches = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
    return Examples(
        batches=[(shape(batch),) for batch in batches],
        expected=digits,
        predict=lambda outputs: np.concatenate(outputs).argmax(1),
        corpus_sha256=hashlib.sha256(images.tobytes() + digits.tobytes()).hexdigest(),
    )


def calibration(
    shape: Callable[[np.ndarray], np.ndarray] = lambda images: images,
) -> list[Inputs]:
    """Digits that the weights were trained on, none of them held out. shape: as in `examples`."""
    images = split()[0][0][:CALIBRATION]
    starts = range(0, CALIBRATION, CALIBRATION_BATCH)
    return [(shape(images[start : start + CALIBRATION_BATCH]),) for start in starts]
