"""What a gate judges by: [tool.bench.gate] of pyproject.toml, and the command's own options."""

import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from bench_core.errors import UsageError


@dataclass(frozen=True)
class Limits:
    """The changes that are too much, as shares: 0.05 is 5 %.

    threshold: of latency. artifact_bytes: any more is worse. task: whether a loss that is there
    at 99 % is worse. peak_rss_bytes, ready_s: None shows them without judging.
    """

    threshold: float = 0.05
    artifact_bytes: float = 0.01
    task: bool = True
    peak_rss_bytes: float | None = None
    ready_s: float | None = None


@dataclass(frozen=True)
class Config:
    """limits: of every cell. cells: pattern (as in a shell) of cell ids → limits that differ.

    constraints: the file of pinned versions that an environment is installed from.
    """

    limits: Limits = field(default_factory=Limits)
    cells: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    constraints: str = "constraints.txt"

    def limits_of(self, cell: str) -> Limits:
        """The cell's own; of several patterns that fit it, the last one counts."""
        found = self.limits
        for pattern, own in self.cells.items():
            if fnmatchcase(cell, pattern):
                found = replace(found, **own)
        return found

    def warnings(self, cells: Collection[str]) -> list[str]:
        """Each pattern that fits none of the run's cells: a typo in one would loosen nothing."""
        return [
            f"[tool.bench.gate.cells]: {pattern!r} fits no cell of this run; their ids, like "
            f"{min(cells, key=len)!r}, are in the saved .json and .xml"
            for pattern in self.cells
            if not any(fnmatchcase(cell, pattern) for cell in cells)
        ]


def read(folder: Path, threshold: str | None = None) -> Config:
    """The configuration of the project in `folder`; `threshold`, if given, for all its cells.

    Raises: UsageError that names what is wrong in it.
    """
    file = folder / "pyproject.toml"
    try:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
        table: Any = tomllib.loads(text).get("tool", {}).get("bench", {}).get("gate", {})
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise UsageError(f"{file}: {error}") from None
    if not isinstance(table, dict):
        raise UsageError(f"{file}: expected a table [tool.bench.gate], found {table!r:.40}")
    where, rest = f"{file}: [tool.bench.gate]", dict(table)
    cells, constraints = rest.pop("cells", {}), rest.pop("constraints", Config.constraints)
    if not isinstance(cells, dict) or not isinstance(constraints, str):
        raise UsageError(f"{where}: expected a table as 'cells' and a text as 'constraints'")
    own = {name: _limits(one, f"{where}.cells.{name!r}") for name, one in cells.items()}
    limits = replace(Limits(), **_limits(rest, where))
    if threshold is not None:
        wanted = share(threshold, "--threshold")
        limits = replace(limits, threshold=wanted)
        own = {name: {**one, "threshold": wanted} for name, one in own.items()}
    return Config(limits, own, constraints)


def _limits(table: Any, where: str) -> dict[str, Any]:
    known = [one.name for one in fields(Limits)]
    if not isinstance(table, dict):
        raise UsageError(f"{where}: expected a table of limits, found {table!r:.40}")
    if unknown := sorted(set(table) - set(known)):
        raise UsageError(f"{where}: unknown key {unknown[0]!r}; there are {', '.join(known)}")
    if not isinstance(table.get("task", True), bool):
        raise UsageError(f"{where}: task is true or false, not {table['task']!r:.40}")
    return {
        name: value if name == "task" else share(value, f"{where} {name}")
        for name, value in table.items()
    }


def share(value: Any, what: str) -> float:
    """`value` as a share: "5%", "5 %" or 0.05. Raises: UsageError for anything else."""
    try:
        text = str(value).strip()
        in_percent = text.endswith("%")
        found = float(text[:-1]) / 100 if in_percent else float(text)
    except ValueError:
        in_percent, found = False, -1.0
    # A bare 1 may be meant as 1 %, and would be 100 %.
    if isinstance(value, bool) or not 0 < found < (10 if in_percent else 1):
        raise UsageError(f"{what}: expected a share like 5% or 0.05, found {value!r:.40}")
    return found
