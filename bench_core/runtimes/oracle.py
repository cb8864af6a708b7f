"""What a model should put out: its float64 run, and how far float32 is from that."""

import copy
from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.runner import Inputs
from bench_core.runtimes.torch_module import cast_copy, feed, read

if TYPE_CHECKING:
    from torch import nn
    from torch.overrides import TorchFunctionMode
    from torch.utils._python_dispatch import TorchDispatchMode

FLOAT64, EAGER_FLOAT32 = "float64", "eager float32"


def run(module: "nn.Module", inputs: list[Inputs]) -> tuple[list[np.ndarray], str, list[str]]:
    """Outputs in float64 for each of `inputs`, what computed them, and why not float64.

    The module's copy runs as `double().eval()`; casts and creations below float64 are
    raised to it. The second value is "float64" only if no floating operator took or gave
    anything lower; otherwise it is "eager float32", and the third value says which did.
    """
    import torch

    below: list[str] = []
    outputs = []
    double = _double(module)
    default = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        for item in inputs:
            tensors = feed(item, torch.float64)
            with torch.no_grad(), _raiser(below), _departures(below):
                output = double(*tensors)
            outputs += read(output)
    except RuntimeError as error:  # an operator without a float64 kernel, or mixed dtypes
        below.append(str(error).splitlines()[0])
    finally:
        torch.set_default_dtype(default)
    if below:
        return eager_outputs(module, inputs), EAGER_FLOAT32, sorted(set(below))
    return outputs, FLOAT64, []


def eager_outputs(module: "nn.Module", inputs: list[Inputs]) -> list[np.ndarray]:
    """Outputs of the float32 module in eval and inference mode, as float64 arrays."""
    import torch

    evaluating = copy.deepcopy(module).eval()
    with torch.inference_mode():
        return [array for item in inputs for array in read(evaluating(*feed(item)))]


def flops(module: "nn.Module", inputs: Inputs) -> int:
    """Floating-point operations of one call.

    Two per multiply-add of matrix products, convolutions and attentions; no others count.
    Source: torch.utils.flop_counter.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    evaluating = copy.deepcopy(module).eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        evaluating(*feed(inputs))
    return int(counter.get_total_flops())


def _double(module: "nn.Module") -> "nn.Module":
    """A float64 copy in eval mode, plain attributes that are tensors included."""
    import torch

    double = cast_copy(module, torch.float64).eval()
    for part in double.modules():
        for name, value in vars(part).items():
            if isinstance(value, torch.Tensor) and value.is_floating_point():
                vars(part)[name] = value.double()
    return double


def _raiser(below: list[str]) -> "TorchDispatchMode":
    """Raises asked-for dtypes to 64 bits and names in `below` what stayed lower."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    raised = {
        **dict.fromkeys((torch.float32, torch.float16, torch.bfloat16), torch.float64),
        **dict.fromkeys((torch.complex64, torch.complex32), torch.complex128),
    }

    def is_low(value: Any) -> bool:
        if not isinstance(value, torch.Tensor) or value.dtype in (torch.float64, torch.complex128):
            return False
        return value.is_floating_point() or value.is_complex()

    class Raise(TorchDispatchMode):  # type: ignore[no-untyped-call]
        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            kwargs = {
                name: raised.get(value, value) if name == "dtype" else value
                for name, value in (kwargs or {}).items()
            }
            if func is torch.ops.aten.lift_fresh.default:
                # A constant written in the model: float64 holds its value exactly.
                return func(*(a.double() if is_low(a) else a for a in args), **kwargs)
            output = func(*args, **kwargs)
            if any(is_low(value) for value in tree_leaves((args, kwargs, output))):
                below.append(str(func))
            return output

    return Raise()  # type: ignore[no-untyped-call]


def _departures(below: list[str]) -> "TorchFunctionMode":
    """Names in `below` each way by which floats leave torch: what is done to them is not seen."""
    import torch
    from torch.overrides import TorchFunctionMode

    ways = {torch.Tensor.numpy, torch.Tensor.__array__, torch.Tensor.__dlpack__}

    class Watch(TorchFunctionMode):
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            if func in ways and args[0].is_floating_point():
                below.append(f"Tensor.{func.__name__}")
            return func(*args, **(kwargs or {}))

    return Watch()
