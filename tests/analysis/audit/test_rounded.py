"""What is true is never called wrong, however it was rounded; what is off by more is."""

from decimal import Decimal

import numpy as np
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import precision_recall_fscore_support

from bench_core.analysis.audit.rules.energy import ENERGY
from bench_core.analysis.audit.rules.f1 import F1
from bench_core.analysis.audit.rules.throughput import THROUGHPUT
from bench_core.analysis.audit.table import table

digits = st.integers(0, 6)
quantities = st.floats(1e-3, 1e6)
batches = st.integers(1, 512)


def rounded(value: float, places: int) -> str:
    """As typed: to so many places after the decimal mark, with none of them lost."""
    return f"{Decimal(value):.{places}f}"


def wrong(rule, columns: str, *cells: str) -> bool:
    looks = list(rule.check(table(f"{columns}\n{','.join(cells)}")))
    assert len(looks) == 1
    return looks[0] is not None


@given(batches, quantities, digits, digits)
@example(1, 0.001, 0, 0)
def test_a_true_throughput_is_never_wrong(batch, latency_ms, places, others):
    cells = rounded(latency_ms, places), rounded(1000 * batch / latency_ms, others)
    assert not wrong(THROUGHPUT, "batch,latency_ms,throughput", str(batch), *cells)
    assert not wrong(THROUGHPUT, "latency_ms,throughput", *cells)


@given(batches, st.floats(1, 1e4), st.floats(0.01, 0.5), st.booleans())
def test_a_throughput_that_is_off_by_more_than_its_digits_is_wrong(batch, latency_ms, off, above):
    """Six places leave less than 1e-6 of both, in a quotient 2e-6."""
    throughput = 1000 * batch / latency_ms * (1 + off if above else 1 / (1 + off))
    assume(throughput > 1)
    cells = rounded(latency_ms, 6), rounded(throughput, 6)
    assert wrong(THROUGHPUT, "batch,latency_ms,throughput", str(batch), *cells)


@given(st.integers(0, 50), st.floats(0.2, 0.8), st.floats(1, 1e3))
def test_a_call_of_part_of_an_item_is_wrong_without_a_batch_too(whole, part, latency_ms):
    cells = rounded(latency_ms, 6), rounded(1000 * (whole + part) / latency_ms, 6)
    assert wrong(THROUGHPUT, "latency_ms,throughput", *cells)


@given(batches, quantities, quantities, digits, digits, digits, st.booleans())
def test_a_true_energy_is_never_wrong(batch, power_w, latency_ms, p, q, r, of_item):
    energy_mwh = power_w * latency_ms / 3600 / (batch if of_item else 1)
    cells = rounded(power_w, p), rounded(latency_ms, q), rounded(energy_mwh, r)
    assert not wrong(ENERGY, "batch,power_w,latency_ms,energy_mwh", str(batch), *cells)
    assert not wrong(ENERGY, "power_w,latency_ms,energy_mwh", *cells)


@given(st.floats(1, 1e3), st.floats(10, 1e4), st.floats(0.01, 0.5), st.booleans())
def test_an_energy_that_is_off_by_more_than_its_digits_is_wrong(power_w, latency_ms, off, above):
    energy_mwh = power_w * latency_ms / 3600 * (1 + off if above else 1 / (1 + off))
    cells = rounded(power_w, 6), rounded(latency_ms, 6), rounded(energy_mwh, 9)
    assert wrong(ENERGY, "batch,power_w,latency_ms,energy_mwh", "1", *cells)


labels = hnp.arrays(int, st.shared(st.integers(1, 30), key="items"), elements=st.integers(0, 3))


@given(labels, labels, st.sampled_from(["micro", "macro", "weighted"]), st.integers(1, 6))
def test_what_scikit_learn_averages_is_never_wrong(predicted, expected, average, places):
    scores = precision_recall_fscore_support(expected, predicted, average=average, zero_division=0)
    cells = [rounded(float(score), places) for score in scores[:3]]
    assert not wrong(F1, "precision,recall,f1", *cells)
    percents = [f"{100 * float(score):.1f}%" for score in scores[:3]]
    assert not wrong(F1, "precision,recall,f1", *percents)


@given(hnp.arrays(float, (2, 5), elements=st.floats(0, 1)))
def test_an_average_over_folds_is_never_wrong(scores):
    precision, recall = scores
    total = precision + recall
    f1 = np.divide(2 * precision * recall, total, out=np.zeros(5), where=total > 0)
    cells = [rounded(float(x.mean()), 6) for x in (precision, recall, f1)]
    assert not wrong(F1, "precision,recall,f1", *cells)


@settings(max_examples=200)
@given(st.floats(0, 1), st.floats(0, 1), st.floats(1e-4, 1))
def test_an_f1_outside_of_its_bounds_is_wrong(precision, recall, off):
    """Above (P + R) / 2, above their harmonic mean, and below P + R − 1."""
    most = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    for f1 in ((precision + recall) / 2 + off, most + off, precision + recall - 1 - off):
        if 0 <= f1 <= 1:
            cells = [rounded(x, 6) for x in (precision, recall, f1)]
            assert wrong(F1, "precision,recall,f1", *cells)
