import pytest
import torch
from torch import nn

from bench_core.model import Model
from bench_core.models.digits import SIDE_PX, weights
from bench_core.models.digits_cnn import DIGITS_CNN, DIGITS_CNN_RELU

TWINS = pytest.mark.parametrize("model", [DIGITS_CNN, DIGITS_CNN_RELU], ids=lambda m: m.name)


@TWINS
def test_the_shipped_weights_read_97_percent_of_900_held_out_digits(model: Model) -> None:
    assert model.task is not None
    data = model.task.load()
    module = model.build().eval()
    with torch.inference_mode():
        outputs = [module(torch.from_numpy(images)).numpy() for (images,) in data.batches]
    assert len(data.expected) == 900
    assert (data.predict(outputs) == data.expected).mean() >= 0.97


@TWINS
def test_the_weights_file_is_under_a_megabyte(model: Model) -> None:
    assert weights(model.name).stat().st_size < 1_000_000


@TWINS
def test_the_task_runs_at_the_trained_side(model: Model) -> None:
    assert model.task is not None
    assert model.task.macro
    assert all(
        images.shape[1:] == (1, model.task.length, model.task.length)
        for (images,) in model.task.load().batches
    )
    assert model.task.length == SIDE_PX


def test_twins_differ_in_activation_and_weights() -> None:
    kinds = [
        {type(part) for part in model.build().modules()} & {nn.ReLU, nn.ReLU6}
        for model in (DIGITS_CNN, DIGITS_CNN_RELU)
    ]
    assert kinds == [{nn.ReLU6}, {nn.ReLU}]
    assert weights("digits_cnn").read_bytes() != weights("digits_cnn_relu").read_bytes()


@TWINS
def test_it_comes_in_train_mode_as_a_module_does(model: Model) -> None:
    assert all(part.training for part in model.build().modules())


def test_depthwise_convolutions_narrow_without_an_activation() -> None:
    module = DIGITS_CNN.build()
    convolutions = [part for part in module.modules() if isinstance(part, nn.Conv2d)]
    depthwise = [part for part in convolutions if part.groups > 1]
    assert len(depthwise) == 5
    assert all(part.groups == part.in_channels == part.out_channels for part in depthwise)
    last = [list(part.children())[-1] for part in module.modules() if hasattr(part, "residual")]
    blocks = [layers for layers in last if isinstance(layers, nn.Sequential)]
    assert len(blocks) == 5
    assert all(isinstance(layers[-1], nn.BatchNorm2d) for layers in blocks)
