"""F1 against precision and recall."""

from bench_core.analysis.audit.number import Number, Range
from bench_core.analysis.audit.row import Rows
from bench_core.analysis.audit.rule import Looks, Rule
from bench_core.analysis.audit.table import table


def _bounds(precision: Number, recall: Number) -> Range:
    """What F1 can be, of one class or averaged over classes, folds or seeds.

    F1 = 2·P·R / (P + R) of one class. That is concave, so the average of F1s is at most the
    2·P·R / (P + R) of the averages of P and R, which itself is at most (P + R) / 2; and at least
    P + R − 1 for each class, so for the average.
    Source: Opitz and Burst 2019, arXiv:1911.03347, for the upper bound.
    """
    p, r = min(1.0, precision.high), min(1.0, recall.high)
    return Range(max(0.0, precision.low + recall.low - 1), 2 * p * r / (p + r) if p + r else 0.0)


def _check(rows: Rows) -> Looks:
    for row in rows:
        f1, precision, recall = row.f1, row.precision, row.recall
        if f1 is None or precision is None or recall is None:
            continue
        if min(precision.high, recall.high) < 0:
            continue  # these cannot be to begin with
        why = f"{precision}, {recall}, however they are averaged"
        yield row.unless_in(f1, _bounds(precision, recall), why)


F1 = Rule(
    name="f1",
    columns=("precision", "recall", "f1"),
    check=_check,
    true=table("precision,recall,f1\n0.80,0.60,0.69\n0.80,0.60,0.62\n1.0,0.9,0.95"),
    false=table("precision,recall,f1\n0.80,0.60,0.72"),
)
