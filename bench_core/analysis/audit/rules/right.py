"""Whether a mode is right, and what its task lost."""

from bench_core.analysis.audit.example import cell
from bench_core.analysis.audit.row import Rows
from bench_core.analysis.audit.rule import Looks, Rule
from bench_core.analysis.task import MAX_LOSS, is_right
from bench_core.record import Interval, TaskScore


def _check(rows: Rows) -> Looks:
    for row in rows:
        record = row.record
        if record is None or record.status != "ok" or record.task is None:
            continue
        task, found = record.task, f"right {record.right}"
        if task.inherited_from is None and task.change is None:
            why = "the score is not inherited"
            yield row.unless(False, "task.change None", "an interval", why)
            continue
        must = is_right(task)
        loss = f"{task.change.low:.4g} at worst" if task.change else "nothing: it is inherited"
        why = f"the task's change is {loss}, {-MAX_LOSS} is allowed"
        yield row.unless(record.right is must, found, str(must), why)


def _score(low: float) -> TaskScore:
    change = Interval(0.0, low, 0.004)
    return TaskScore("accuracy", 0.9, 0.88, 0.92, 900, 1, "c0ffee", None, change, {})


RIGHT = Rule(
    name="right",
    columns=(),
    check=_check,
    true=cell(lossy=True, engaged=True, right=True, task=_score(-0.004)),
    false=cell(lossy=True, engaged=True, right=True, task=_score(-0.024)),
)
