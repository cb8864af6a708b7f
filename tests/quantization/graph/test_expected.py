"""What is known without data, against what a net puts out for the data that its norms saw."""

import torch
from torch import nn

from bench_core.quantization.clip import RELU6
from bench_core.quantization.graph.capture import capture
from bench_core.quantization.graph.expected import Expected, expect
from bench_core.quantization.graph.linear import apply_clip
from tests.quantization.nets import exported, shaken


def net():
    torch.manual_seed(0)
    return shaken(nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.ReLU6(), nn.Flatten()))


def test_a_clip_for_each_channel_bounds_its_own():
    """As equalisation leaves it: 6 / s."""
    graph, known = capture(exported(net(), 2, 3, 5, 5))
    (node,) = [node for node in graph.graph.nodes if node.name.startswith("hardtanh")]
    scales = torch.tensor([100.0, 6.0, 1.0, 0.01])
    apply_clip(graph, node, RELU6.divided(scales), 1)
    found = expect(graph, known, Expected.between(-1, 1))
    (bounded,) = [node for node in graph.graph.nodes if node.name.startswith("minimum")]
    assert (found[bounded].high <= 6 / scales).all()
    assert (found[bounded].mean <= 6 / scales).all()
    assert found[bounded].high[0] == 6 / scales[0]  # and it does bind


def test_nothing_is_known_of_what_no_norm_and_no_input_says():
    graph, known = capture(exported(nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU()), 2, 3, 5, 5))
    assert expect(graph, known, None) == {}
