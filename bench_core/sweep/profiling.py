"""Two contenders under their profilers, in turn: apart from every duel."""

from bench_core.analysis.explain.profile import Profile, read, together
from bench_core.duel.contender import BUILD_LIMIT_S, Contender

ORDER = (0, 1, 1, 0)
"""As in a quad: drift of the machine that is linear in time is the same for both sides."""


def profiles(pair: tuple[Contender, Contender]) -> tuple[Profile, Profile]:
    """What runs in the calls of either.

    Raises: Failure where a profiler sees nothing of one; whatever keeps it from answering.
    """
    for contender in pair:
        contender.warm()
    found: tuple[list[Profile], list[Profile]] = ([], [])
    for side in ORDER:
        found[side].append(read(*pair[side].ask("profile", BUILD_LIMIT_S)))
    return together(found[0]), together(found[1])
