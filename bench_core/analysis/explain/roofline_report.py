"""Draws the roofline on a terminal: each mode's distance, and the layers that set it."""

import math
from collections.abc import Iterator, Sequence

from rich.table import Table
from rich.text import Text

from bench_core.analysis.explain.roofline import Ceiling, Layer, Roofline, bounds_s, least_s
from bench_core.analysis.explain.tables import MOST_LAYERS, columns
from bench_core.analysis.units import count, duration, size, visible

_BEATEN = (
    "a roofline is beaten by what stays in a cache or is fused, and by a peak that was measured "
    "while others used the machine"
)


def roofline_parts(found: Roofline, modes: Sequence[tuple[str, float]]) -> Iterator[Table | Text]:
    """modes: of A and of B the name and the seconds of a call."""
    ceilings = (found.a, found.b)
    for (name, taken_s), ceiling in zip(modes, ceilings, strict=True):
        yield Text(_distance(visible(name), taken_s, found.layers, ceiling))
    if any(ceilings):
        yield Text()
        yield _table(found.layers, [name for name, _ in modes], ceilings)


def _distance(name: str, taken_s: float, layers: Sequence[Layer], ceiling: Ceiling | None) -> str:
    if ceiling is None:
        return f"{name}: no roofline, since this processor's peak in its dtype is not known"
    lowest_s = least_s(layers, ceiling)
    ratio = taken_s / lowest_s
    longer = f"{ratio:.2g}" if ratio < 99.5 else count(ratio)
    said = (
        f"{name}: {longer}× the {duration(lowest_s)} of its roofline in {ceiling.dtype}, at "
        f"{count(ceiling.flops_per_s)}FLOP/s and {size(ceiling.bytes_per_s)}/s"
    )
    return said if ratio >= 1 else f"{said}; {_BEATEN}"


def _table(
    layers: Sequence[Layer], names: Sequence[str], ceilings: Sequence[Ceiling | None]
) -> Table:
    table = columns("layers by their roofline", ["FLOP", "float32 bytes"])
    known = [(name, one) for name, one in zip(names, ceilings, strict=True) if one is not None]
    for name, _ in known:
        table.add_column(Text(visible(name)), justify="right")
    ordered = sorted(layers, key=lambda layer: -max(bounds_s(layer, known[0][1])))
    for layer in ordered[:MOST_LAYERS]:
        bounds = [_bound(layer, ceiling) for _, ceiling in known]
        name = visible(layer.name) or "the model"
        table.add_row(*map(Text, (name, count(layer.flops), size(layer.n_bytes), *bounds)))
    if rest := ordered[MOST_LAYERS:]:
        flops = math.fsum(layer.flops for layer in rest)
        n_bytes = math.fsum(layer.n_bytes for layer in rest)
        sums = [duration(least_s(rest, ceiling)) for _, ceiling in known]
        row = f"{len(rest)} others", count(flops), size(n_bytes), *sums
        table.add_row(*map(Text, row), style="dim")
    return table


def _bound(layer: Layer, ceiling: Ceiling) -> str:
    arithmetic_s, bytes_s = bounds_s(layer, ceiling)
    limit = "FLOP" if arithmetic_s >= bytes_s else "bytes"
    return f"{duration(max(arithmetic_s, bytes_s))} ({limit})"
