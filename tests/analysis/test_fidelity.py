"""What passes as the same outputs, and what does not."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy.spatial.distance import cosine

from bench_core.analysis.fidelity import EPSILON, judge
from bench_core.errors import Incomparable

RNG = np.random.default_rng(0)
ORACLE = [RNG.normal(size=(4, 10)) for _ in range(3)]
EAGER = [y.astype(np.float32).astype(float) for y in ORACLE]


def lossless(outputs, oracle=ORACLE, eager=EAGER, **other):
    return judge(outputs, oracle, eager, min_sqnr_db=None, oracle_name="float64", **other)


def lossy(outputs, least_db, oracle=ORACLE, eager=EAGER):
    return judge(outputs, oracle, eager, min_sqnr_db=least_db, oracle_name="float64")


def off_by(rms: float, batch: int | None = None) -> list[np.ndarray]:
    """The oracle with every element of a batch (or of all) off by `rms`."""
    return [
        y + rms * RNG.choice([-1, 1], y.shape) if batch in (None, i) else y
        for i, y in enumerate(ORACLE)
    ]


values = st.floats(-3e38, 3e38)


def verification(elements: st.SearchStrategy[float]) -> st.SearchStrategy[list[np.ndarray]]:
    shapes = array_shapes(max_dims=3, max_side=4)
    return st.lists(arrays(float, shapes, elements=elements), min_size=1, max_size=3)


batches = verification(values)
normal_batches = verification(values.filter(lambda x: x == 0 or abs(x) > 1e-30))


@given(batches)
def test_the_oracle_itself_is_right_and_exact(oracle):
    fidelity, reason = lossless(oracle, oracle, oracle)
    assert reason is None
    assert (fidelity.sqnr_db, fidelity.max_abs) == (None, 0.0)
    assert lossy(oracle, 1000.0, oracle, oracle)[1] is None


@given(batches)
def test_eager_itself_is_right(oracle):
    eager = [y.astype(np.float32).astype(float) for y in oracle]
    assert lossless(eager, oracle, eager)[1] is None


@given(batches, st.data())
def test_whatever_is_finite_is_measured_in_finite_numbers(oracle, data):
    outputs = [data.draw(arrays(float, y.shape, elements=values)) for y in oracle]
    fidelity, _ = lossless(outputs, oracle, oracle)
    for number in (fidelity.max_abs, fidelity.sqnr_db, fidelity.cosine):
        assert number is None or math.isfinite(number)


@given(normal_batches, st.integers(-20, 20))
def test_a_change_of_scale_changes_no_judgement(oracle, power):
    """Powers of two, so that only the logarithms round."""
    before, after = (
        lossless([y * scale * (1 + 1e-6) for y in oracle], scaled, scaled)
        for scale in (1.0, 2.0**power)
        for scaled in [[y * scale for y in oracle]]
    )
    assert (before[1] is None) == (after[1] is None)
    assert (before[0].sqnr_db is None) == (after[0].sqnr_db is None)
    if before[0].sqnr_db is not None:
        assert before[0].sqnr_db == pytest.approx(after[0].sqnr_db, abs=1e-9)


def test_a_lossless_mode_may_be_off_by_what_the_formula_says():
    batch = 1
    y, eager = ORACLE[batch], EAGER[batch]
    allowed = 3 * np.sqrt(np.mean((y - eager) ** 2)) + 8 * EPSILON * np.sqrt(np.mean(y**2))
    assert lossless(off_by(0.999 * allowed, batch))[1] is None
    fidelity, reason = lossless(off_by(1.001 * allowed, batch))
    assert "verification batch 2 of 3: rmse" in reason
    assert "float64 oracle" in reason
    assert fidelity.max_abs == pytest.approx(1.001 * allowed, rel=1e-9)


@pytest.mark.parametrize("least_db", [10.0, 30.0, 60.0])
def test_a_lossy_mode_may_have_the_noise_it_declares(least_db):
    batch = 2
    rms = np.sqrt(np.mean(ORACLE[batch] ** 2)) * 10 ** (-least_db / 20)
    assert lossy(off_by(0.999 * rms, batch), least_db)[1] is None
    _, reason = lossy(off_by(1.001 * rms, batch), least_db)
    assert reason == (
        f"verification batch 3 of 3: SQNR {least_db:.1f} dB against the float64 oracle; "
        f"the mode declares at least {least_db:g} dB"
    )


def test_one_bad_batch_does_not_drown_in_many_good_ones():
    oracle = [RNG.normal(size=(2, 8)) for _ in range(500)]
    outputs = [*oracle[:-1], -oracle[-1]]
    fidelity, reason = lossy(outputs, 20.0, oracle, oracle)
    assert fidelity.sqnr_db > 20
    assert "verification batch 500 of 500" in reason


def test_one_bad_row_shows_in_its_batch():
    """A garbage row of 8 leaves 10 · log10(8 / 2) = 6 dB or so."""
    oracle = [RNG.normal(size=(8, 64))]
    outputs = [oracle[0].copy()]
    outputs[0][3] = RNG.permutation(outputs[0][3])
    assert lossy(outputs, 15.0, oracle, oracle)[1] is not None


def test_a_precision_lowered_to_bfloat16_is_not_lossless():
    rounded = [(y.astype(np.float32).view(np.uint32) & 0xFFFF0000).view(np.float32) for y in EAGER]
    fidelity, reason = lossless(rounded)
    assert reason is not None
    assert 35 < fidelity.sqnr_db < 55


def test_the_figures_are_what_they_are_called():
    outputs = off_by(1e-3)
    fidelity, _ = lossless(outputs, top1=True)
    y, yhat = np.concatenate(ORACLE).ravel(), np.concatenate(outputs).ravel()
    noise = np.sum((y - yhat) ** 2)
    eager_noise = np.sum((y - np.concatenate(EAGER).ravel()) ** 2)
    assert fidelity.sqnr_db == pytest.approx(10 * math.log10(np.sum(y**2) / noise))
    assert fidelity.cosine == pytest.approx(1 - cosine(y, yhat), abs=1e-12)
    assert fidelity.rmse_ratio_to_eager == pytest.approx(math.sqrt(noise / eager_noise))
    assert fidelity.oracle == "float64"


def test_top1_is_the_share_of_rows_whose_class_stays():
    outputs = [y.copy() for y in ORACLE]
    outputs[0][:3] *= -1
    outputs[2][1] = np.roll(outputs[2][1], 1)
    assert lossless(outputs, top1=True)[0].top1_agreement == pytest.approx(8 / 12)
    assert lossless(outputs)[0].top1_agreement is None


def test_a_silent_oracle_asks_for_silence():
    zero = [np.zeros((2, 3))]
    assert lossless(zero, zero, zero)[1] is None
    fidelity, reason = lossy([np.full((2, 3), 1e-30)], 20.0, zero, zero)
    assert reason is not None
    assert math.isfinite(fidelity.sqnr_db)
    assert fidelity.cosine is None


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("least_db", [None, 10.0])
def test_what_is_not_finite_is_wrong(bad, least_db):
    outputs = [y.copy() for y in ORACLE]
    outputs[1][2, 3] = bad
    assert judge(outputs, ORACLE, EAGER, min_sqnr_db=least_db, oracle_name="float64") == (
        None,
        "verification batch 2 of 3: 1 of 40 outputs are NaN or infinite",
    )


def test_another_shape_or_count_is_wrong():
    turned = [*ORACLE[:2], ORACLE[2].T]
    assert lossless(turned) == (
        None, "verification batch 3 of 3: expected shape [4, 10], found [10, 4]",
    )  # fmt: skip
    assert lossless(ORACLE[:2]) == (None, "expected outputs of 3 verification batches, found 2")


@pytest.mark.parametrize(
    ("oracle", "eager", "said"),
    [
        ([], [], "no outputs"),
        ([np.zeros((0, 3))], [np.zeros((0, 3))], "no outputs"),
        ([np.zeros(3)], [np.zeros(4)], "differ in the shape"),
        ([np.full(3, np.nan)], [np.zeros(3)], "NaN"),
        ([np.zeros(3)], [np.full(3, np.inf)], "NaN or infinity"),
    ],
)
def test_an_oracle_that_is_no_measure_is_refused(oracle, eager, said):
    with pytest.raises(Incomparable, match=said):
        lossless(oracle, oracle, eager)
