"""torch.compile with Inductor.

What is shipped is the state dict: the generated code is made again where it is missing.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from bench_core.errors import Unavailable
from bench_core.mode import EXAMPLE_SEEDS, Job, Mode
from bench_core.runner import Runner
from bench_core.runtimes import inductor
from bench_core.runtimes.torch_module import Tensors, feed, inference_call, torch_runner


def _prepare(
    job: Job, ask: str | None = None, *, dynamic: bool = False, freeze: bool = False
) -> Runner:
    """Compile by calling once. ask: the `mode` of torch.compile."""
    import torch

    module = job.module.eval()

    def compiled(call: Callable[[Tensors], Any], tensors: Tensors) -> Counter[str]:
        """What Dynamo and Inductor did in that call."""
        before = inductor.counts()
        with inductor.compiling(job.folder, dynamic=dynamic, freeze=freeze):
            call(tensors)
        done = inductor.counts()
        done.subtract(before)
        return done

    with inductor.compiling(job.folder):
        earlier = inductor.loaded()
        autotuning = inductor.Autotuning() if ask else None
        call = inference_call(torch.compile(module, dynamic=dynamic, mode=ask))
    built = compiled(call, feed(job.examples[0]))
    own = [code for code in inductor.loaded() if code not in earlier]
    frames = inductor.counts()["frames"]

    def evidence() -> dict[str, Any]:
        recompiles = {"while timed": inductor.counts()["frames"] - frames}
        ran = inductor.ran(call, feed(job.examples[0]))
        for what, shape in (_other_shapes(job) if dynamic else {}).items():
            other = feed(job.model.inputs(*shape, EXAMPLE_SEEDS[0], False))
            recompiles[what] = compiled(call, other)["frames"]
        return {
            **built,
            **inductor.generated(own),
            **ran,
            # Dynamo's own count leaves out the branches that depend on data.
            "graph_breaks": max(built["graph_breaks"], ran["graphs_run"] - 1),
            "autotuned": autotuning.found() if autotuning else {},
            "recompiles": recompiles,
        }

    return torch_runner(job, module, call, evidence)


def _other_shapes(job: Job) -> dict[str, tuple[int, int]]:
    """Length and batch of calls that differ from the cell's in one of the two."""
    length, batch = job.cell.length, job.cell.batch
    another = [(other, batch) for other in job.model.lengths if other != length][:1]
    return {**dict(zip(["length"], another, strict=False)), "batch": (length, batch + 2)}


def _compiled(evidence: dict[str, Any]) -> str | None:
    if not evidence.get("graphs"):
        return "expected a compiled graph, Dynamo captured none"
    if not evidence.get("kernels") and not evidence.get("packed"):
        return "expected generated kernels, Inductor made none: every operator is eager's own"
    if not evidence.get("graphs_run"):
        return "expected a call to run a compiled graph, it ran none"
    if again := evidence.get("recompiles", {}).get("while timed"):
        return f"expected the calls of one shape to share a graph, found {again} recompiles"
    return None


def _dynamic(evidence: dict[str, Any]) -> str | None:
    recompiles = evidence.get("recompiles", {})
    again = recompiles.get("length", recompiles.get("batch"))
    if again != 0:
        return f"expected one graph to serve other shapes, found recompiles {recompiles}"
    return _compiled(evidence)


def _frozen(evidence: dict[str, Any]) -> str | None:
    if not evidence.get("constants"):
        return (
            "expected weights as constants of the compiled graphs, found none: "
            f"they take {evidence.get('inputs')} inputs"
        )
    return _compiled(evidence)


def _autotuned(evidence: dict[str, Any]) -> str | None:
    """Where nothing was timed it is compile_freezing's program."""
    if not evidence.get("autotuned", {}).get("considered"):
        return (
            "expected candidates for a matrix product to be timed against each other; "
            "Inductor found none with more than one candidate"
        )
    return _frozen(evidence)


def _replayed(evidence: dict[str, Any]) -> str | None:
    if evidence.get("cudagraph_skips") != 0:
        return f"expected CUDA graphs, Inductor skipped {evidence.get('cudagraph_skips')}"
    return _compiled(evidence)


def _reduce_overhead(job: Job) -> Runner:
    if job.cell.device == "cpu":
        raise Unavailable(
            "compile_reduce_overhead replays CUDA graphs; on a CPU there are none, and "
            "torch.compile(mode='reduce-overhead') would run compile_default's program"
        )
    return _prepare(job, "reduce-overhead")


def _mode(
    name: str,
    summary: str,
    prepare: Callable[[Job], Runner],
    engaged: Callable[[dict[str, Any]], str | None],
    alias_on: Mapping[str, str] | None = None,
) -> Mode:
    return Mode(
        name=f"compile_{name}",
        family="compile",
        summary=f"eval(), inference_mode, {summary}",
        prepare=prepare,
        engaged=engaged,
        alias_on=alias_on or {},
        # A second length would be timed on a slower, dynamic graph.
        any_shape=name == "dynamic",
    )


COMPILE_DEFAULT = _mode("default", "torch.compile(dynamic=False)", _prepare, _compiled)

COMPILE_DYNAMIC = _mode(
    "dynamic",
    "torch.compile(dynamic=True), no size of 1 or equal sizes taken for fixed",
    lambda job: _prepare(job, dynamic=True),
    _dynamic,
)

COMPILE_FREEZING = _mode(
    "freezing",
    "torch.compile(dynamic=False), weights as constants",
    lambda job: _prepare(job, freeze=True),
    _frozen,
)

# Unless the weights are frozen, max-autotune changes nothing on a CPU: its templates take
# constants only.
COMPILE_MAX_AUTOTUNE_NO_CUDAGRAPHS = _mode(
    "max_autotune_no_cudagraphs",
    "torch.compile(mode='max-autotune-no-cudagraphs', dynamic=False), weights as constants",
    lambda job: _prepare(job, "max-autotune-no-cudagraphs", freeze=True),
    _autotuned,
)

COMPILE_MAX_AUTOTUNE = _mode(
    "max_autotune",
    "torch.compile(mode='max-autotune', dynamic=False), weights as constants",
    lambda job: _prepare(job, "max-autotune", freeze=True),
    _autotuned,
    alias_on={"cpu": "compile_max_autotune_no_cudagraphs"},
)

COMPILE_REDUCE_OVERHEAD = _mode(
    "reduce_overhead",
    "torch.compile(mode='reduce-overhead', dynamic=False): CUDA graphs",
    _reduce_overhead,
    _replayed,
)
