"""A MobileNetV2-style net on scikit-learn's handwritten digits, and its ReLU twin.

Source: arXiv 1801.04381 (inverted residuals, linear bottlenecks), shrunk to 8 × 8 pixels.
"""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bench_core.errors import UsageError
from bench_core.model import Model, Task
from bench_core.models import digits
from bench_core.runner import Inputs

if TYPE_CHECKING:
    from torch import nn

STEM_CHANNELS = 24
HEAD_CHANNELS = 128
STAGES = ((1, 16, 1, 1), (4, 24, 2, 1), (4, 40, 2, 2))
"""Per stage: expansion, channels out, blocks, stride of the first block."""


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


def build(name: str) -> "nn.Module":
    """The trained net, left in train mode: whoever runs it must say eval."""
    from safetensors.torch import load_file
    from torch import nn

    module = network(nn.ReLU if name.endswith("_relu") else nn.ReLU6)
    module.load_state_dict(load_file(digits.weights(name)))
    return module


def inputs(length: int, batch: int, seed: int, _padded: bool) -> Inputs:
    """Smooth random images in [0, 1], float32 [batch, 1, length, length]. No padding.

    Raises: UsageError if `length` is below 1.
    """
    if length < 1:
        raise UsageError(f"digits_cnn takes sides of 1 pixel or more, not {length}")
    return (digits.smooth(batch, length, length, seed)[:, None],)


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
        files=lambda: (Path(__file__), digits.weights(name)),
        bound="dispatch",
        weights="real",
        licence="Apache-2.0; trained on digits that are CC-BY-4.0",
        source="bench_core.models.weights.train_digits_cnn, on 897 digits of scikit-learn",
        task=Task(name="accuracy", length=digits.SIDE_PX, load=digits.examples, macro=True),
        calibration=digits.calibration,
    )


DIGITS_CNN = _model("digits_cnn", "ReLU6")
DIGITS_CNN_RELU = _model("digits_cnn_relu", "ReLU")
