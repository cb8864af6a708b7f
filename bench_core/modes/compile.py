"""torch.compile with Inductor.

What is shipped is the state dict: the generated code is made again where it is missing.
"""

import os
import warnings
from collections import Counter
from typing import TYPE_CHECKING, Any

from bench_core.mode import Job, Mode
from bench_core.runner import Runner
from bench_core.runtimes.torch_module import Tensors, feed, inference_call, torch_runner

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

GRAPH_CALL = "## Call CompiledFxGraph"
"""How the profiler names one run of a graph that Inductor compiled."""


def _counts() -> Counter[str]:
    """What Dynamo and Inductor have done in this process so far."""
    from torch._dynamo.utils import counters
    from torch._inductor import metrics

    inductor = counters["inductor"]
    return Counter(
        graphs=counters["stats"]["unique_graphs"],
        graph_breaks=sum(counters["graph_break"].values()),
        kernels=metrics.generated_kernel_count,
        cache_hits=inductor["fxgraph_cache_hit"],
        cache_misses=inductor["fxgraph_cache_miss"],
    )


def _profile(call: "Callable[[Tensors], torch.Tensor]", tensors: Tensors) -> dict[str, Any]:
    """What one call ran: compiled graphs, and the operators that are still eager PyTorch's."""
    import torch

    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        call(tensors)
    events = profile.events() or []
    outer = [
        event.name
        for event in events
        if event.name.startswith("aten::")
        and not (event.cpu_parent and event.cpu_parent.name.startswith("aten::"))
    ]
    graphs = sum(event.name.startswith(GRAPH_CALL) for event in events)
    return {"graphs_run": graphs, "aten": dict(sorted(Counter(outer).items()))}


def _prepare(job: Job) -> Runner:
    import torch

    # Inductor reads it at each use, so this is in time even where torch was preloaded.
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(job.folder / "inductor")
    # A model that fails to compile must fail, not run eagerly.
    torch._dynamo.config.suppress_errors = False
    module = job.module.eval()
    with warnings.catch_warnings():
        # Inductor itself still imports modules that use it.
        warnings.filterwarnings("ignore", r"`torch\.jit\.script_method` is", DeprecationWarning)
        call = inference_call(torch.compile(module, dynamic=False))
        before = _counts()
        call(feed(job.examples[0]))
        built = _counts()
    built.subtract(before)

    def evidence() -> dict[str, Any]:
        return {**built, **_profile(call, feed(job.examples[0]))}

    return torch_runner(job, module, call, evidence)


def _engaged(evidence: dict[str, Any]) -> str | None:
    if not evidence.get("graphs"):
        return "expected a compiled graph, Dynamo captured none"
    if not evidence.get("kernels"):
        return "expected generated kernels, Inductor made none: every operator is eager's own"
    if not evidence.get("graphs_run"):
        return "expected a call to run a compiled graph, it ran none"
    return None


COMPILE_DEFAULT = Mode(
    name="compile_default",
    family="compile",
    summary="eval(), inference_mode, torch.compile(dynamic=False)",
    prepare=_prepare,
    engaged=_engaged,
    any_shape=False,
)
