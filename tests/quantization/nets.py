"""Small networks, exported, for tests of the graph."""

import warnings
from typing import Any

import torch
from torch import Tensor, nn
from torch.export import Dim, ExportedProgram


def export(module: nn.Module, example: tuple[Tensor, ...], **given: Any) -> ExportedProgram:
    """As `torch.export.export`, which warns of its own imports."""
    with torch.no_grad(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`isinstance\(treespec, LeafSpec\)`", FutureWarning)
        warnings.filterwarnings("ignore", "The tensor attributes? self", UserWarning)
        warnings.filterwarnings("ignore", r"`torch\.jit\.script_method` is", DeprecationWarning)
        return torch.export.export(module, example, **given)


def exported(module: nn.Module, *shape: int, free: tuple[int, ...] = (0,)) -> ExportedProgram:
    """In eval mode, on one float input, whose axes `free` are free."""
    axes = dict.fromkeys(free, Dim.AUTO)
    return export(module.eval(), (torch.randn(shape),), dynamic_shapes=(axes,))


def shaken(module: nn.Module, seed: int = 0) -> nn.Module:
    """Its norms as after training: statistics and weights that are not 0 and 1."""
    generator = torch.Generator().manual_seed(seed)
    for part in module.modules():
        if isinstance(part, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
            shape = part.running_mean.shape
            part.running_mean = torch.randn(shape, generator=generator)
            part.running_var = torch.rand(shape, generator=generator) + 0.5
            with torch.no_grad():
                part.weight.copy_(torch.randn(shape, generator=generator))
                part.bias.copy_(torch.randn(shape, generator=generator))
    return module


class Bottleneck(nn.Module):
    """1×1, depthwise, 1×1, each normed, and a shortcut; then a classifier."""

    def __init__(self, activation: type[nn.Module] = nn.ReLU, channels: int = 8) -> None:
        super().__init__()
        wide = 2 * channels
        self.stem = nn.Conv2d(3, channels, 3, padding=1)
        self.layers = nn.Sequential(
            nn.Conv2d(channels, wide, 1, bias=False),
            nn.BatchNorm2d(wide),
            activation(),
            nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False),
            nn.BatchNorm2d(wide),
            activation(),
            nn.Conv2d(wide, channels, 1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.classify = nn.Linear(channels, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        return self.classify((x + self.layers(x)).mean((2, 3)))


class Twice(nn.Module):
    """One convolution, called twice; a norm after the first call alone."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(torch.relu(self.norm(self.conv(x))))


class Tied(nn.Module):
    """Two layers with one weight."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 6)
        self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.second(torch.relu(self.first(x)))
