"""What Inductor compiled in this process: its counters, the code it wrote, what a call runs."""

import os
import re
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from bench_core.runtimes.torch_module import Tensors

NOISE = (
    # Inductor itself still imports modules that use it, and reads storages the old way where
    # it sets up what it times.
    (r"`torch\.jit\.script_method` is", DeprecationWarning),
    ("TypedStorage is deprecated", UserWarning),
    (r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning),
)

_KERNEL = re.compile(r"^\w+ = async_compile\.", re.MULTILINE)
_TAKEN = re.compile(r"^ +(.+) = args$", re.MULTILINE)
_WEIGHT = re.compile(r"_frozen_param|constant\d")
_OPERATOR = re.compile(r"\w+::\w")

GRAPH_CALL = "## Call CompiledFxGraph"
"""How the profiler names one run of a graph that Inductor compiled."""


@contextmanager
def compiling(folder: Path, *, dynamic: bool = False, freeze: bool = False) -> Iterator[None]:
    """Compile within: into a cache in `folder`, and with no pool of compilers left behind.

    The pools' idle threads (and, where Triton is installed, processes) would be counted and
    placed as if they were the model's own.
    dynamic: take no size of 1, and no two sizes that happen to be equal, for fixed.
    freeze: take weights for constants. Not left to an option of torch.compile: Dynamo reads
    the global setting, and where that is off hands the weights to the graph as inputs.
    """
    # Before Inductor is imported, which settles where its precompiled headers go; all else
    # it looks up at each use.
    os.environ["TORCHINDUCTOR_CACHE_DIR"] = str(folder / "inductor")
    with warnings.catch_warnings():
        for message, category in NOISE:
            warnings.filterwarnings("ignore", message, category)
        from torch._dynamo import config as dynamo
        from torch._inductor import config
        from torch._inductor.async_compile import AsyncCompile, shutdown_compile_workers
        from torch.fx.experimental import _config as sizes

        try:
            with (
                # A model that fails to compile must fail, not run eagerly.
                dynamo.patch(suppress_errors=False),
                config.patch(freezing=freeze),
                sizes.patch(  # type: ignore[attr-defined]
                    backed_size_oblivious=dynamic, use_duck_shape=not dynamic
                ),
            ):
                yield
        finally:
            shutdown_compile_workers()
            if AsyncCompile.pool.cache_info().currsize:
                AsyncCompile.pool().shutdown()
                AsyncCompile.pool.cache_clear()


def counts() -> Counter[str]:
    """What Dynamo and Inductor have done in this process so far.

    On a warm start the cache restores Inductor's own counters of the graphs that it keeps.
    """
    from torch._dynamo.utils import counters

    inductor = counters["inductor"]
    return Counter(
        frames=counters["frames"]["total"],
        graphs=counters["stats"]["unique_graphs"],
        graph_breaks=sum(counters["graph_break"].values()),
        cache_hits=inductor["fxgraph_cache_hit"],
        cache_misses=inductor["fxgraph_cache_miss"],
        # A graph that holds weights packed by oneDNN cannot be pickled, and so is lowered again
        # at each start; the machine code of its kernels is kept.
        cache_bypasses=inductor["fxgraph_cache_bypass"],
        cudagraph_skips=inductor["cudagraph_skips"],
    )


def loaded() -> list[ModuleType]:
    """The modules of generated code that this process has loaded, each with the call of a graph."""
    from torch._inductor.codecache import PyCodeCache

    return [module for module in PyCodeCache.modules if hasattr(module, "call")]


def generated(modules: list[ModuleType]) -> dict[str, Any]:
    """What the code that Inductor generated holds.

    kernels: how many it defines; templates: those made from a template of a matrix product.
    inputs: how many tensors its graphs take; constants: how many weights they hold instead,
    and packed: how many of those are in oneDNN's own layout.
    channels_last: of the 4-D results whose strides tell, how many are in that order.
    """
    import torch

    sources = [Path(str(module.__file__)).read_text() for module in modules]
    kernels = [kernel for source in sources for kernel in _KERNEL.split(source)[1:]]
    held = [
        value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, torch.Tensor) and _WEIGHT.match(name)
    ]
    taken = [names for source in sources for names in _TAKEN.findall(source)]
    return {
        "kernels": len(kernels),
        "templates": sum("micro_gemm" in kernel for kernel in kernels),
        "inputs": sum(len(re.findall(r"\w+", names)) for names in taken),
        "constants": len(held),
        "packed": sum(value.is_mkldnn for value in held),
        "channels_last": _channels_last("".join(sources)),
    }


def _channels_last(source: str) -> list[int]:
    found = re.findall(r"assert_size_stride\(buf\d+, \(([\d, ]+)\), \(([\d, ]+)\)", source)
    pairs = [[[int(n) for n in re.findall(r"\d+", part)] for part in pair] for pair in found]
    told = [
        strides[1] == 1
        for sizes, strides in pairs
        if len(sizes) == 4 and sizes[1] > 1 and sizes[2] * sizes[3] > 1
    ]
    return [sum(told), len(told)]


def ran(call: Callable[[Tensors], Any], tensors: Tensors) -> dict[str, Any]:
    """What one call ran: compiled graphs, and the operators that are PyTorch's or oneDNN's own."""
    import torch

    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as profile:
        call(tensors)
    events = profile.events() or []
    graphs = sum(event.name.startswith(GRAPH_CALL) for event in events)
    operators = [event for event in events if _OPERATOR.match(event.name)]
    outer = [
        event.name
        for event in operators
        if not (event.cpu_parent and _OPERATOR.match(event.cpu_parent.name))
    ]
    return {"graphs_run": graphs, "operators": dict(sorted(Counter(outer).items()))}


class Autotuning:
    """What Inductor timed against each other while it compiled, and what it chose.

    Also told on a warm start, of timings that were kept.
    """

    def __init__(self) -> None:
        from torch._inductor.select_algorithm import add_feedback_saver

        self._considered: Counter[str] = Counter()
        self._chosen: Counter[str] = Counter()
        add_feedback_saver(self._remember)

    def _remember(self, timings: dict[Any, float], *_: Any) -> None:
        if len(timings) > 1:
            self._considered.update(_kind(choice.name) for choice in timings)
            self._chosen[_kind(min(timings, key=timings.__getitem__).name)] += 1

    def found(self) -> dict[str, Any]:
        return {"considered": dict(self._considered), "chosen": dict(self._chosen)}


def _kind(name: str) -> str:
    """A candidate's name without its number."""
    return re.sub(r"_\d+$", "", name)
