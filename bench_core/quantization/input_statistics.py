"""What GPTQ and AWQ keep of a linear layer's inputs, however many there are."""

import torch
from torch import Tensor


class InputStatistics:
    """Sees inputs one batch after the other, and keeps channels² + channels float64 of them."""

    def __init__(self, channels: int) -> None:
        self._seen = 0
        self._products = torch.zeros(channels, channels, dtype=torch.float64)
        self._magnitudes = torch.zeros(channels, dtype=torch.float64)

    def see(self, x: Tensor) -> None:
        """Shapes: x [..., channels], of any float dtype.

        Raises: ValueError for another number of channels, and for NaN or inf.
        """
        channels = len(self._magnitudes)
        if not x.ndim or x.shape[-1] != channels:
            raise ValueError(f"expected inputs [..., {channels}], found {list(x.shape)}")
        if not x.isfinite().all():
            raise ValueError("expected finite inputs, found NaN or inf; look for what produced it")
        # A batch's product in its own dtype, from float32 up; only their sum, which grows with
        # the data, needs float64.
        rows = x.detach().reshape(-1, channels)
        rows = rows.to(torch.promote_types(rows.dtype, torch.float32))
        self._seen += len(rows)
        self._products += rows.T @ rows
        self._magnitudes += rows.abs().sum(0)

    def hessian(self) -> Tensor:
        """H = 2 Σ x xᵀ, of Σ ‖w x − ŵ x‖² in any row w of the weight: ½ (w − ŵ) H (w − ŵ)ᵀ.

        Shapes: → float64 [channels, channels].
        Raises: ValueError if nothing was seen.
        Source: Frantar et al. 2022, arXiv:2210.17323, eq. 2.
        """
        self._expect_data()
        return 2 * self._products

    def mean_magnitude(self) -> Tensor:
        """The mean |x| of each channel.

        Shapes: → float64 [channels].
        Raises: ValueError if nothing was seen.
        """
        self._expect_data()
        return self._magnitudes / self._seen

    def _expect_data(self) -> None:
        if not self._seen:
            raise ValueError("expected inputs to calibrate on, found none; call see(x) first")
