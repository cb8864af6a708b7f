"""Makes `digits_cnn.safetensors` and `digits_cnn_relu.safetensors` again, beside this file.

`python -m bench_core.models.weights.train_digits_cnn`: about a minute each on one core.
One thread and seeds throughout, so a rerun with the same versions on the same CPU gives the
same bytes; another CPU rounds differently and ends at other, equally good weights.
"""

import argparse
import logging
import math
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn import functional

from bench_core.models import digits_cnn
from bench_core.models.digits import HELD_OUT, SIDE_PX, split

SEED = 0
EPOCHS = 60
BATCHES = 14
"""Of 65 images, the last of 52. Batches of 64 would leave one image alone, on which batch
norm's running variance would then end."""

PEAK_RATE = 4e-3
WEIGHT_DECAY = 0.05
LABEL_SMOOTHING = 0.1
SHIFT_PX = 0.8
ROTATION_DEGREES = 12.0
SCALE = 0.12
SHEAR = 0.15

log = logging.getLogger(__name__)


def distort(images: Tensor, generator: torch.Generator) -> Tensor:
    """Each image under its own small random rotation, shear, scaling and shift."""

    def uniform(limit: float) -> Tensor:
        return (2 * torch.rand(len(images), generator=generator) - 1) * limit

    angle, shear = uniform(math.radians(ROTATION_DEGREES)), uniform(SHEAR)
    wide, high = 1 + uniform(SCALE), 1 + uniform(SCALE)
    half_px = SIDE_PX / 2
    right, down = uniform(SHIFT_PX / half_px), uniform(SHIFT_PX / half_px)
    cos, sin = angle.cos(), angle.sin()
    rows = [wide * cos, shear - sin, right, sin, high * cos, down]
    grid = functional.affine_grid(
        torch.stack(rows, 1).view(-1, 2, 3), list(images.shape), align_corners=False
    )
    return functional.grid_sample(images, grid, align_corners=False)


def train(module: nn.Module, images: Tensor, digits: Tensor, epochs: int) -> None:
    """AdamW under one cosine cycle; every image is distorted afresh in every epoch."""
    generator = torch.Generator().manual_seed(SEED)
    optimizer = torch.optim.AdamW(module.parameters(), PEAK_RATE, weight_decay=WEIGHT_DECAY)
    steps = epochs * BATCHES
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, total_steps=steps)
    loss_of = nn.CrossEntropyLoss(label_smoothing=LABEL_SMOOTHING)
    module.train()
    for epoch in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(images), generator=generator).chunk(BATCHES):
            loss = loss_of(module(distort(images[rows], generator)), digits[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(rows)
        if epoch % 20 == 19:
            log.info("epoch %d: loss %.4f", epoch + 1, total / len(images))


def accuracy(module: nn.Module, images: np.ndarray, digits: np.ndarray) -> float:
    """Share of right answers, in eval mode."""
    with torch.inference_mode():
        logits = module.eval()(torch.from_numpy(images))
    return float((logits.argmax(1).numpy() == digits).mean())


def main() -> None:
    """Train both nets and write them into a folder, this one unless told."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--into", type=Path, default=Path(__file__).parent)
    folder: Path = parser.parse_args().into
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    (images, digits), held_out = split()
    for model, activation in (
        (digits_cnn.DIGITS_CNN, nn.ReLU6),
        (digits_cnn.DIGITS_CNN_RELU, nn.ReLU),
    ):
        torch.manual_seed(SEED)
        module = digits_cnn.network(activation)
        train(module, torch.from_numpy(images), torch.from_numpy(digits), EPOCHS)
        # Not save_file, whose file only its owner may read.
        (folder / f"{model.name}.safetensors").write_bytes(save(module.state_dict()))
        right = 100 * accuracy(module, *held_out)
        log.info("%s: %.2f %% of %d held out", model.name, right, HELD_OUT)


if __name__ == "__main__":
    main()
