"""Models of a few hundred weights, for the tests of modes and runtimes."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np

from bench_core.cell import Cell
from bench_core.mode import Job, Mode
from bench_core.model import Model
from bench_core.runner import Inputs, Runner

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

WIDTH, VOCABULARY = 16, 40


def seeded(build: "Callable[[], nn.Module]") -> "Callable[[], nn.Module]":
    def seeded_build() -> "nn.Module":
        import torch

        torch.manual_seed(0)
        return build()

    return seeded_build


def _text() -> "nn.Module":
    import torch
    from torch import nn

    class Text(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Embedding(VOCABULARY, WIDTH)
            self.widen = nn.Linear(WIDTH, 4 * WIDTH)
            self.narrow = nn.Linear(4 * WIDTH, WIDTH)
            self.norm = nn.LayerNorm(WIDTH)
            self.drop = nn.Dropout(0.5)

        def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
            x = self.embed(ids)
            x = self.norm(x + self.drop(self.narrow(nn.functional.gelu(self.widen(x)))))
            kept = mask.unsqueeze(-1).float()
            return (x * kept).sum(1) / kept.sum(1)

    return Text()


def _text_inputs(length: int, batch: int, seed: int, padded: bool) -> Inputs:
    ids = np.random.default_rng(seed).integers(1, VOCABULARY, (batch, length))
    mask = np.ones_like(ids)
    if padded:
        for row in range(batch):
            mask[row, max(1, length - row - 1) :] = 0
    return ids, mask


def _image() -> "nn.Module":
    import torch
    from torch import nn

    class Image(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first = nn.Conv2d(3, 8, 3, padding=1)
            self.norm = nn.BatchNorm2d(8)
            self.second = nn.Conv2d(8, 8, 3, padding=1)
            self.classify = nn.Linear(8, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = self.norm(self.first(x)).relu()
            return self.classify(self.second(x).relu().mean((2, 3)))

    return Image()


def _image_inputs(length: int, batch: int, seed: int, _padded: bool) -> Inputs:
    shape = (batch, 3, length, length)
    return (np.random.default_rng(seed).standard_normal(shape).astype(np.float32),)


def row_inputs(length: int, batch: int, seed: int, _padded: bool) -> Inputs:
    shape = (batch, length, WIDTH)
    return (np.random.default_rng(seed).standard_normal(shape).astype(np.float32),)


def _forked() -> "nn.Module":
    import torch
    from torch import nn

    class Forked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(WIDTH, WIDTH)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.linear(x) if x.sum() > 0 else -3 * x

    return Forked()


def _linear() -> "nn.Module":
    from torch import nn

    return nn.Sequential(nn.Linear(WIDTH, WIDTH), nn.Tanh())


TEXT = Model(
    name="text",
    summary="an embedding, a feed-forward block, a norm, a mean",
    length_axis="tokens",
    lengths=(7,),
    input_names=("ids", "mask"),
    output_name="embedding",
    dynamic_axes={
        "ids": {0: "batch", 1: "length"},
        "mask": {0: "batch", 1: "length"},
        "embedding": {0: "batch"},
    },
    build=seeded(_text),
    inputs=_text_inputs,
    files=lambda: (Path(__file__),),
    bound="dispatch",
    weights="random",
    licence="Apache-2.0",
    source="this file",
)

IMAGE = replace(
    TEXT,
    name="image",
    length_axis="pixels a side",
    input_names=("image",),
    output_name="logits",
    dynamic_axes={"image": {0: "batch", 2: "height", 3: "width"}, "logits": {0: "batch"}},
    build=seeded(_image),
    inputs=_image_inputs,
)

ROWS = replace(
    TEXT,
    name="rows",
    length_axis="rows",
    input_names=("x",),
    output_name="y",
    dynamic_axes={"x": {0: "batch", 1: "length"}, "y": {0: "batch", 1: "length"}},
    build=seeded(_linear),
    inputs=row_inputs,
)

FORKED = replace(ROWS, name="forked", build=seeded(_forked))


def job(model: Model, folder: Path, length: int = 7, batch: int = 1) -> Job:
    return Job(model, Cell(model.name, "tested", length, batch), folder)


def outputs(runner: Runner, inputs: list[Inputs]) -> list[np.ndarray]:
    return [array for item in inputs for array in runner.read(runner.call(runner.feed(item)))]


def sqnr_db(right: list[np.ndarray], found: list[np.ndarray]) -> float:
    """10·log10(Σy² / Σ(y − ŷ)²), infinite where they are equal."""
    noise = sum(float(((r - f) ** 2).sum()) for r, f in zip(right, found, strict=True))
    signal = sum(float((r**2).sum()) for r in right)
    return 10 * np.log10(signal / noise) if noise else np.inf


def variants(module: ModuleType, prefix: str) -> dict[str, Mode]:
    """The modes that a file defines, by what follows the prefix in their names."""
    found = (mode for mode in vars(module).values() if isinstance(mode, Mode))
    return {mode.name.removeprefix(prefix): mode for mode in found}


def unbuildable(model: Model) -> Model:
    """The model, whose module must not be asked for."""

    def build() -> "nn.Module":
        raise AssertionError("the artefact is there; the module must not be built")

    return replace(model, build=build)
