"""A module as a graph, by torch.fx: one pass through its Python with a stand-in for the inputs."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.fx import GraphModule, Interpreter, Node, Tracer

from bench_core.errors import Unsupported
from bench_core.fusion.opened import open_modules
from bench_core.fusion.users_line import users_line


def trace(module: nn.Module, example: Sequence[Tensor]) -> GraphModule:
    """The module's graph, its layers and batch norms as calls of ATen, other modules whole.

    example: one call's inputs. What it leaves out is at its default in the graph, which is run on
        it once.
    Raises: Unsupported where the module is no graph to torch.fx, with the line of its code.
    """
    with following(module):
        graph = _Tracer(len(example)).trace(module)
    opened = open_modules(GraphModule(module, graph))
    with torch.no_grad():
        _Values(opened).run(*example)
    return opened


@contextmanager
def following(module: nn.Module) -> Iterator[None]:
    """Within, whatever is raised is what torch.fx says of the module: Unsupported."""
    try:
        yield
    except Exception as error:  # whatever a user's code raises of a stand-in
        said = str(error).strip().partition("\n")[0].partition(". ")[0]  # torch adds advice
        raise Unsupported(
            f"torch.fx cannot trace {type(module).__name__}: {type(error).__name__}: {said} "
            f"({users_line(error)}); torch.export takes more: export_fused"
        ) from error


class _Tracer(Tracer):
    """Torch's own, but for which arguments are inputs, and what is traced into."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.inputs = inputs

    def create_args_for_root(
        self,
        root_fn: Callable[..., Any],
        is_module: bool,  # noqa: ARG002 - as torch calls it
        concrete_args: Any = None,  # noqa: ARG002
    ) -> tuple[Callable[..., Any], list[Any]]:
        """As many as a call has."""
        # Torch takes each argument for one, those with a default too, and so would follow
        # `if mask is not None` where no mask is ever given.
        names = list(inspect.signature(self.root.forward).parameters)[: self.inputs]
        names += [f"input_{at}" for at in range(len(names), self.inputs)]
        inputs = [self.create_proxy("placeholder", name, (), {}) for name in names]
        return root_fn, [self.root, *inputs]

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Also a class of the user's that runs torch's own forward, which nobody can trace into."""
        where = getattr(type(m).forward, "__module__", None) or ""
        inherits = where.startswith("torch.nn") and not isinstance(m, nn.Sequential)
        return inherits or super().is_leaf_module(m, module_qualified_name)


class _Values(Interpreter):
    """Notes of what each node puts out all but the numbers, as torch.export does."""

    def run_node(self, n: Node) -> Any:
        value = super().run_node(n)
        if isinstance(value, Tensor):
            n.meta["val"] = torch.empty_like(value, device="meta")
        return value
