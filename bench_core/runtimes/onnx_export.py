"""A model as ONNX files with dynamic batch and length, by either exporter of PyTorch."""

import copy
import json
import shutil
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from bench_core.errors import Unsupported
from bench_core.mode import EXAMPLE_SEEDS, Job
from bench_core.model import Model
from bench_core.runner import Inputs
from bench_core.runtimes.onnx_file import load
from bench_core.runtimes.torch_module import feed

if TYPE_CHECKING:
    from torch import nn

FILE = "model.onnx"
GIVEN = "given"
"""Stands where an exporter's name would, for a file that was there before us."""

INLINE_BYTES = 1_900_000_000
"""Weights beyond this lie in a file of their own: a protobuf message ends at 2 GiB."""

Exporter = Literal["dynamo", "torchscript"]
EXPORTERS: tuple[Exporter, ...] = ("dynamo", "torchscript")

NOISE = (
    ("You are using the legacy TorchScript-based ONNX export", DeprecationWarning),
    ("The feature will be removed", DeprecationWarning),
    (r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning),
    ("Exporting aten::index operator of advanced indexing", UserWarning),
    (".*_check_is_size will be removed", FutureWarning),
    ("Exporting a model to ONNX with a batch_size other than 1", UserWarning),
    (r"The tensor attributes self\..*_flat_weights", UserWarning),
    # Two inputs share an axis by name, which is what we ask for.
    ("# The axis name", UserWarning),
)


def candidates(job: Job) -> tuple[dict[str, Path], dict[str, str]]:
    """The model's ONNX files by who wrote them, and of those who could not, the reason.

    Both exporters are tried once per model, and what came of it, failures too, is there for
    every later cell. Where it is there already, no torch is imported.
    """
    if job.model.onnx is not None:
        return {GIVEN: job.model.onnx}, {}
    found: dict[str, Path] = {}
    failed: dict[str, str] = {}
    for by in EXPORTERS:
        name = f"{shared_name(job)}.{by}"
        note = job.common(f"{name}.json", partial(_try, job, by, name))
        if said := json.loads(note.read_text())["failed"]:
            failed[by] = said
        else:
            found[by] = note.with_name(name) / FILE
    return found, failed


def shared_name(job: Job) -> str:
    """What the names of files begin with that cells of this model share."""
    return quote(job.model.name, safe="")


def reason(error: Exception) -> str:
    """One line of it."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[0] if lines else 'no message'}"[:300]


def _try(job: Job, by: Exporter, name: str, part: Path) -> None:
    """Export into the folder `name` beside `part`; note there whether it failed."""
    folder = part.with_name(name)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    module = job.module  # that it cannot be built is not the exporter's failure
    failed = None
    try:
        export(job.model, module, _example(job), folder / FILE, by)
    except Exception as error:
        if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno):
            raise  # the machine's, today's
        failed = reason(error)
    part.write_text(json.dumps({"failed": failed}))


def _example(job: Job) -> Inputs:
    """The same for every cell where it can be: torch.export takes a size of 1 for a constant."""
    model = job.model
    length = next((length for length in model.lengths if length > 1), job.cell.length)
    return model.inputs(length, model.fixed_batch or 2, EXAMPLE_SEEDS[0], False)


def export(model: Model, module: "nn.Module", example: Inputs, path: Path, by: Exporter) -> None:
    """Write `module`, in eval mode, to `path`, with weights beside it where they are too many.

    It works on a copy: exporters leave train/eval flags and hooks behind. `example` needs a
    batch of at least 2, since torch.export takes a 1 for a constant.
    Raises: Unsupported if an axis that should be dynamic came out fixed; whatever the
        exporter raises.
    """
    import torch

    evaluating = copy.deepcopy(module).eval()
    dynamic = {name: dict(model.dynamic_axes.get(name, {})) for name in model.input_names}
    output = model.output_name
    weight_bytes = sum(value.nbytes for value in evaluating.state_dict().values())
    if by == "dynamo":
        shapes: dict[str, Any] = {"dynamic_shapes": tuple(dynamic.values())}
        # It gives the output a name that an inner value may have already (minilm's
        # "embedding" did) and writes an invalid file; inner names have no dot.
        output = f"{output}.output"
    else:
        shapes = {"dynamic_axes": {name: dict(axes) for name, axes in model.dynamic_axes.items()}}
    with torch.no_grad(), warnings.catch_warnings():
        for message, category in NOISE:
            warnings.filterwarnings("ignore", message, category)
        # Which Python values became constants: the oracle decides whether one mattered.
        warnings.simplefilter("ignore", torch.jit.TracerWarning)  # type: ignore[attr-defined]
        torch.onnx.export(
            evaluating,
            feed(example),
            str(path),  # the TorchScript exporter puts weights beside no Path
            input_names=list(model.input_names),
            output_names=[output],
            dynamo=by == "dynamo",
            external_data=weight_bytes > INLINE_BYTES,
            verbose=False,
            **shapes,
        )
    _check_dynamic(path, dynamic)


def _check_dynamic(path: Path, dynamic: dict[str, dict[int, str]]) -> None:
    for value in load(path).graph.input:
        dims = value.type.tensor_type.shape.dim
        for axis, meaning in dynamic.get(value.name, {}).items():
            if not dims[axis].dim_param:
                raise Unsupported(
                    f"the exporter fixed axis {axis} ({meaning}) of {value.name} "
                    f"to {dims[axis].dim_value}; it should be dynamic"
                )
