"""Layers of a graph, as the exporters' names of nodes tell them."""

import math
from collections.abc import Sequence

from bench_core.analysis.explain.profile import Row

NO_LAYER = "no layer"
_ENOUGH = 0.5


def layer(node: str) -> str:
    """The module path in a node's name, "" where it holds none.

    >>> layer("/encoder/layer.0/attention/MatMul_1"), layer("node_linear_3"), layer("Gemm_0")
    ('encoder/layer.0/attention', '', '')
    """
    return node.rpartition("/")[0].strip("/")


def layered(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """The rows by layer; empty where layers are known of less than half of the time."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(layer(row.node) or NO_LAYER, []).append(row)
    total_s = math.fsum(row.seconds for row in rows)
    known_s = math.fsum(row.seconds for row in rows if layer(row.node))
    return found if known_s > _ENOUGH * total_s else {}
