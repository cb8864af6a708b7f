"""Models on which static quantisation and dynamic differ for certain."""

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from bench_core.model import Model
from bench_core.runner import Inputs, Runner
from tests.modes import small


def _one_layer():
    from torch import nn

    return nn.Sequential(nn.Linear(small.WIDTH, small.WIDTH))


def _calibration() -> list[Inputs]:
    return [small.row_inputs(7, 4, seed, False) for seed in (70, 71, 72)]


ONE_LAYER = replace(
    small.ROWS, name="one_layer", build=small.seeded(_one_layer), calibration=_calibration
)


def uncalibratable(model: Model) -> Model:
    """The model, whose calibration data must not be asked for."""

    def calibration() -> list[Inputs]:
        raise AssertionError("the ranges are known; they must not be taken again")

    return replace(model, calibration=calibration)


MEASURED = 2 / 63
"""How far that growth may be off: with 7 bits from −1000 to 1000 the zero point is a tie, 63.5,
and so either way each value is off by half a step, of 63.5 of them. A bias, at most 1/√16 beside
outputs of about 1000, is nothing to that."""

seeds, times = st.integers(0, 2**32 - 1), st.floats(1.5, 50)
"""Times 1000, which float16 can hold."""


def far_out(seed: int, times: float) -> Inputs:
    """Inputs of which every value lies beyond any that the layer was calibrated with."""
    (x,) = small.row_inputs(7, 1, seed, False)
    return ((np.where(x > 0, 1, -1) * 1000 * times).astype(np.float32),)


def grew(runner: Runner, seed: int, times: float) -> float:
    """By what the outputs grow with such inputs: not at all where ranges are fixed.

    Where they are measured at each call, about as often as the inputs are made larger.
    """
    once, more = small.outputs(runner, [far_out(seed, 1), far_out(seed, times)])
    return float(np.linalg.norm(more) / np.linalg.norm(once))
