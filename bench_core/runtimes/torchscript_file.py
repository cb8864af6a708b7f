"""TorchScript as a file: a model traced or compiled, saved once, and loaded from then on."""

import re
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_core.errors import Unsupported, WrongOutput
from bench_core.mode import Job
from bench_core.runtimes.torch_module import feed

if TYPE_CHECKING:
    import torch


@contextmanager
def deprecations_silenced() -> Iterator[None]:
    """Every entry point of torch.jit says that it is deprecated (torch 2.13)."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"`torch\.jit\..*", DeprecationWarning)
        yield


def traced(job: Job) -> "torch.jit.ScriptModule":
    """The module's trace on one example, checked on another.

    Raises: WrongOutput if the other example takes another path through the module.
    """
    import torch

    module = job.module.eval()
    first, other = feed(job.examples[0]), feed(job.examples[1])
    with torch.no_grad(), warnings.catch_warnings():
        # It warns of each Python value that became a constant, harmless ones too. Whether
        # one mattered is for the oracle to say, on inputs that the trace has not seen.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        # It reads every attribute of every submodule, and deprecated properties say so.
        warnings.filterwarnings("ignore", ".* is deprecated", FutureWarning)
        try:
            trace: torch.jit.ScriptModule = torch.jit.trace(  # type: ignore[no-untyped-call]
                module, first, check_inputs=[other]
            )
        except torch.jit.TracingCheckError as error:  # type: ignore[attr-defined]
            lines = str(error).strip().splitlines()
            raise WrongOutput(
                f"the trace of {job.model.name} differs from example to example: its control "
                f"flow depends on the data ({lines[0] if lines else 'graphs differ'})"
            ) from None
    return trace


def frozen(job: Job) -> "torch.jit.ScriptModule":
    """The trace with its weights as constants, batch norms folded into convolutions."""
    import torch

    module: torch.jit.ScriptModule = torch.jit.freeze(traced(job))
    return module


def compiled(job: Job) -> "torch.jit.ScriptModule":
    """The module's source, control flow and all.

    Raises: Unsupported with what torch says of the first thing that is not TorchScript.
    """
    import torch
    from torch.jit.frontend import FrontendError

    module = job.module.eval()
    try:
        script: torch.jit.ScriptModule = torch.jit.script(module)
    except (FrontendError, AttributeError, OSError, RuntimeError, TypeError, ValueError) as error:
        said = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
        said = re.sub(r" at 0x[0-9a-f]+", "", said)  # another at each start
        raise Unsupported(
            f"{job.model.name} is not TorchScript as it is written: {type(error).__name__}: {said}"
        ) from error
    return script


def load(path: Path) -> "torch.jit.ScriptModule":
    """A saved one."""
    import torch

    with deprecations_silenced():
        module: torch.jit.ScriptModule = torch.jit.load(path)  # type: ignore[no-untyped-call]
    return module


def nodes(block: Any) -> Iterator[Any]:
    """Every node of a graph or block, those of the blocks inside it too."""
    for node in block.nodes():
        yield node
        for inner in node.blocks():
            yield from nodes(inner)


def kinds(module: "torch.jit.ScriptModule") -> dict[str, int]:
    """How many nodes of each kind its graph has, calls resolved."""
    return dict(Counter(node.kind() for node in nodes(module.inlined_graph)))
