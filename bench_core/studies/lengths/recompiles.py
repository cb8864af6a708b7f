"""What torch.compile compiles as lengths change: all of them in turn, in one untimed process.

compile_default runs with dynamic=False and a process per length, so that none is timed on a graph
made for another. torch.compile as it comes (dynamic=None) makes its first graph for one length,
and at the second compiles again, with the length left free where it can be.
"""

import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from bench_core import discover
from bench_core.analysis.lengths.result import CompiledCall, CompilePass
from bench_core.errors import BenchError
from bench_core.interpreter import answer, ask
from bench_core.mode import EXAMPLE_SEEDS
from bench_core.record import read
from bench_core.runner import Inputs

if TYPE_CHECKING:
    from torch import nn

ASKED: dict[str, bool | None] = {
    "default (dynamic=None)": None,
    "compile_dynamic (dynamic=True)": True,
}
"""By what it is called in the report, the `dynamic` of torch.compile."""

_LIMIT_S = 1800.0


def compile_pass(
    name: str, model: str, lengths: Sequence[int], batch: int, threads: int
) -> CompilePass:
    """Call the model at each of `lengths`, in a fresh interpreter whose compiler cache is empty."""
    wanted = json.dumps([name, model, list(lengths), batch, threads])
    function = "bench_core.studies.lengths.recompiles:main"
    try:
        found = ask(function, json.dumps(discover.given()), wanted, limit_s=_LIMIT_S)
    except BenchError as error:
        return CompilePass(name, reason=str(error))
    passed: CompilePass = read(CompilePass, found, "pass")
    return passed


def main(given: str, wanted: str) -> None:
    """The interpreter of `compile_pass`."""
    import torch

    discover.give(json.loads(given))
    name, model_name, lengths, batch, threads = json.loads(wanted)
    torch.set_num_threads(threads)
    model = discover.model(model_name)
    inputs = [model.inputs(length, batch, EXAMPLE_SEEDS[0], False) for length in lengths]
    with tempfile.TemporaryDirectory() as folder:
        try:
            module = model.build().eval()
            calls = tuple(observed(module, inputs, lengths, Path(folder), dynamic=ASKED[name]))
            found = CompilePass(name, torch._dynamo.config.recompile_limit, calls)
        except Exception as error:  # noqa: BLE001  (a compiler may raise anything; it is the answer)
            said = " ".join(str(error).split())
            found = CompilePass(name, reason=f"{type(error).__name__}: {said:.300}")
    answer(asdict(found))


def observed(
    module: "nn.Module",
    inputs: Sequence[Inputs],
    lengths: Sequence[int],
    folder: Path,
    *,
    dynamic: bool | None,
) -> Iterator[CompiledCall]:
    """Compile `module`, and call it with each of `inputs`. folder: of the compiler's cache."""
    import torch
    from torch._dynamo import utils

    from bench_core.runtimes.inductor import compiling, ran
    from bench_core.runtimes.torch_module import feed, inference_call

    with compiling(folder, dynamic=dynamic is True):
        call = inference_call(torch.compile(module, dynamic=dynamic))
        for length, arrays in zip(lengths, inputs, strict=True):
            tensors = feed(arrays)
            utils.clear_compilation_metrics()  # of which Dynamo keeps the last 64
            start = time.perf_counter()
            call(tensors)
            seconds = time.perf_counter() - start
            compiled = [one for one in utils.get_compilation_metrics() if one.fail_type is None]
            yield CompiledCall(
                length=length,
                frames=len(compiled),
                recompiles=tuple(one.recompile_reason for one in compiled if one.recompile_reason),
                graphs_run=ran(call, tensors)["graphs_run"],
                seconds=seconds,
            )
