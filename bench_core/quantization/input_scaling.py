"""Give each channel of a layer's input another scale, and leave the output as it is.

W x = (W · diag(s)) (x / s): SmoothQuant and AWQ choose s, `scale_inputs` takes it into the weight.
x / s costs nothing where the layer before can take it (`unscale_outputs`), that is where whoever
reads its output takes s into a weight: a residual connection does not. Elsewhere x is multiplied
by 1 / s, explicitly.
"""

from torch import Tensor


def scale_inputs(weight: Tensor, scale: Tensor) -> Tensor:
    """W · diag(s).

    Shapes: weight [out, in, *kernel], scale [in] → weight.
    Raises: ValueError for other shapes.
    """
    if weight.ndim < 2 or scale.shape != weight.shape[1:2]:
        raise _misfit(weight, scale, "[out, in, …]")
    return weight.detach() * scale.reshape(-1, *[1] * (weight.ndim - 2))


def unscale_outputs(
    weight: Tensor, bias: Tensor | None, scale: Tensor
) -> tuple[Tensor, Tensor | None]:
    """The layer before, made to give x / s: a layer norm's γ and β, or a layer's rows and bias.

    Shapes: weight [channels] of a norm or [channels, in, *kernel], bias [channels] or None,
    scale [channels] → the same.
    Raises: ValueError for other shapes.
    """
    if weight.ndim < 1 or scale.shape != weight.shape[:1]:
        raise _misfit(weight, scale, "[channels, …]")
    unscaled = weight.detach() / scale.reshape(-1, *[1] * (weight.ndim - 1))
    return unscaled, None if bias is None else bias.detach() / scale


def _misfit(weight: Tensor, scale: Tensor, expected: str) -> ValueError:
    return ValueError(
        f"expected a weight {expected} and one scale per channel, found {list(weight.shape)} and "
        f"{list(scale.shape)}"
    )
