"""Contenders under their profilers, apart from every duel."""

from bench_core.analysis.explain.profile import Profile, read, together
from bench_core.duel.contender import BUILD_LIMIT_S, Contender

ORDER = (0, 1, 1, 0)
"""As in a quad: drift of the machine that is linear in time is the same for both sides."""


def profile(contender: Contender) -> Profile:
    """What runs in its calls, once.

    Raises: Failure where a profiler sees nothing of it; whatever keeps it from answering.
    """
    return read(*contender.ask("profile", BUILD_LIMIT_S))


def profiles(pair: tuple[Contender, Contender]) -> tuple[Profile, Profile]:
    """What runs in the calls of either, profiled in turn. Raises: as `profile`."""
    for contender in pair:
        contender.warm()
    found: tuple[list[Profile], list[Profile]] = ([], [])
    for side in ORDER:
        found[side].append(profile(pair[side]))
    return together(found[0]), together(found[1])
