"""High biases moved through a ReLU into the next layer, so that activations need less range."""

from dataclasses import replace

from torch import Tensor

from bench_core.fusion.linear_layer import LinearLayer, bias_of
from bench_core.quantization.pre_activation import PreActivation


def absorb(
    first: LinearLayer, second: LinearLayer, pre: PreActivation, deviations: float = 3.0
) -> tuple[LinearLayer, LinearLayer, Tensor]:
    """Take c = max(0, β − n · γ) from the first layer's outputs and add W₂ c to the second's.

    Before: W₂ relu(z) + b₂      After: W₂ relu(z − c) + (b₂ + W₂ c) = W₂ max(z, c) + b₂
    Exact wherever z ≥ c, at n = 3 in 99.87 % of a normal's values; elsewhere z counts as c.
    Only for a ReLU between them, which nobody else reads, and a second layer that does not pad:
    beside its input it would see 0 where it is now told c.

    Shapes: → both layers as they were, c [channels]; afterwards `pre.mean` is less by c.
    Raises: ValueError for a transposed kernel, whose outputs see few taps each.
    Source: Nagel et al. 2019, arXiv:1906.04721, §4.1.3.
    """
    if second.channel_axis and second.blocks.shape[3] > 1:
        raise ValueError(
            "expected a second layer whose outputs all see every tap, found a transposed kernel "
            f"{list(second.weight.shape)}; leave the pair as it is"
        )
    c = (pre.mean - deviations * pre.std).clamp(min=0)
    moved = second.mean_output(c)
    return (
        replace(first, bias=bias_of(first) - c),
        replace(second, bias=bias_of(second) + moved),
        c,
    )
