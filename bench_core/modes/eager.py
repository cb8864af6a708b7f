"""Plain PyTorch, and what each habit of calling it is worth.

What is shipped is the state dict.
"""

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bench_core.mode import Job, Mode
from bench_core.runner import Runner
from bench_core.runtimes.torch_module import Tensors, feed, inference_call, torch_runner

if TYPE_CHECKING:
    import torch
    from torch import nn


def _flags(module: "nn.Module") -> list[bool]:
    return [part.training for part in module.modules()]


def _gradients_call(module: "nn.Module") -> "Callable[[Tensors], torch.Tensor]":
    def call(tensors: Tensors) -> "torch.Tensor":
        output: torch.Tensor = module(*tensors)
        return output

    return call


def _no_grad_call(module: "nn.Module") -> "Callable[[Tensors], torch.Tensor]":
    import torch

    def call(tensors: Tensors) -> "torch.Tensor":
        with torch.no_grad():
            output: torch.Tensor = module(*tensors)
            return output

    return call


def _as_loaded(module: "nn.Module") -> "nn.Module":
    # In training mode a call moves the batch norms' statistics, which are not ours to move.
    return copy.deepcopy(module) if any(_flags(module)) else module


def _training(module: "nn.Module") -> "nn.Module":
    return copy.deepcopy(module).train()


def _evaluating(module: "nn.Module") -> "nn.Module":
    return module.eval()


def _runner(
    job: Job,
    set_up: "Callable[[nn.Module], nn.Module]",
    make_call: "Callable[[nn.Module], Callable[[Tensors], torch.Tensor]]",
) -> Runner:
    loaded = _flags(job.module)
    module = set_up(job.module)
    call = make_call(module)

    def evidence() -> dict[str, Any]:
        output = call(feed(job.examples[0]))
        return {
            "training": any(_flags(module)),
            "as_loaded": _flags(module) == loaded,
            "grad": output.requires_grad,
            "inference": output.is_inference(),
        }

    return torch_runner(job, module, call, evidence)


def _judge(**expected: bool) -> Callable[[dict[str, Any]], str | None]:
    def engaged(evidence: dict[str, Any]) -> str | None:
        wrong = [
            f"expected {name} to be {value}, found {evidence.get(name)}"
            for name, value in expected.items()
            if evidence.get(name) is not value
        ]
        return "; ".join(wrong) or None

    return engaged


EAGER_AS_LOADED = Mode(
    name="eager_as_loaded",
    family="eager",
    summary="the module as its loader left it: no eval(), gradients recorded",
    prepare=lambda job: _runner(job, _as_loaded, _gradients_call),
    engaged=_judge(as_loaded=True, grad=True, inference=False),
)

EAGER_TRAIN = Mode(
    name="eager_train",
    family="eager",
    summary="train(), gradients recorded: dropout drops, batch norm uses the batch",
    prepare=lambda job: _runner(job, _training, _gradients_call),
    engaged=_judge(training=True, grad=True, inference=False),
    stochastic=True,
)

EAGER_EVAL = Mode(
    name="eager_eval",
    family="eager",
    summary="eval(), gradients recorded",
    prepare=lambda job: _runner(job, _evaluating, _gradients_call),
    engaged=_judge(training=False, grad=True, inference=False),
)

EAGER_NO_GRAD = Mode(
    name="eager_no_grad",
    family="eager",
    summary="eval() under torch.no_grad()",
    prepare=lambda job: _runner(job, _evaluating, _no_grad_call),
    engaged=_judge(training=False, grad=False, inference=False),
)

EAGER_INFERENCE_MODE = Mode(
    name="eager_inference_mode",
    family="eager",
    summary="eval() under torch.inference_mode(): the reference",
    prepare=lambda job: _runner(job, _evaluating, inference_call),
    engaged=_judge(training=False, grad=False, inference=True),
)
