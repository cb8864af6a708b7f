"""Pair sums beyond int16, against counting them one by one."""

import numpy as np
import torch
from torch import nn

from bench_core.quantization.affine import quantize
from bench_core.quantization.ptq import ptq
from bench_core.quantization.recipe import PLAIN
from bench_core.quantization.saturation import predict
from bench_core.quantization.target import TENSORRT, X86, X86_REDUCED
from tests.quantization.nets import exported

DATA = [(torch.rand(64, 16),)]
"""All positive, with weights that are too: as bad as it gets."""


def layer():
    module = nn.Linear(16, 4)
    with torch.no_grad():
        module.weight.copy_(torch.rand(4, 16) + 0.5)
    return module


def test_counted_as_one_by_one():
    work = ptq(exported(layer(), 64, 16), DATA, X86, PLAIN).work
    (found,) = predict(work)
    (value,) = work.activations
    x = quantize(DATA[0][0], work.activations[value]).numpy().astype(int)
    (integers,) = work.weights.values()
    w = integers.q.numpy().astype(int)
    sums = np.array(
        [a[i] * b[i] + a[i + 1] * b[i + 1] for a in x for b in w for i in range(0, 16, 2)]
    )
    assert found.most == abs(sums).max() > 2**15 - 1
    assert found.share == (abs(sums) > 2**15 - 1).mean() > 0


def test_seven_bits_never_do_and_signed_activations_are_not_asked():
    (found,) = predict(ptq(exported(layer(), 64, 16), DATA, X86_REDUCED, PLAIN).work)
    assert found.share == 0
    assert predict(ptq(exported(layer(), 64, 16), DATA, TENSORRT, PLAIN).work) == []
