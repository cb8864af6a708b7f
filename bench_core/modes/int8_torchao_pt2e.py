"""torchao's int8 static quantisation of an exported graph (pt2e), compiled for x86.

X86InductorQuantizer's own defaults: activations asymmetric in u8, weights symmetric in s8 with
a scale per channel, ranges from calibration data. What is shipped is the exported program, its
weights in int8; it says itself what it was calibrated with.
"""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_core.mode import Job, Mode
from bench_core.modes.int8 import INT8_MIN_SQNR_DB
from bench_core.runner import Runner
from bench_core.runtimes.inductor_int8 import compiled_runner, multiplied, quietly_compiling
from bench_core.runtimes.torch_export import export
from bench_core.runtimes.torch_module import feed

if TYPE_CHECKING:
    from torch.fx import GraphModule

_NAME = "int8_torchao_pt2e"
_NOTE = "calibration.json"
"""In the program's file, beside the program."""


def _prepare(job: Job) -> Runner:
    import torch

    path = job.artifact(f"{_NAME}.pt2", lambda part: _quantise(job, part))
    note = {_NOTE: ""}
    with quietly_compiling(job):
        import torchao.quantization.pt2e.quantize_pt2e  # noqa: F401  (the program's operators)

        program = torch.export.load(path, extra_files=note)
    called = [str(node.target) for node in program.graph.nodes if node.op == "call_function"]
    held = [*program.state_dict.values(), *program.constants.values()]
    found = {
        "weights": dict(Counter(str(value.dtype) for value in held if value.ndim > 1)),
        "in_graph": dict(Counter(sorted(name for name in called if "quantize" in name))),
        "calibration": json.loads(note[_NOTE]),
    }
    # Inductor (torch 2.13) lays an int8 convolution of free size out otherwise than it says.
    free = not any(".conv" in name for name in called)
    return compiled_runner(job, program.module(), path, found, free=free)


def _quantise(job: Job, path: Path) -> None:
    """Export, calibrate, convert, and export what came of it.

    Raises: Unsupported where the module cannot be captured as one graph.
    """
    import torch

    program = export(job)
    with torch.no_grad(), quietly_compiling(job):
        from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e
        from torchao.quantization.pt2e.quantizer import x86_inductor_quantizer as x86

        quantizer = x86.X86InductorQuantizer()
        quantizer.set_global(x86.get_default_x86_inductor_quantization_config())
        observed = prepare_pt2e(program.module(), quantizer)
        for inputs in job.calibration.batches:
            observed(*feed(inputs))
        converted = convert_pt2e(observed)
        _forget_unused(converted)
        note = {_NOTE: json.dumps(job.calibration.facts())}
        torch.export.save(export(job, converted), path, extra_files=note)


def _forget_unused(module: "GraphModule") -> None:
    """Drop the float weights that int8 ones have replaced: an export would keep them."""
    used = {node.target for node in module.graph.nodes if node.op == "get_attr"}
    for name in [name for name, _ in module.named_parameters() if name not in used]:
        owner, _, leaf = name.rpartition(".")
        delattr(module.get_submodule(owner), leaf)


def _engaged(evidence: dict[str, Any]) -> str | None:
    if not any(".quantize_per_tensor" in name for name in evidence.get("in_graph", {})):
        return f"expected activations with ranges of their own, found {evidence.get('in_graph')}"
    return multiplied(evidence)


INT8_TORCHAO_PT2E = Mode(
    name=_NAME,
    family="int8",
    summary="torchao's pt2e: the exported graph in int8, ranges from calibration data, compiled",
    prepare=_prepare,
    engaged=_engaged,
    frameworks=("torch", "torchao"),
    requires=("torchao",),
    min_sqnr_db=INT8_MIN_SQNR_DB,
    any_shape=False,  # another length would be timed on a slower, dynamic graph
    dtype="int8",
)
