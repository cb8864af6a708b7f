"""A quantised module compiled by Inductor, and the int8 products that a call of it runs."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_core.mode import Job
from bench_core.runner import Runner
from bench_core.runtimes import inductor
from bench_core.runtimes.artifact_file import fingerprint
from bench_core.runtimes.torch_module import feed, inference_call, read

if TYPE_CHECKING:
    from torch import nn

INTEGER = ("aten::_int_mm", "onednn::qlinear", "onednn::qconv")
"""What operators that multiply int8 are called, or begin with."""

NOISE = (
    "Int8Tensor does not implement _stable_hash_for_caching",  # so it is lowered at each start
    "To copy construct from a tensor",
)
"""What torchao and Inductor say of each other, and of themselves."""


def compiled_runner(
    job: Job, module: "nn.Module", path: Path, found: dict[str, Any], *, free: bool
) -> Runner:
    """Compiled by calling once, with weights as constants: else there is no int8 to pack.

    path: what is shipped. found: evidence of it, to which that of a call is added.
    free: let sizes be free once a second shape is called, of which a task of texts has many.
    """
    import torch

    with quietly_compiling(job, freeze=True):
        earlier = inductor.loaded()
        call = inference_call(torch.compile(module, dynamic=None if free else False))
        call(feed(job.examples[0]))
    _go_on_so()
    own = [code for code in inductor.loaded() if code not in earlier]

    def evidence() -> dict[str, Any]:
        ran = inductor.ran(call, feed(job.examples[0]))
        integer = {name: n for name, n in ran["operators"].items() if name.startswith(INTEGER)}
        return {**found, **inductor.generated(own), **ran, "integer": integer}

    return Runner(call, feed, read, evidence, *fingerprint(path))


def _go_on_so() -> None:
    """Have later shapes compiled alike: the process is this mode's alone."""
    import torch

    torch._inductor.config.freezing = True
    for message in NOISE:
        warnings.filterwarnings("ignore", message)


def multiplied(evidence: dict[str, Any]) -> str | None:
    """Why a call did not multiply int8 in a compiled graph, if it did not."""
    if not evidence.get("graphs_run"):
        return "expected a call to run a compiled graph, it ran none"
    if not evidence.get("integer"):
        return f"expected int8 products, the call ran {evidence.get('operators')}"
    return None


@contextmanager
def quietly_compiling(job: Job, *, freeze: bool = False) -> Iterator[None]:
    """As `inductor.compiling`, where modules that torchao quantised are compiled or are made."""
    with inductor.compiling(job.folder, freeze=freeze), warnings.catch_warnings():
        for message in NOISE:
            warnings.filterwarnings("ignore", message)
        yield
