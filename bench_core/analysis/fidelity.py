"""How near a mode's outputs are to the oracle's, and whether that is near enough."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench_core.errors import Incomparable
from bench_core.record import Fidelity

EPSILON = float(np.finfo(np.float32).eps)
TIMES_EAGER = 3.0
TIMES_EPSILON = 8.0
_TINY = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True)
class _Part:
    """Root mean squares over one verification batch, or over all of them together."""

    signal: float
    error: float
    eager_error: float

    @property
    def allowed(self) -> float:
        """What a lossless mode's rmse may be."""
        return TIMES_EAGER * self.eager_error + TIMES_EPSILON * EPSILON * self.signal

    @property
    def sqnr_db(self) -> float | None:
        """10 · log10(Σy² / Σ(y - ŷ)²), None where nothing differs."""
        if self.error == 0:
            return None
        return 20 * (math.log10(max(self.signal, _TINY)) - math.log10(self.error))


def judge(
    outputs: Sequence[np.ndarray],
    oracle: Sequence[np.ndarray],
    eager: Sequence[np.ndarray],
    *,
    min_sqnr_db: float | None,
    oracle_name: str,
    top1: bool = False,
) -> tuple[Fidelity | None, str | None]:
    """Measure the outputs, one array per verification batch, and say what is wrong with them.

    Lossless (min_sqnr_db None): rmse ≤ 3 · rmse(eager) + 8 · ε · rms(y), ε that of float32.
    Lossy: SQNR = 10 · log10(Σy² / Σ(y - ŷ)²) ≥ min_sqnr_db.
    Each batch must pass alone, from which it follows that all do together. In a batch of r
    rows one row may thus be 10 · log10(r) dB worse than the limit, and no more.

    eager: the float32 reference's outputs; where they are themselves the oracle, ε alone counts.
    top1: the outputs are classes' scores [batch, classes]; compare the largest of each row.
    Returns: what was measured, None where there is nothing to measure (a wrong shape, NaN);
    and why the outputs are wrong, None where they are right.
    Raises: Incomparable if the oracle itself is no measure: empty, not finite, or of another
    shape than eager's outputs.
    """
    _check_oracle(oracle, eager)
    if reason := _malformed(outputs, oracle):
        return None, reason
    y, yhat, plain = ([np.asarray(a, float) for a in part] for part in (oracle, outputs, eager))
    parts = [_part(*batch) for batch in zip(y, yhat, plain, strict=True)]
    y_all, yhat_all, plain_all = (np.concatenate([a.ravel() for a in p]) for p in (y, yhat, plain))
    whole = _part(y_all, yhat_all, plain_all)
    measured = Fidelity(
        oracle=oracle_name,
        rmse_ratio_to_eager=whole.error / whole.eager_error if whole.eager_error else None,
        cosine=_cosine(y_all, yhat_all),
        sqnr_db=whole.sqnr_db,
        max_abs=float(np.abs(y_all - yhat_all).max()),
        top1_agreement=_top1(y, yhat) if top1 else None,
    )
    return measured, _wrong(parts, min_sqnr_db, oracle_name)


def _wrong(parts: list[_Part], min_sqnr_db: float | None, oracle_name: str) -> str | None:
    """Why the worst batch is not good enough, or None."""

    def excess(part: _Part) -> float:
        """Above 0 where it fails."""
        if min_sqnr_db is None:
            return part.error - part.allowed
        return -math.inf if part.sqnr_db is None else min_sqnr_db - part.sqnr_db

    worst = max(parts, key=excess)
    if not excess(worst) > 0:
        return None
    place = f"verification batch {parts.index(worst) + 1} of {len(parts)}"
    if min_sqnr_db is None:
        return (
            f"{place}: rmse {worst.error:.2g} against the {oracle_name} oracle; a lossless mode "
            f"may have {worst.allowed:.2g} (eager has {worst.eager_error:.2g}; the outputs' rms "
            f"is {worst.signal:.2g})"
        )
    return (
        f"{place}: SQNR {worst.sqnr_db:.1f} dB against the {oracle_name} oracle; "
        f"the mode declares at least {min_sqnr_db:g} dB"
    )


def _check_oracle(oracle: Sequence[np.ndarray], eager: Sequence[np.ndarray]) -> None:
    if not oracle or any(a.size == 0 for a in oracle):
        raise Incomparable("the oracle has no outputs to compare with; give it a batch of inputs")
    if [a.shape for a in oracle] != [a.shape for a in eager]:
        raise Incomparable("the oracle and eager float32 differ in the shape of their outputs")
    if not all(np.isfinite(a).all() for a in (*oracle, *eager)):
        raise Incomparable(
            "the float model itself returns NaN or infinity, so nothing can be compared with it"
        )


def _malformed(outputs: Sequence[np.ndarray], oracle: Sequence[np.ndarray]) -> str | None:
    if len(outputs) != len(oracle):
        return f"expected outputs of {len(oracle)} verification batches, found {len(outputs)}"
    for number, (output, right) in enumerate(zip(outputs, oracle, strict=True), start=1):
        place = f"verification batch {number} of {len(oracle)}"
        if output.shape != right.shape:
            return f"{place}: expected shape {list(right.shape)}, found {list(output.shape)}"
        if bad := int(output.size - np.isfinite(output).sum()):
            return f"{place}: {bad} of {output.size} outputs are NaN or infinite"
    return None


def _part(y: np.ndarray, yhat: np.ndarray, eager: np.ndarray) -> _Part:
    return _Part(_rms(y), _rms(y - yhat), _rms(y - eager))


def _rms(values: np.ndarray) -> float:
    """Scaled by the largest, so that no square overflows or vanishes."""
    largest = float(np.abs(values).max())
    return largest * math.sqrt(float(np.mean(np.square(values / largest)))) if largest else 0.0


def _cosine(y: np.ndarray, yhat: np.ndarray) -> float | None:
    scale, scale_hat = float(np.abs(y).max()), float(np.abs(yhat).max())
    if not scale or not scale_hat:
        return None
    y, yhat = y / scale, yhat / scale_hat
    cosine = float(y @ yhat) / (float(np.linalg.norm(y)) * float(np.linalg.norm(yhat)))
    return min(1.0, max(-1.0, cosine))


def _top1(y: Sequence[np.ndarray], yhat: Sequence[np.ndarray]) -> float:
    same = [a.argmax(axis=-1) == b.argmax(axis=-1) for a, b in zip(y, yhat, strict=True)]
    return float(np.mean(np.concatenate([s.ravel() for s in same])))
