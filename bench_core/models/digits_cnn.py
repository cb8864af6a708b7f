"""A MobileNetV2-style net on scikit-learn's handwritten digits, and its ReLU twin.

Source: arXiv 1801.04381 (inverted residuals, linear bottlenecks), shrunk to 8 × 8 pixels.
The digits: UCI "Optical Recognition of Handwritten Digits", the 1,797 that scikit-learn ships.
"""

import hashlib
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench_core.errors import UsageError
from bench_core.model import Examples, Model, Task
from bench_core.runner import Inputs

if TYPE_CHECKING:
    from torch import nn

SIDE_PX = 8
"""Of the images it was trained on."""

HELD_OUT = 900
"""Of 1,797: one point is 9 images; with fewer, a loss of one point could not be decided."""

SPLIT_SEED = 0
STEM_CHANNELS = 24
HEAD_CHANNELS = 128
STAGES = ((1, 16, 1, 1), (4, 24, 2, 1), (4, 40, 2, 2))
"""Per stage: expansion, channels out, blocks, stride of the first block."""

BATCH = 100


def network(activation: "type[nn.Module]") -> "nn.Module":
    """Images [batch, 1, side, side] in [0, 1] → logits [batch, 10], for any side.

    Freshly initialised, in train mode, as any `nn.Module` is.
    """
    from torch import Tensor, nn

    def conv(into: int, out: int, size: int, stride: int = 1, groups: int = 1) -> list[nn.Module]:
        plain = nn.Conv2d(into, out, size, stride, size // 2, groups=groups, bias=False)
        return [plain, nn.BatchNorm2d(out)]

    class InvertedResidual(nn.Module):
        """Widen, filter each channel on its own, narrow without an activation."""

        def __init__(self, into: int, out: int, expansion: int, stride: int) -> None:
            super().__init__()
            wide = into * expansion
            widen = [*conv(into, wide, 1), activation()] if expansion > 1 else []
            depthwise = [*conv(wide, wide, 3, stride, groups=wide), activation()]
            self.layers = nn.Sequential(*widen, *depthwise, *conv(wide, out, 1))
            self.residual = stride == 1 and into == out

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.layers(x)
            return x + y if self.residual else y

    class DigitsCnn(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            layers = [*conv(1, STEM_CHANNELS, 3), activation()]
            into = STEM_CHANNELS
            for expansion, out, blocks, first_stride in STAGES:
                for stride in (first_stride, *[1] * (blocks - 1)):
                    layers.append(InvertedResidual(into, out, expansion, stride))
                    into = out
            layers += [*conv(into, HEAD_CHANNELS, 1), activation()]
            self.features = nn.Sequential(*layers)
            self.classify = nn.Linear(HEAD_CHANNELS, 10)

        def forward(self, x: Tensor) -> Tensor:
            # A mean over both axes, not AdaptiveAvgPool2d: it exports with a free side.
            logits: Tensor = self.classify(self.features(x).mean((2, 3)))
            return logits

    return DigitsCnn()


def weights(name: str) -> Path:
    """Where the trained weights of `name` lie (`python -m …weights.train_digits_cnn`)."""
    return Path(__file__).parent / "weights" / f"{name}.safetensors"


def build(name: str) -> "nn.Module":
    """The trained net, left in train mode: whoever runs it must say eval."""
    from safetensors.torch import load_file
    from torch import nn

    module = network(nn.ReLU if name.endswith("_relu") else nn.ReLU6)
    module.load_state_dict(load_file(weights(name)))
    return module


def inputs(length: int, batch: int, seed: int, _padded: bool) -> Inputs:
    """Smooth random images in [0, 1], float32 [batch, 1, length, length]. No padding.

    Bilinear between 5 × 5 random points, so that they have strokes' scale at every side.
    Real digits would cost every worker the second that importing scikit-learn takes.
    Raises: UsageError if `length` is below 1.
    """
    if length < 1:
        raise UsageError(f"digits_cnn takes sides of 1 pixel or more, not {length}")
    points = np.random.default_rng(seed).random((batch, 1, 5, 5))
    hats = np.maximum(0, 1 - abs(np.linspace(0, 4, length)[:, None] - np.arange(5)))
    return ((hats @ points @ hats.T).astype(np.float32),)


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


def examples() -> Examples:
    """The held-out digits; the prediction is the greatest logit."""
    images, digits = split()[1]
    return Examples(
        batches=[(images[start : start + BATCH],) for start in range(0, len(images), BATCH)],
        expected=digits,
        predict=lambda outputs: np.concatenate(outputs).argmax(1),
        corpus_sha256=hashlib.sha256(images.tobytes() + digits.tobytes()).hexdigest(),
    )


def _model(name: str, activation: str) -> Model:
    return Model(
        name=name,
        summary=f"MobileNetV2-style classifier of handwritten digits, {activation}",
        length_axis="pixels a side",
        lengths=(8, 16, 32, 64),
        input_names=("image",),
        output_name="logits",
        dynamic_axes={
            "image": {0: "batch", 2: "height", 3: "width"},
            "logits": {0: "batch"},
        },
        build=partial(build, name),
        inputs=inputs,
        files=lambda: (Path(__file__), weights(name)),
        bound="dispatch",
        weights="real",
        licence="Apache-2.0; trained on digits that are CC-BY-4.0",
        source="bench_core.models.weights.train_digits_cnn, on 897 digits of scikit-learn",
        task=Task(name="accuracy", length=SIDE_PX, load=examples, macro=True),
    )


DIGITS_CNN = _model("digits_cnn", "ReLU6")
DIGITS_CNN_RELU = _model("digits_cnn_relu", "ReLU")
