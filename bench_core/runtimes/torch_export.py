"""A torch module as an exported program: one graph of ATen operators, free in its axes."""

import warnings
from typing import TYPE_CHECKING

from bench_core.errors import Unsupported
from bench_core.mode import EXAMPLE_SEEDS, Job
from bench_core.runtimes.torch_module import Tensors, feed

if TYPE_CHECKING:
    from torch import nn
    from torch.export import ExportedProgram

NOISE = (
    # torch.nn.LSTM keeps a list of its own parameters, which tracing replaces and puts back.
    ("The tensor attributes? self.*_flat_weights.* assigned during export", UserWarning),
    (r"`isinstance\(treespec, LeafSpec\)` is deprecated", FutureWarning),
    (r"`torch\.jit\.script_method` is", DeprecationWarning),
)


def export(job: Job, module: "nn.Module | None" = None) -> "ExportedProgram":
    """The job's module, in eval mode, with the model's dynamic axes free.

    module: what was made of it, in its stead.

    Raises: Unsupported where the module cannot be captured as one graph, or only with an
        axis fixed that should be free.
    """
    import torch

    model = job.model
    free = [model.dynamic_axes.get(name, {}) for name in model.input_names]
    with torch.no_grad(), warnings.catch_warnings():
        for message, category in NOISE:
            warnings.filterwarnings("ignore", message, category)
        try:
            program = torch.export.export(
                job.module.eval() if module is None else module,
                example(job),
                dynamic_shapes=tuple(dict.fromkeys(axes, torch.export.Dim.AUTO) for axes in free),
            )
        except RuntimeError as error:
            from bench_core.fusion.users_line import users_line

            # torch adds sixty lines of advice.
            first = str(error).strip().splitlines()[0]
            raise Unsupported(
                f"torch.export cannot capture {model.name} as one graph: {first} "
                f"({users_line(error)})"
            ) from error
    _check_free(program, dict(zip(model.input_names, free, strict=True)))
    return program


def example(job: Job) -> Tensors:
    """The job's inputs, larger than 1 along free axes: a 1 would be taken for a constant."""
    sizes = max(2, job.cell.length), max(2, job.cell.batch)
    return feed(job.model.inputs(*sizes, EXAMPLE_SEEDS[0], False))


def _check_free(program: "ExportedProgram", free: dict[str, dict[int, str]]) -> None:
    from torch.fx.experimental.symbolic_shapes import is_concrete_int

    given = [
        node.meta["val"]
        for node in program.graph.nodes
        if node.op == "placeholder" and node.name in program.graph_signature.user_inputs
    ]
    for (name, axes), value in zip(free.items(), given, strict=True):
        for axis, meaning in axes.items():
            # A symbol that a guard holds to one value is fixed as well.
            if is_concrete_int(value.shape[axis]):
                raise Unsupported(
                    f"torch.export fixed axis {axis} ({meaning}) of {name} to "
                    f"{value.shape[axis]}; it should be free"
                )
