"""Images in memory order N, H, W, C.

Source: the memory-format tutorial of the PyTorch documentation.
"""

import copy
from typing import TYPE_CHECKING, Any

from bench_core.errors import Unsupported
from bench_core.mode import Job, Mode
from bench_core.runner import Inputs, Runner
from bench_core.runtimes.torch_module import (
    Tensors,
    activations,
    feed,
    inference_call,
    torch_runner,
)

if TYPE_CHECKING:
    import torch


def _feed(inputs: Inputs) -> Tensors:
    import torch

    return tuple(
        t.to(memory_format=torch.channels_last) if t.dim() == 4 else t for t in feed(inputs)
    )


def _layouts(tensors: "list[torch.Tensor]") -> list[int]:
    """How many 4-D tensors are channels_last, of those whose strides tell.

    With one channel, or one pixel, the two orders are the same.
    """
    import torch

    last = [t.is_contiguous(memory_format=torch.channels_last) for t in tensors if t.dim() == 4]
    first = [t.is_contiguous() for t in tensors if t.dim() == 4]
    told = [is_last for is_last, is_first in zip(last, first, strict=True) if is_last != is_first]
    return [sum(told), len(told)]


def _prepare(job: Job) -> Runner:
    import torch

    shapes = [array.shape for array in job.examples[0]]
    if not any(len(shape) == 4 for shape in shapes):
        raise Unsupported(
            f"channels_last orders 4-D inputs; those of {job.model.name} have shapes {shapes}"
        )
    module = copy.deepcopy(job.module).eval().to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def evidence() -> dict[str, Any]:
        return {
            "weights": _layouts(list(module.parameters())),
            "activations": _layouts(activations(module, _feed(job.examples[0]))),
        }

    return torch_runner(job, module, inference_call(module), evidence, _feed)


def _engaged(evidence: dict[str, Any]) -> str | None:
    last, told = evidence.get("activations", [0, 0])
    if 2 * last <= told:
        return f"expected most activations in channels_last, found {last} of {told}"
    return None


CHANNELS_LAST = Mode(
    name="channels_last",
    family="eager",
    summary="eval(), inference_mode, module and 4-D inputs in memory order N, H, W, C",
    prepare=_prepare,
    engaged=_engaged,
)
