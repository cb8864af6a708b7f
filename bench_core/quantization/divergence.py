"""How much information a histogram loses when it is clipped and put on a few levels."""

import torch
from torch import Tensor


def divergences(counts: Tensor, starts: Tensor, ends: Tensor, levels: int) -> Tensor:
    """KL(P ‖ Q), in nats, of keeping the bins start … end − 1, for each start and end.

    P is the slice with all that is left and right of it added to its outermost bins. Q is the
    slice without that, cut into `levels` groups of equal width (bin i of n is in group
    ⌊i · levels / n⌋), whose counts are spread evenly over the group's occupied bins. Both are
    normalised; ∞ where what was clipped finds an empty bin.
    With p, c the counts in P and the slice, c_g those of group g and n_g its occupied bins:
    KL = (Σ_i p_i ln p_i − Σ_g p_g ln(c_g / n_g)) / Σ p + ln(Σ c / Σ p)
    in which every sum is a difference of running sums: one costs O(levels), not O(bins).
    Shapes: counts [bins], starts and ends [slices], ends − starts ≥ levels → float64 [slices].
    Source: Migacz 2017, "8-bit inference with TensorRT", GTC S7310; groups of equal width and
    no smoothing as in NVIDIA's pytorch-quantization.
    """
    counts = counts.double()
    running, running_log, running_occupied = (
        torch.nn.functional.pad(part.cumsum(0), (1, 0))
        for part in (counts, torch.xlogy(counts, counts), (counts > 0).double())
    )
    size = ends - starts
    steps = torch.arange(levels + 1)
    edges = starts[:, None] + -(-steps * size[:, None] // levels)
    kept = running[edges].diff(dim=1)
    occupied = running_occupied[edges].diff(dim=1)

    left, right = running[starts], running[-1] - running[ends]
    first, last = counts[starts], counts[ends - 1]
    with_clipped = kept.clone()
    with_clipped[:, 0] += left
    with_clipped[:, -1] += right
    own = running_log[ends] - running_log[starts]
    own += torch.xlogy(first + left, first + left) - torch.xlogy(first, first)
    own += torch.xlogy(last + right, last + right) - torch.xlogy(last, last)
    # xlogy(0, 0 / 0) is NaN: an empty group stands for nothing.
    cross = torch.xlogy(with_clipped, kept / occupied.clamp(min=1)).sum(1)
    total = running[-1]
    found = (own - cross) / total + ((running[ends] - running[starts]) / total).log()
    lost = ((left > 0) & (first == 0)) | ((right > 0) & (last == 0))
    return found.masked_fill(lost, torch.inf)
