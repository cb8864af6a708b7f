"""The three arenas of a gate: base, head, and base again for the A/A control."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from bench_core import discover
from bench_core.duel.environment import Environment
from bench_core.errors import Incomparable, Unavailable
from bench_core.gate.trees import Tree
from bench_core.sweep.arena import Arena
from bench_core.sweep.origin import OURS, Origin
from bench_core.sweep.profiles import Request, memory_limit, thread_count

BASE, HEAD, AGAIN = "base", "head", "again"


@dataclass(frozen=True)
class Sides:
    """trees: of base and of head. base_models: its models and their lengths; base_modes: names."""

    base: Arena
    head: Arena
    again: Arena
    trees: tuple[Tree, Tree]
    base_models: Mapping[str, Sequence[int]]
    base_modes: tuple[str, ...]

    def named(self, name: str) -> Arena:
        arena: Arena = getattr(self, name)
        return arena

    def tree(self, name: str) -> Tree:
        return self.trees[name == HEAD]


@contextmanager
def open_sides(
    trees: tuple[Tree, Tree],
    environments: tuple[Environment, Environment],
    request: Request,
    cache: Path,
    slowdown: float = 0.0,
) -> Iterator[Sides]:
    """Arenas over both trees, all processes of which are ended on leaving.

    slowdown: to inject into head. Raises: Incomparable where base's bench_core cannot be spoken to.
    """
    has_own = [(tree.folder / "bench_core").is_dir() for tree in trees]
    if has_own[0] != has_own[1]:  # the one without could find the working tree's
        raise Incomparable("expected a bench_core/ in both revisions or in neither, found one")
    base, head = (_origin(*of_side) for of_side in zip(trees, environments, strict=True))
    threads, limit_bytes = thread_count(request.threads), memory_limit(request.memory_gib)
    arenas = [
        Arena(None, threads, cache, lambda _: None, memory_bytes=limit_bytes, origin=origin)
        for origin in (base, replace(head, slowdown=slowdown), base)
    ]
    try:
        try:
            zygote = arenas[0].begin(("torch",)).await_start()
        except Unavailable as error:
            raise Incomparable(
                f"expected a bench_core in {trees[0].name} that head's worker can use: {error}"
            ) from None
        yield Sides(arenas[0], arenas[1], arenas[2], trees, zygote.models, zygote.modes)
    finally:
        for arena in arenas:
            arena.close()


def check_files(tree: Tree, files: list[str]) -> None:
    """Refuse a contender that imported the working tree's files in place of its own tree's.

    Else a package that is installed from elsewhere could have both sides run the same code.
    Raises: Incomparable, naming the file.
    """
    for file in map(Path, files):
        if file.is_relative_to(tree.folder) or not file.is_relative_to(tree.repository):
            continue
        inside = file.relative_to(tree.repository)
        if (tree.folder / inside).exists():
            raise Incomparable(
                f"expected {tree.name} to import its own {inside}, found that of the working "
                "tree; packages are looked for in the repository's folder and in its src/"
            )


def _origin(tree: Tree, environment: Environment) -> Origin:
    package = tree.folder / "bench_core"
    own = package if package.is_dir() else OURS.package
    given = {
        name: (_place(environment, place), facts)
        for name, (place, facts) in discover.given().items()
    }
    beside = None if package.is_dir() and not given else tree.folder
    return Origin(environment, given, own, beside)


def _place(environment: Environment, place: str) -> str:
    """A file or folder that git does not know is the same one for both sides."""
    if not (environment.folder / place).exists() and Path(place).exists():
        return str(Path(place).resolve())
    return place
