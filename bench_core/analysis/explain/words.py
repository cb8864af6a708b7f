"""The answer in one sentence, and the terms that the table and the picture share."""

from collections.abc import Sequence

from bench_core.analysis.explain.difference import Explanation, Part
from bench_core.analysis.explain.scaling import Scaling
from bench_core.analysis.units import MINUS, duration, percent

_WORTH_A_WORD = 0.1
"""Of the largest part; and of those on either side of the balance at most three."""
_MOST = 3


def change(seconds: float) -> str:
    """A difference with its sign.

    >>> change(0.0013), change(-3.5e-4), change(0.0)
    ('+1.30 ms', '−350 µs', '0 s')
    """
    sign = "+" if seconds > 0 else MINUS if seconds < 0 else ""
    return f"{sign}{duration(abs(seconds))}"


def sentence(found: Explanation, a: str, b: str) -> str:
    """Whether B is slower than A, by how much, and on what it saves and pays.

    a, b: what to call them; whoever shows it makes them harmless.
    """
    times = found.times
    low, value, high = times.difference_s.low, times.difference_s.value, times.difference_s.high
    if low <= 0 <= high:
        said = f"{b} takes as long as {a}, as far as the duel can tell"
        bounds = f"{change(low)} to {change(high)}"
    else:
        said = f"{b} is {duration(abs(value))} {'slower' if value > 0 else 'faster'} than {a}"
        bounds = " to ".join(duration(abs(bound)) for bound in sorted((low, high), key=abs))
    balance = _balance(found.parts)
    said = f"{said} ({bounds}){f': it {balance}' if balance else ''}"
    if found.doubtful:
        said = (
            f"{duration(abs(found.unexplained_s))} of what follows is unexplained, the profiles "
            f"do not agree with the duel: {said}"
        )
    return said


def _balance(parts: Sequence[Part]) -> str:
    """As in: saves 1.1 ms in matrix products and pays 1.3 ms for quantising."""
    ordered = sorted(parts, key=lambda part: -abs(part.difference_s))
    least_s = _WORTH_A_WORD * abs(ordered[0].difference_s) if ordered else 0.0
    worth = [part for part in ordered if part.difference_s and abs(part.difference_s) >= least_s]
    sides = (
        ("saves", [part for part in worth if part.difference_s < 0][:_MOST]),
        ("pays", [part for part in worth if part.difference_s > 0][:_MOST]),
    )
    return " and ".join(f"{verb} {_listed(chosen)}" for verb, chosen in sides if chosen)


def _listed(parts: Sequence[Part]) -> str:
    return ", ".join(f"{duration(abs(part.difference_s))} {part.name}" for part in parts)


def bare(name: str) -> str:
    """A part's name without the word that fits it into the sentence.

    >>> bare("in matrix products"), bare("for copies and casts"), bare("encoder/layer.0")
    ('matrix products', 'copies and casts', 'encoder/layer.0')
    """
    return name.removeprefix("in ").removeprefix("for ")


def scaled(name: str, found: Scaling) -> str:
    """What a mode, called so, loses to its threads; whoever shows it makes the name harmless."""
    lost, share = found.lost_s, found.lost_s.value / found.all_s
    return (
        f"{name}: {duration(found.one_s)} on 1 thread, {duration(found.all_s)} on {found.threads}; "
        f"{change(lost.value)} ({change(lost.low)} to {change(lost.high)}), {percent(share)} of "
        "it, is serial work and imperfect scaling"
    )
