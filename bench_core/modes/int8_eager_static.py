"""PyTorch's own int8 static quantisation, run eagerly: one mode for each of its engines.

FX graph mode (torch.ao.quantization.quantize_fx), which does by itself what eager mode has the
user do by hand: fuse, place the observers, quantise and dequantise at the borders. Ranges,
their bits, and whether weights have a scale per channel are the engine's own defaults: x86 and
fbgemm give activations 7 bits, so that no product saturates, qnnpack weights one scale.

What is shipped is the quantised module's state dict, with what it was calibrated with. A start
traces and converts the module again, and loads it.
"""

import copy
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench_core.errors import Unavailable, Unsupported
from bench_core.mode import Job, Mode
from bench_core.modes.int8 import INT8_MIN_SQNR_DB
from bench_core.runner import Inputs, Runner
from bench_core.runtimes.artifact_file import fingerprint
from bench_core.runtimes.torch_module import feed, inference_call, read

if TYPE_CHECKING:
    from torch.fx import GraphModule

NOISE = (
    "torch.ao.quantization is deprecated",
    r".*quantized tensor creation functions",
    "Please use quant_min and quant_max",
    "must run observer before calling calculate_qparams",  # what is loaded replaces its answer
    "TypedStorage is deprecated",
)
UNTRACEABLE = (AttributeError, NotImplementedError, RuntimeError, TypeError, ValueError)
"""What torch.fx raises of a module that is no one graph to it."""


def _prepare(job: Job, engine: str) -> Runner:
    import torch

    known = torch.backends.quantized.supported_engines
    if engine not in known:
        raise Unavailable(f"this torch has no quantised engine {engine!r}; it has {known}")
    # It decides how weights are packed and which kernels run: the process is this mode's alone.
    torch.backends.quantized.engine = engine

    def make(path: Path) -> None:
        module = _converted(job, engine, job.calibration.batches)
        kept = {"state": module.state_dict(), "calibration": job.calibration.facts()}
        torch.save(kept, path)

    path = job.artifact(f"int8_eager_static_{engine}.pt", make)
    module = _converted(job, engine, [])
    call = inference_call(module)
    with _supported(job, f"{engine} cannot run", NotImplementedError):
        kept = torch.load(path, weights_only=True)
        module.load_state_dict(kept["state"])
        call(feed(job.examples[0]))

    def evidence() -> dict[str, Any]:
        return {
            **_quantised(module),
            "engine": torch.backends.quantized.engine,
            "calibration": kept["calibration"],
        }

    return Runner(call, feed, read, evidence, *fingerprint(path))


def _converted(job: Job, engine: str, batches: list[Inputs]) -> "GraphModule":
    """The module in int8, its ranges those of `batches`.

    Raises: Unsupported if it is no graph to FX, or has values that cannot be observed.
    """
    import torch
    from torch.ao.quantization import get_default_qconfig_mapping
    from torch.ao.quantization.quantize_fx import convert_fx, prepare_fx

    module, example = copy.deepcopy(job.module).eval(), feed(job.examples[0])
    with torch.no_grad():
        with _supported(job, "torch.fx cannot trace", *UNTRACEABLE):
            observed = prepare_fx(module, get_default_qconfig_mapping(engine), example)
        with _supported(job, f"{engine} cannot calibrate", NotImplementedError):
            for inputs in batches:
                observed(*feed(inputs))
            converted: GraphModule = convert_fx(observed)
    return converted


@contextmanager
def _supported(job: Job, cannot: str, *errors: type[Exception]) -> Iterator[None]:
    """Within, what torch warns of is known, and those errors are the model's: Unsupported."""
    with warnings.catch_warnings():
        for message in NOISE:
            warnings.filterwarnings("ignore", message)
        try:
            yield
        except errors as error:
            said = str(error).strip().splitlines()[0].partition(". ")[0]  # torch adds advice
            raise Unsupported(
                f"{cannot} {job.model.name}: {type(error).__name__}: {said}"
            ) from error


def _quantised(module: "GraphModule") -> dict[str, Any]:
    """Its quantised layers, and how many of them have the scale of no range at all."""
    parts = [part for part in module.modules() if ".quantized" in type(part).__module__]
    layers: list[Any] = [part for part in parts if hasattr(part, "zero_point")]
    called = [str(node.target) for node in module.graph.nodes if node.op == "call_function"]
    return {
        "quantised": dict(Counter(type(part).__name__ for part in layers)),
        "operators": dict(Counter(name for name in called if name.startswith("quantized."))),
        "unobserved": sum((part.scale, part.zero_point) == (1.0, 0) for part in layers),
    }


def _engaged(evidence: dict[str, Any], engine: str) -> str | None:
    if not evidence.get("quantised") and not evidence.get("operators"):
        return "expected quantised layers or operators, found none"
    if evidence.get("unobserved") != 0:
        return f"expected a range for each, found {evidence.get('unobserved')} without"
    if evidence.get("engine") != engine:
        return f"expected the kernels of {engine}, found those of {evidence.get('engine')}"
    return None


def _mode(engine: str) -> Mode:
    return Mode(
        name=f"int8_eager_static_{engine}",
        family="int8",
        summary=f"eval(), inference_mode, all that FX graph mode quantises in int8, by {engine}",
        prepare=partial(_prepare, engine=engine),
        engaged=partial(_engaged, engine=engine),
        min_sqnr_db=INT8_MIN_SQNR_DB,
        dtype="int8",
    )


INT8_EAGER_STATIC_X86 = _mode("x86")
INT8_EAGER_STATIC_FBGEMM = _mode("fbgemm")
INT8_EAGER_STATIC_ONEDNN = _mode("onednn")
INT8_EAGER_STATIC_QNNPACK = _mode("qnnpack")
