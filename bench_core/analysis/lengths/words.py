"""What a study of lengths says in sentences."""

from collections.abc import Iterator

from bench_core.analysis.lengths.flip import BY_THE_FIT, CONFIRMED, Flip
from bench_core.analysis.lengths.result import CompilePass, LengthsResult
from bench_core.analysis.units import duration, times, visible


def flips(result: LengthsResult) -> Iterator[str]:
    """A line per flip; or, where curves were compared, that there is none."""
    for flip in result.flips:
        yield visible(_flip(flip, result.axis))
    curves = result.curves()
    if len(curves) > 1 and not result.flips and not result.interrupted:
        shortest, longest = result.lengths[0], result.lengths[-1]
        yield visible(f"by the fits no two change places between {shortest} and {longest}")


def _flip(flip: Flip, axis: str) -> str:
    said = f"{flip.first} beats {flip.second} below {flip.length:.0f} {axis} by the fits"
    if flip.meetings:
        duels = ", ".join(
            f"at {one.length} {times(one.speedup.ratio, one.speedup.low, one.speedup.high)}"
            for one in flip.meetings
        )
        said += f"; {flip.verdict}: {duels}" if flip.verdict != BY_THE_FIT else f"; duels: {duels}"
    if flip.verdict == CONFIRMED:
        below, above = flip.bracket
        said += f"; they change places between {below} and {above}"
    return f"{said}; {flip.reason}" if flip.reason else said


def fastest(result: LengthsResult) -> Iterator[str]:
    """One sentence, where curves were compared: what a user of some length would run."""
    if len(result.curves()) > 1:
        said = ", ".join(
            f"{mode} from {start:.0f} to {end:.0f}" for mode, start, end in result.fastest()
        )
        yield visible(f"Fastest by the fits, in {result.axis}: {said}.")


def compile_passes(result: LengthsResult) -> Iterator[str]:
    """A line per way of asking torch.compile."""
    for one in result.compile_passes:
        yield visible(_pass(one, result.axis))


def _pass(one: CompilePass, axis: str) -> str:
    if one.reason:
        return f"{one.name}: {one.reason}"
    frames = sum(call.frames for call in one.calls)
    again = sum(len(call.recompiles) for call in one.calls)
    most = max(call.graphs_run for call in one.calls)
    seconds = sum(call.seconds for call in one.calls)
    said = f"{one.name}: {frames} frame{'s' if frames != 1 else ''} compiled, "
    said += f"{again or 'none'} of them again; {duration(seconds)} in all"
    for call in one.calls:
        if call.recompiles:
            reason = call.recompiles[0].partition("\n")[0]
            said += f"; at {call.length} {axis} again, {duration(call.seconds)}: {reason}"
        if call.graphs_run < max(most, 1):
            said += f"; at {call.length} {axis} {call.graphs_run or 'no'} compiled graph ran"
            said += f", of {most}: recompile limit {one.limit}" if most else ""
    return said
