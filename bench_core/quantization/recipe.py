"""Which steps post-training quantisation takes."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal


@dataclass(frozen=True)
class Recipe:
    """Which steps are taken. The defaults are those of the white paper (arXiv:2106.08295, §3.7).

    smooth: SmoothQuant's α, needs data. None: not taken.
    relu6: what a ReLU6 between equalised layers becomes: a clip for each channel, which keeps the
        function, or ReLU, which runs faster.
    rounding: "adaround" needs data; without data weights are rounded to nearest.
    correct_biases: None: where weights are rounded to nearest.
    reestimate_norms: take the statistics of folded batch norms anew, needs data.
    weight_ranges, activation_ranges: names of range methods; the latter needs data, without which
        batch norms say the ranges.
    """

    smooth: float | None = None
    equalise: bool = True
    relu6: Literal["clip", "replace"] = "clip"
    absorb: bool = True
    weight_ranges: str = "mse"
    rounding: Literal["adaround", "nearest"] = "adaround"
    correct_biases: bool | None = None
    reestimate_norms: bool = False
    activation_ranges: str = "mse"


PLAIN = Recipe(
    equalise=False,
    absorb=False,
    weight_ranges="min_max",
    rounding="nearest",
    correct_biases=False,
    activation_ranges="min_max",
)
"""Ranges from least to greatest, and nothing else."""


def prefixes(recipe: Recipe) -> Iterator[tuple[str, Recipe]]:
    """The plain recipe, and then each step of `recipe` added to those before it, by name."""
    taken = PLAIN
    yield "min-max ranges, nearest rounding", taken
    steps: list[tuple[str, dict[str, object]]] = [
        (f"weight ranges by {recipe.weight_ranges}", {"weight_ranges": recipe.weight_ranges}),
        (
            f"activation ranges by {recipe.activation_ranges}",
            {"activation_ranges": recipe.activation_ranges},
        ),
        (f"smoothed, α = {recipe.smooth}", {"smooth": recipe.smooth}),
        ("layers equalised", {"equalise": recipe.equalise, "relu6": recipe.relu6}),
        ("high biases absorbed", {"absorb": recipe.absorb}),
        (f"rounded by {recipe.rounding}", {"rounding": recipe.rounding}),
        ("biases corrected", {"correct_biases": recipe.correct_biases}),
        ("norms re-estimated", {"reestimate_norms": recipe.reestimate_norms}),
    ]
    for name, step in steps:
        longer = replace(taken, **step)  # type: ignore[arg-type]
        if longer != taken:
            taken = longer
            yield name, taken
