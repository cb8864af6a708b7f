"""After how many calls a mode's dearer start is paid for."""

from bench_core.record import BreakEven, Ready, Speedup


def break_even(ready: Ready, reference_ready: Ready, speedup: Speedup) -> BreakEven:
    """Extra cold time to ready / saving per call.

    saving = reference_median · (1 - 1 / ratio); its interval is the speed-up's, that of the
    extra time comes from the launches in which imports were measured: once per set of
    frameworks, so two equal ones are the same measurement and cancel. An interval of the
    speed-up wholly at or below 1 means "never", one that holds 1 "unknown". A mode that is
    faster and no later ready pays from the first call: 0.
    """
    if speedup.high <= 1:
        return BreakEven(None, None, None, "never")
    if speedup.low <= 1:
        return BreakEven(None, None, None, "unknown")
    extra_s = ready.cold_s - reference_ready.cold_s
    widths_s = [one.import_half_width_s or 0.0 for one in (ready, reference_ready)]
    unsure_s = 0.0 if ready.import_s == reference_ready.import_s else sum(widths_s)

    def calls(extra_s: float, ratio: float) -> float:
        saving_s = speedup.reference_median_s * (ratio - 1) / ratio
        return max(0.0, extra_s) / saving_s

    return BreakEven(
        value=calls(extra_s, speedup.ratio),
        low=calls(extra_s - unsure_s, speedup.high),
        high=calls(extra_s + unsure_s, speedup.low),
        reason=None,
    )
