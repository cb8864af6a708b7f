import torch
from torch import Tensor, nn

from bench_core.quantization.graph.capture import capture
from bench_core.quantization.graph.placement import place
from tests.quantization.nets import Bottleneck, exported, shaken


def placed(module, *shape):
    graph, _ = capture(exported(module, *shape))
    return graph, place(graph)


def names(nodes):
    return [node.name for node in nodes]


def test_a_convolution_writes_integers_after_its_relu():
    _, placement = placed(nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU()), 2, 3, 6, 6)
    assert len(placement.values) == 2
    assert names(placement.values)[-1].startswith("relu")


def test_a_relu_that_is_not_alone_is_no_part_of_the_kernel():
    class Both(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x: Tensor) -> Tensor:
            y = self.conv(x)
            return torch.relu(y) * y.sigmoid()

    _, placement = placed(Both(), 2, 3, 6, 6)
    assert names(placement.values)[-1] == "conv2d"


def test_a_shortcut_between_int8_layers_is_added_as_integers():
    _, placement = placed(shaken(Bottleneck()), 2, 3, 7, 7)
    assert [layer.node.name for layer in placement.layers if not layer.weights] == []

    class Deeper(Bottleneck):
        def __init__(self) -> None:
            super().__init__()
            self.last = nn.Conv2d(8, 5, 1)

        def forward(self, x: Tensor) -> Tensor:
            x = self.stem(x)
            return self.last(x + self.layers(x))

    _, placement = placed(shaken(Deeper()), 2, 3, 7, 7)
    (add,) = [layer for layer in placement.layers if not layer.weights]
    assert add.node.name.startswith("add")
    assert add.node in placement.values


def test_a_sum_with_what_stays_float_stays_float():
    class Encoder(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.norm, self.last = nn.Linear(6, 6), nn.LayerNorm(6), nn.Linear(6, 6)

        def forward(self, x: Tensor) -> Tensor:
            x = self.norm(x)
            return self.last(self.norm(x + self.first(x)))

    _, placement = placed(Encoder(), 2, 3, 6)
    assert [layer.name for layer in placement.layers] == ["first", "last"]
    # The norm's output is read as integers by the layer, as floats by the sum.
    value, other = placement.values
    assert names(placement.reads_quantised(value)) == ["linear"]
    assert names(placement.reads_quantised(other)) == ["linear_1"]


def test_what_is_moved_or_selected_has_the_parameters_of_its_source():
    module = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(16, 3)
    )
    _, placement = placed(module, 2, 3, 6, 6)
    assert len(placement.values) == 4  # the image, after ReLU, after the pool, flattened
    assert len(placement.observed) == 2
