"""Whole models with their batch norms folded, and what does nothing removed."""

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn
from torch.export import ExportedProgram
from torch.fx import GraphModule

from bench_core.fusion.identities import remove_identities
from bench_core.fusion.nodes import called
from bench_core.fusion.norms import fold_norms
from bench_core.fusion.tensors import copied, duplicate, lean, unite
from bench_core.fusion.trace import trace


@dataclass(frozen=True, eq=False)
class Fused:
    """graph: puts out what the model does in eval mode.

    folded: each batch norm that is gone, and into which layer.
    removed: what did nothing. left: each batch norm that is still there, and why.
    """

    graph: GraphModule
    folded: tuple[str, ...]
    removed: tuple[str, ...]
    left: tuple[str, ...]


def fuse(module: nn.Module, example: Sequence[Tensor]) -> Fused:
    """A module in eval mode, by `torch.fx`. It stays as it is: the graph is a copy's.

    example: one call's inputs, of any size that it takes.
    Raises: Unsupported where it is no graph to torch.fx, with the line of its code that is not, or
        has a batch norm in training mode.
    """
    return _fuse(trace(copied(module), example))


def fuse_exported(program: ExportedProgram) -> Fused:
    """What `torch.export` made of a module in eval mode: a second way in, for any Python.

    The program stays as it is.
    Raises: Unsupported for a batch norm in training mode.
    """
    return _fuse(duplicate(program.module(check_guards=False)))


def _fuse(graph: GraphModule) -> Fused:
    removed = remove_identities(graph)
    unite(graph)
    folded, left = fold_norms(graph)
    names = [f"{one.name} into {called(one.layer)}" for one in folded]
    return Fused(lean(graph), tuple(names), tuple(removed), tuple(left))
