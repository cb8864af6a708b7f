"""What a gate is to judge, and by what: settled before anything runs."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from bench_core import discover
from bench_core.analysis.gate.rule import GateCell, GateRule, rule_for
from bench_core.cell import Cell
from bench_core.gate import config
from bench_core.gate.trees import root
from bench_core.hardware.cpu import usable_cores
from bench_core.sweep import profiles
from bench_core.sweep.profiles import Request


@dataclass(frozen=True)
class Asked:
    """base: the revision to compare with; None for the working tree itself (A/A).

    threshold: for all cells, in place of the configuration's. slowdown: to inject into head.
    """

    base: str | None
    threshold: str | None = None
    slowdown: str | None = None
    allow_unsure: bool = False


@dataclass(frozen=True)
class Plan:
    """slowdown: a share of its own time by which head is slowed."""

    request: Request
    settings: config.Config
    cells: Mapping[Cell, GateCell]
    rule: GateRule
    slowdown: float


def plan(request: Request, asked: Asked) -> Plan:
    """Raises: UsageError for what cannot be."""
    settings = config.read(root(), asked.threshold)
    slowdown = config.share(asked.slowdown, "--slowdown") if asked.slowdown else 0.0
    # One core stays free for whoever else runs, and for the parent.
    request = replace(request, threads=request.threads or max(1, len(usable_cores()) - 1))
    cells = {
        cell: GateCell(discover.model(cell.model).bound, settings.limits_of(str(cell)).threshold)
        for cell in profiles.cells(request)
    }
    rule = rule_for(min(one.threshold for one in cells.values()))
    return Plan(request, settings, cells, rule, slowdown)
