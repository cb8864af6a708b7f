"""Handwritten digits read row by row: an LSTM, then a recurrent cell written by hand.

The LSTM, which holds most of the weights, takes as many steps as it is given. The cell, which
Python steps, reads four means: those of the LSTM's outputs over each quarter of the steps. So
every length has the same four steps of it, and a trace, an export or a compiled graph, all of
which unroll a Python loop, serve any length. Over the free steps they would be right at one
length only, and there would be little to compare.

Source of the cell: the minimal gated unit, Zhou et al. 2016, arXiv:1603.09420.
"""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bench_core.errors import UsageError
from bench_core.model import Examples, Model, Task
from bench_core.models import digits
from bench_core.runner import Inputs

if TYPE_CHECKING:
    from torch import nn

LSTM_WIDTH = 128
CELL_WIDTH = 32
QUARTERS = 4


def network() -> "nn.Module":
    """Rows [batch, steps, 8] in [0, 1] → logits [batch, 10], for any number of steps from 4.

    Freshly initialised, in train mode, as any `nn.Module` is.
    """
    import torch
    from torch import Tensor, nn

    class MinimalGatedUnit(nn.Module):
        """Steps [batch, n, into] → the last state [batch, width].

        f = σ([x, h] W_f + b_f)      h' = (1 − f) ⊙ h + f ⊙ tanh([x, f ⊙ h] W_h + b_h)

        Not of nn.Linear, which is exported as a Gemm of the transposed weight: ONNX Runtime's
        int8 quantiser turns that weight round once per step that shares it, and so wrongly.
        """

        def __init__(self, into: int, width: int) -> None:
            super().__init__()
            self.width = width
            self.forget = nn.Parameter(torch.empty(into + width, width))
            self.forget_bias = nn.Parameter(torch.empty(width))
            self.propose = nn.Parameter(torch.empty(into + width, width))
            self.propose_bias = nn.Parameter(torch.empty(width))
            for parameter in self.parameters():
                nn.init.uniform_(parameter, -(width**-0.5), width**-0.5)  # as nn.RNNCell does

        def forward(self, steps: Tensor) -> Tensor:
            state = steps.new_zeros(steps.size(0), self.width)
            for step in steps.unbind(1):
                seen = torch.cat((step, state), 1)
                forget = torch.sigmoid(seen @ self.forget + self.forget_bias)
                kept = torch.cat((step, forget * state), 1)
                proposed = torch.tanh(kept @ self.propose + self.propose_bias)
                state = state + forget * (proposed - state)
            return state

    class DigitsLstm(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.lstm = nn.LSTM(digits.SIDE_PX, LSTM_WIDTH, batch_first=True)
            self.cell = MinimalGatedUnit(LSTM_WIDTH, CELL_WIDTH)
            self.classify = nn.Linear(CELL_WIDTH, 10)
            self.quarters = QUARTERS

        def forward(self, rows: Tensor) -> Tensor:
            outputs = self.lstm(rows)[0]
            steps, parts = outputs.size(1), self.quarters
            means = [
                outputs[:, steps * part // parts : steps * (part + 1) // parts].mean(1)
                for part in range(parts)
            ]
            logits: Tensor = self.classify(self.cell(torch.stack(means, 1)))
            return logits

    return DigitsLstm()


def build() -> "nn.Module":
    """The trained net, left in train mode: whoever runs it must say eval."""
    from safetensors.torch import load_file

    module = network()
    module.load_state_dict(load_file(digits.weights("digits_lstm")))
    return module


def inputs(length: int, batch: int, seed: int, _padded: bool) -> Inputs:
    """Smooth random rows in [0, 1], float32 [batch, length, 8]. No padding.

    Raises: UsageError if `length` is below 4.
    """
    if length < QUARTERS:
        raise UsageError(f"digits_lstm takes {QUARTERS} steps or more, not {length}")
    return (digits.smooth(batch, length, digits.SIDE_PX, seed),)


def examples() -> Examples:
    """The held-out digits, a row of pixels a step."""
    return digits.examples(_rows)


def calibration() -> list[Inputs]:
    """Digits that the weights were trained on, a row of pixels a step."""
    return digits.calibration(_rows)


def _rows(images: np.ndarray) -> np.ndarray:
    rows: np.ndarray = images[:, 0]
    return rows


DIGITS_LSTM = Model(
    name="digits_lstm",
    summary="LSTM and a cell written by hand, reading handwritten digits row by row",
    length_axis="steps",
    lengths=(8, 16, 32, 64),
    input_names=("rows",),
    output_name="logits",
    dynamic_axes={"rows": {0: "batch", 1: "length"}, "logits": {0: "batch"}},
    build=build,
    inputs=inputs,
    files=lambda: (Path(__file__), digits.weights("digits_lstm")),
    bound="dispatch",
    weights="real",
    licence="Apache-2.0; trained on digits that are CC-BY-4.0",
    source="bench_core.models.weights.train_digits_lstm, on 897 digits of scikit-learn",
    task=Task(name="accuracy", length=digits.SIDE_PX, load=examples, macro=True),
    calibration=calibration,
)
