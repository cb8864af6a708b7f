"""What to run: the candidates for it, and the sentence that says so."""

from collections.abc import Sequence

from bench_core.analysis.group import Group
from bench_core.analysis.load import Results
from bench_core.analysis.session import Facts, facts
from bench_core.analysis.units import count, points, times, visible
from bench_core.cell import Cell
from bench_core.record import Advice, BreakEven, Record, TaskScore


def candidates(records: Sequence[Record]) -> list[Record]:
    """The right modes of one group, fastest first; the play-off is between the first two.

    Right: the fidelity holds and the task, if the mode is lossy, lost no more than it may.
    Aliases and the reference itself are left out.
    """
    fit = [
        record
        for record in records
        if record.status == "ok"
        and record.right is True
        and record.alias_of is None
        and record.speedup is not None
        and Cell.parse(record.cell).mode != record.speedup.reference
    ]
    return sorted(fit, key=lambda r: (-r.speedup.ratio if r.speedup else 0.0, r.cell))


def sentences(results: Results) -> list[str]:
    """One sentence per model with advice, one clause per length, in the order of lengths."""
    known = facts(results.session)
    by_model: dict[str, list[str]] = {}
    for advice in sorted(results.advice, key=lambda a: Group.parse(a.group)):
        group = Group.parse(advice.group)
        by_model.setdefault(group.model, []).append(_clause(advice, group, results, known))
    return [
        visible(f"{model} on this machine: {'; '.join(clauses)}.")
        for model, clauses in by_model.items()
    ]


def _clause(advice: Advice, group: Group, results: Results, known: Facts) -> str:
    unit = known.length_axes.get(group.model, "")
    unit = unit.removesuffix("s") if group.length == 1 else unit
    place = f"for {group.length} {unit}".rstrip()
    if group.batch != 1:
        place += f" in batches of {group.batch}"
    if advice.cell is None:
        kept = _reference(advice, results)
        return f"{place}, keep {kept}" + (f" ({advice.reason})" if advice.reason else "")
    cell = Cell.parse(advice.cell)
    name = cell.mode if cell.provider == "cpu" else f"{cell.mode} on {cell.provider}"
    record = next((r for r in results.cells if r.cell == advice.cell), None)
    parts = [_speed(advice), _task(record.task if record else None), _pays(advice.break_even_calls)]
    return f"{place}, {name}: {', '.join(part for part in parts if part)}"


def _reference(advice: Advice, results: Results) -> str:
    """The reference mode's name, as the cells of the same group give it."""
    group = [r for r in results.cells if Cell.parse(r.cell).group == advice.group]
    names = [r.speedup.reference for r in group if r.speedup is not None]
    return names[0] if names else "the reference"


def _speed(advice: Advice) -> str:
    speedup = advice.speedup
    return times(speedup.ratio, speedup.low, speedup.high) if speedup else "speed-up not measured"


def _task(task: TaskScore | None) -> str:
    if task is None:
        return ""
    name = task.name.replace("_at_", "@").replace("_", " ")
    if task.change is None:
        return f"{name} unchanged"
    low, high = points(task.change.low), points(task.change.high)
    return f"{name} {points(task.change.value, sign=True)} points ({low} to {high})"


def _pays(calls: BreakEven | None) -> str:
    if calls is None:
        return ""
    if calls.value is not None:
        return f"pays after {count(calls.value)} calls" if calls.value else "pays at once"
    # "never" cannot be advised in the sweep's figures; in the fresh duel's it can, and shows.
    return {"never": "never pays", "unknown": "unknown when it pays"}.get(calls.reason or "", "")
