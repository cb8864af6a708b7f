"""The execution provider that is claimed, and the one that ran.

ONNX Runtime gives what a provider does not take to the CPU, and all of it where the provider
cannot be loaded, with no more than a warning in its log.
"""

import re
from typing import Any

from bench_core.analysis.audit.row import Row, Rows
from bench_core.analysis.audit.rule import Looks, Rule
from bench_core.analysis.audit.table import table
from bench_core.cell import Cell
from bench_core.record import Record

SUFFIX = "executionprovider"
ACCELERATORS = {"cuda", "tensorrt", "rocm", "migraphx", "dml"}
"""Providers that a CPU alone cannot have."""
OTHERS = {"openvino", "coreml", "xnnpack", "dnnl", "acl", "qnn"}
"""Providers that have a CPU device too, which a table may name instead of them."""
ALIASES = {"trt": "tensorrt", "directml": "dml"}


def _check(rows: Rows) -> Looks:
    for row in rows:
        if row.record is not None:
            yield from _of_cell(row, row.record)
        elif row.provider and (claimed := _claimed(row.name or "")):
            why = f"{row.name!r:.60} says so"
            fits = any(_is_one(one, row.provider) for one in claimed)
            found = f"provider {row.provider:.60}"
            yield row.unless(fits, found, " or ".join(sorted(claimed)), why)


def _of_cell(row: Row, record: Record) -> Looks:
    """Nodes by provider, of a cell that is ok: one that is not engaged says so itself."""
    nodes: Any = (record.evidence or {}).get("providers")
    if record.status != "ok" or not isinstance(nodes, dict) or not nodes:
        return
    claimed = Cell.parse(record.cell).provider
    for name in nodes:
        fits, found = _short(name) == claimed.lower(), f"nodes on {name:.60}"
        yield row.unless(fits, found, f"all on {claimed}", "the cell claims that")


def _short(name: str) -> str:
    return name.lower().removesuffix(SUFFIX)


def _words(text: str) -> set[str]:
    found = map(_short, re.findall("[a-z0-9]+", text.lower()))
    return {ALIASES.get(word, word) for word in found}


def _claimed(name: str) -> set[str]:
    return _words(name) & {*ACCELERATORS, *OTHERS, "cpu"}


def _is_one(claimed: str, provider: str) -> bool:
    """Whether a provider's column can stand beside that claim."""
    found = _words(provider)
    if claimed in found:
        return True
    if claimed == "cpu":
        return not found & ACCELERATORS
    if SUFFIX in provider.lower() or found & {*ACCELERATORS, *OTHERS} - {"cuda"}:
        return False
    # A device stands there, not a provider.
    return not (claimed in ACCELERATORS and found == {"cpu"})


PROVIDER = Rule(
    name="provider",
    columns=("name", "provider"),
    check=_check,
    true=table(
        "name,provider\nort-cuda,CUDAExecutionProvider\nort-trt,TensorRT\nopenvino,CPU\neager,CPU"
    ),
    false=table("name,provider\nort-cuda,CPUExecutionProvider"),
)
