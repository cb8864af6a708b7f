"""Two pictures and a table: a graph and what ONNX Runtime fuses of it, or any two graphs."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

from bench_core.analysis.graph.boxes import MOST_BOXES, Node, by_layer, one_each
from bench_core.analysis.graph.svg import GONE, NEW, draw
from bench_core.analysis.units import visible
from bench_core.errors import UsageError
from bench_core.runtimes.onnx_export import FILE
from bench_core.runtimes.onnx_file import external_files, load
from bench_core.runtimes.onnxruntime_session import Level, open_session
from bench_core.studies.graph.read import graph_of, layers_of, nodes_of

if TYPE_CHECKING:
    import onnx

LEVEL: Level = "ORT_ENABLE_EXTENDED"
"""All that fuses operators; the levels above also lay channels out for this CPU, which hides it."""


def show(file: Path, other: Path | None, folder: Path, console: Console) -> None:
    """Draw both graphs into `folder`, say where, and count operators.

    other: None: what ONNX Runtime makes of `file`.
    Raises: UsageError for a file that is no graph, or that ONNX Runtime cannot load.
    """
    before = graph_of(file)
    after = graph_of(other) if other else _optimised(file, before)
    name = visible(other.name if other else f"{file.name} at {LEVEL}")
    layers = layers_of(before)
    old, new = nodes_of(before, after), nodes_of(after, before, layers)
    pictures = (
        (folder / f"{file.stem}.before.svg", old, visible(file.name), GONE),
        (folder / f"{(other or file).stem}.after.svg", new, name, NEW),
    )
    boxes = by_layer if max(len(old), len(new)) > MOST_BOXES else one_each
    for path, nodes, title, look in pictures:
        path.write_text(draw(boxes(nodes), title, look))
        changed = sum(node.changed for node in nodes)
        said = f"{visible(str(path))}: {title}, {len(nodes)} nodes, {changed} {look.meaning}"
        console.print(said, soft_wrap=True, markup=False, highlight=False)
    if not any(node.changed for node in (*old, *new)):
        console.print("both have the same nodes", soft_wrap=True)
    console.print(_table(old, new))


def _optimised(path: Path, model: "onnx.ModelProto") -> "onnx.ModelProto":
    beside = bool(external_files(path, model))
    with tempfile.TemporaryDirectory() as scratch:
        ran = Path(scratch) / FILE
        try:
            open_session(path, LEVEL, 1, ran, weights_beside=beside)
        except Exception as error:  # noqa: BLE001  (ONNX Runtime's errors share no base)
            said = " ".join(str(error).split())
            raise UsageError(
                f"{path}: expected a graph that ONNX Runtime loads; {said}; "
                "a second file, to compare with, needs no loading"
            ) from None
        return load(ran)


def _table(before: Sequence[Node], after: Sequence[Node]) -> Table:
    """Operators, those whose number changes first."""
    old, new = (Counter(node.operator for node in nodes) for nodes in (before, after))
    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False)
    table.add_column("operator", overflow="fold")
    for header in ("before", "after"):
        table.add_column(header, justify="right")
    for operator in sorted(old | new, key=lambda name: (old[name] == new[name], name)):
        style = "dim" if old[operator] == new[operator] else ""
        numbers = (str(count[operator] or "–") for count in (old, new))
        table.add_row(Text(visible(operator)), *numbers, style=style)
    return table
