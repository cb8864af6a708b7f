"""PyTorch's own folding of batch norms: by torch.fx, and of pairs that its user names.

Source: torch.fx.experimental.optimization, torch.nn.utils.fusion.
"""

import copy
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from typing import TYPE_CHECKING

from bench_core.errors import Unsupported
from bench_core.mode import Job, Mode
from bench_core.modes.fx_fused import fewer_norms, fused_runner
from bench_core.runner import Runner

if TYPE_CHECKING:
    from torch import nn
    from torch.fx import GraphModule


def _prepare_traced(job: Job) -> Runner:
    import torch

    from bench_core.fusion.trace import following

    with warnings.catch_warnings():
        # It imports oneDNN's modules, which are TorchScript's.
        warnings.filterwarnings("ignore", r"`torch\.jit\.script_method` is", DeprecationWarning)
        from torch.fx.experimental.optimization import fuse

    module = copy.deepcopy(job.module.eval())
    with following(module):
        traced = torch.fx.symbolic_trace(module)
    with _folding(job):
        fused = fuse(traced, no_trace=True)
    before, after = _norms(traced), _norms(fused)  # type: ignore[arg-type]
    folded = [f"{norm} into {layer}" for node, (norm, layer) in before.items() if node not in after]
    left = [norm for norm, _ in after.values()]
    return fused_runner(job, fused, {"folded": folded, "left": left})


def _norms(graph: "GraphModule") -> dict[str, tuple[str, str]]:
    """Each node that calls a batch norm: the norm, and what it follows."""
    from torch.nn.modules.batchnorm import _BatchNorm

    return {
        node.name: (str(node.target), str(node.all_input_nodes[0].target))
        for node in graph.graph.find_nodes(op="call_module")
        if isinstance(graph.get_submodule(str(node.target)), _BatchNorm)
    }


def _prepare_pairs(job: Job) -> Runner:
    """Of those that are neighbours in an `nn.Sequential`, which is where no graph is needed."""
    from torch import nn
    from torch.nn.modules.batchnorm import _BatchNorm

    module, folded = copy.deepcopy(job.module.eval()), list[str]()
    for path, part in list(module.named_modules()):
        if not isinstance(part, nn.Sequential):
            continue
        names = [f"{path}.{name}".removeprefix(".") for name in part._modules]
        for at, (layer, norm) in enumerate(pairwise(list(part))):
            with _folding(job):
                fused = _pair(layer, norm)
            if fused is not None:
                part[at], part[at + 1] = fused, nn.Identity()
                folded.append(f"{names[at + 1]} into {names[at]}")
    left = [path for path, part in module.named_modules() if isinstance(part, _BatchNorm)]
    return fused_runner(job, module, {"folded": folded, "left": left})


def _pair(layer: "nn.Module", norm: "nn.Module") -> "nn.Module | None":
    """None for two that torch has no function for."""
    from torch import nn
    from torch.nn.modules.batchnorm import _BatchNorm
    from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

    transposed = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    if not isinstance(norm, _BatchNorm) or norm.running_mean is None:
        return None
    if isinstance(layer, nn.Linear):
        return fuse_linear_bn_eval(layer, norm)
    if isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.Conv3d, *transposed)):
        return fuse_conv_bn_eval(layer, norm, transpose=isinstance(layer, transposed))
    return None


@contextmanager
def _folding(job: Job) -> Iterator[None]:
    """Within, what torch says that it cannot fold is the model's: Unsupported."""
    try:
        yield
    except (AssertionError, AttributeError, RuntimeError) as error:
        said = str(error).strip().partition("\n")[0]
        raise Unsupported(
            f"torch cannot fold the batch norms of {job.model.name}: {type(error).__name__}: {said}"
        ) from error


FX_FUSED_TORCH = Mode(
    name="fx_fused_torch",
    family="fusion",
    summary="eval(), inference_mode, batch norms folded by torch.fx.experimental.optimization",
    prepare=_prepare_traced,
    engaged=fewer_norms,
)

PAIRS_FUSED_TORCH = Mode(
    name="pairs_fused_torch",
    family="fusion",
    summary="eval(), inference_mode, neighbours in a Sequential folded by torch.nn.utils.fusion",
    prepare=_prepare_pairs,
    engaged=fewer_norms,
)
