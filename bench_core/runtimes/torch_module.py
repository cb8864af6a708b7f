"""Arrays into a torch module and out of it again, and the runner around one."""

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.errors import Unsupported
from bench_core.mode import Job
from bench_core.runner import Inputs, Runner
from bench_core.runtimes.torch_state import shipped

if TYPE_CHECKING:
    import torch
    from torch import nn

Tensors = tuple["torch.Tensor", ...]


def feed(inputs: Inputs, dtype: "torch.dtype | None" = None) -> Tensors:
    """The arrays as tensors of their own, floating ones as `dtype` if one is given.

    Laid out in C order whatever the arrays' strides: torch refuses negative ones.
    """
    import torch

    tensors = (torch.tensor(np.asarray(array, order="C")) for array in inputs)
    return tuple(t.to(dtype) if dtype and t.is_floating_point() else t for t in tensors)


def read(output: "torch.Tensor") -> list[np.ndarray]:
    """The one output, as a float64 copy."""
    return [np.array(output.detach().double().cpu().numpy())]


def torch_runner(
    job: Job,
    module: "nn.Module",
    call: Callable[[Any], "torch.Tensor"],
    evidence: Callable[[], dict[str, Any]],
    feed: Callable[[Inputs], Any] = feed,
) -> Runner:
    """A runner whose artefact is the module's state dict, as `torch.save` would write it."""
    artifact_bytes, artifact_sha256 = shipped(module, job.folder)
    return Runner(call, feed, read, evidence, artifact_bytes, artifact_sha256)


def expect_linear(job: Job, mode: str) -> None:
    """Raises: Unsupported for a model without a Linear layer, all that `mode` quantises."""
    from torch import nn

    if not any(type(part) is nn.Linear for part in job.module.modules()):
        raise Unsupported(f"{mode} quantises Linear layers; {job.model.name} has none")


def inference_call(module: Callable[..., Any]) -> Callable[[Tensors], "torch.Tensor"]:
    """Calls `module` as a user would who knows about inference mode."""
    import torch

    def call(tensors: Tensors) -> "torch.Tensor":
        with torch.inference_mode():
            output: torch.Tensor = module(*tensors)
            return output

    return call


def activations(module: "nn.Module", tensors: Tensors) -> "list[torch.Tensor]":
    """What the layers put out, in order, in one call: the innermost modules' tensors."""
    import torch

    seen: list[torch.Tensor] = []

    def keep(_module: "nn.Module", _inputs: Any, output: Any) -> None:
        if isinstance(output, torch.Tensor):
            seen.append(output)

    leaves = [part for part in module.modules() if not any(part.children())]
    hooks = [part.register_forward_hook(keep) for part in leaves]
    try:
        inference_call(module)(tensors)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def cast_copy(module: "nn.Module", dtype: "torch.dtype") -> "nn.Module":
    """A copy whose floating parameters and buffers are `dtype`; `module` stays as it is.

    The copies are cast before they are made (deepcopy's memo already holds them), so no
    second full-precision model is ever in memory. Tensors that a module keeps as plain
    attributes, which `Module.to` would miss, are copied as they are.
    """
    from torch import nn

    memo: dict[int, Any] = {}
    for parameter in module.parameters():
        if parameter.is_floating_point():
            cast = nn.Parameter(parameter.detach().to(dtype), parameter.requires_grad)
            memo[id(parameter)] = cast
    for buffer in module.buffers():
        if buffer.is_floating_point():
            memo[id(buffer)] = buffer.detach().to(dtype)
    return copy.deepcopy(module, memo)
