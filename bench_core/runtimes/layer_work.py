"""How much each layer of a model computes and moves in one call, whatever runs it."""

import copy
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bench_core.runner import Inputs
from bench_core.runtimes.torch_module import feed

if TYPE_CHECKING:
    from torch import nn


def layer_work(module: "nn.Module", inputs: Inputs) -> list[tuple[str, int, int]]:
    """Name, floating-point operations and float32 bytes of each layer, in the order they ran.

    A layer is a module without modules inside, or one that has products of its own beside them,
    as attention has. Bytes are its inputs, outputs and weights, each once; of an embedding's table
    only what is looked up, which is its output.
    Source: torch.utils.flop_counter (two per multiply-add of products, convolutions, attention).
    """
    import torch
    from torch.utils._pytree import tree_leaves
    from torch.utils.flop_counter import FlopCounterMode

    evaluating = copy.deepcopy(module).eval()
    moved: Counter[str] = Counter()

    def counting(name: str) -> Callable[..., None]:
        def count(part: "nn.Module", args: Any, kwargs: Any, output: Any) -> None:
            seen = [leaf for leaf in tree_leaves((args, kwargs, output)) if torch.is_tensor(leaf)]
            if not isinstance(part, torch.nn.Embedding | torch.nn.EmbeddingBag):
                seen += [*part.parameters(recurse=False), *part.buffers(recurse=False)]
            moved[name] += sum(tensor.nbytes for tensor in seen)

        return count

    for name, part in evaluating.named_modules():
        part.register_forward_hook(counting(name), with_kwargs=True)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        evaluating(*feed(inputs))
    within = {
        path.removeprefix(type(evaluating).__name__).removeprefix("."): sum(by_operator.values())
        for path, by_operator in counter.get_flop_counts().items()
    }
    inner = _inner(list(moved))
    found = []
    for name, n_bytes in moved.items():
        flops = within.get(name, 0) - sum(within.get(one, 0) for one in inner[name])
        if flops > 0 or not inner[name]:
            found.append((name, flops, n_bytes))
    return found


def _inner(called: list[str]) -> dict[str, list[str]]:
    """Of each module those called within it, next to it: a list of modules itself never is."""
    found: dict[str, list[str]] = {name: [] for name in called}
    for name in filter(None, called):
        outer = name
        while outer := outer.rpartition(".")[0]:
            if outer in found:
                break
        if outer in found:
            found[outer].append(name)
    return found
