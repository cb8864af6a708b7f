"""Batch-norm statistics taken anew, from what the quantised layer before the norm puts out."""

from dataclasses import replace

import torch
from torch import Tensor

from bench_core.fusion.fold import Norm


class NormEstimate:
    """Mean and variance of a norm's inputs over all the data, in one pass and bounded memory.

    A batch of n values with mean m and M = Σ(x − m)² joins the N before it by
    δ = m − μ,  μ' = μ + δ · n / (N + n),  M' = M_N + M + δ² · N · n / (N + n),
    in float64. σ² = M / (N − 1), as torch's norms keep it; torch's own running mean of batch
    variances leaves out how far the batches' means lie apart.
    Source: Chan, Golub & LeVeque 1983, The American Statistician 37:242; re-estimation: Nagel et
    al. 2022, arXiv:2203.11086.
    """

    def __init__(self) -> None:
        self._count = 0
        self._mean = torch.zeros((), dtype=torch.float64)
        self._squares = torch.zeros((), dtype=torch.float64)

    def see(self, x: Tensor) -> None:
        """One batch of the norm's inputs, [batch, out, *positions].

        Raises: ValueError for NaN or infinity, and for another number of channels than before.
        """
        if not x.isfinite().all():
            raise ValueError("expected finite values, found NaN or infinity in a norm's input")
        if self._count and x.shape[1] != len(self._mean):
            raise ValueError(f"expected {len(self._mean)} channels, found {x.shape[1]}")
        values = x.detach().double().transpose(0, 1).flatten(1)
        count = values.shape[1]
        if not count:
            return
        mean = values.mean(1)
        squares = (values - mean[:, None]).square().sum(1)
        total = self._count + count
        shift = mean - self._mean
        self._mean = self._mean + shift * (count / total)
        self._squares = self._squares + squares + shift.square() * (self._count * count / total)
        self._count = total

    def norm(self, old: Norm) -> Norm:
        """The norm with its statistics taken anew; γ, β and ε stay.

        Raises: ValueError if it saw fewer than two values a channel.
        """
        if self._count < 2:
            raise ValueError(f"expected two values a channel or more, found {self._count}")
        variance = self._squares / (self._count - 1)
        dtype = old.mean.dtype
        return replace(old, mean=self._mean.to(dtype), variance=variance.to(dtype))
