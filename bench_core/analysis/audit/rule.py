"""The noun: something that cannot be true in a results file."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache

import bench_core.analysis.audit.rules
from bench_core.analysis.audit.row import Finding, Rows
from bench_core.errors import UsageError

Looks = Iterator[Finding | None]
"""One for each thing that was looked at: None where it may be true."""


@dataclass(frozen=True)
class Rule:
    """check: looks at what has all that it reads, and at nothing else.

    columns: those of a table that it reads; none where only a run has them.
    true, false: an example in which it looks and finds nothing, and one in which it finds.
    """

    name: str
    columns: tuple[str, ...]
    check: Callable[[Rows], Looks]
    true: Rows
    false: Rows


@cache
def rules() -> dict[str, Rule]:
    """Every rule by name: those that the files in `rules` define."""
    found: dict[str, Rule] = {}
    folder = bench_core.analysis.audit.rules
    for info in pkgutil.iter_modules(folder.__path__, f"{folder.__name__}."):
        for value in vars(importlib.import_module(info.name)).values():
            if isinstance(value, Rule) and found.setdefault(value.name, value) is not value:
                raise UsageError(f"{info.name} defines {value.name!r}, which is taken; rename it")
    return dict(sorted(found.items()))
