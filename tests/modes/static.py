"""Models on which static quantisation and dynamic differ for certain."""

from dataclasses import replace

import numpy as np

from bench_core.model import Model
from bench_core.runner import Inputs
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


def far_out(times: float) -> Inputs:
    """Inputs of which every value lies beyond any that the layer was calibrated with."""
    (x,) = small.row_inputs(7, 1, 80, False)
    return ((np.where(x > 0, 1, -1) * 1000 * times).astype(np.float32),)


def grew(runner) -> float:
    """By what the outputs grow if such inputs are made 8 times as large: not at all where ranges
    are fixed, 8 times where they are measured at each call."""
    once, more = small.outputs(runner, [far_out(1), far_out(8)])
    return float(np.linalg.norm(more) / np.linalg.norm(once))
