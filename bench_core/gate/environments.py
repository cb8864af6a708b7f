"""What each side runs under: one interpreter for both, unless what they depend on differs."""

import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

from bench_core.duel.environment import Environment
from bench_core.errors import UsageError
from bench_core.gate.trees import Tree
from bench_core.gate.virtual_environment import Lock, installed, path_of
from bench_core.sweep.cache import drop_unused


def environments(
    cache: Path, trees: tuple[Tree, Tree], constraints: str, say: Callable[[str], None]
) -> tuple[Environment, Environment]:
    """For base and head. Where their locks are equal, both run under our own interpreter.

    constraints: the name of the file with pinned versions; a tree need not have one.
    say: told of each that is installed, which can take minutes.
    Raises: BenchError, with pip's last words, if one cannot be installed.
    """
    locks = [_lock(tree, constraints) for tree in trees]
    if locks[0] == locks[1]:
        pythons = [sys.executable] * 2
        paths = [[*sys.path]] * 2
    else:  # then for both: paths are equally long, and neither has what only we installed
        drop_unused((cache / "gate").glob("env-*"))  # each can hold gigabytes
        pythons = [
            installed(cache, lock, tree.name, say) for lock, tree in zip(locks, trees, strict=True)
        ]
        paths = [path_of(python) for python in pythons]
    found = [
        Environment(python, _own_first(tree, path), _same_place(tree))
        for tree, python, path in zip(trees, pythons, paths, strict=True)
    ]
    return found[0], found[1]


def _lock(tree: Tree, constraints: str) -> Lock:
    try:
        project = tomllib.loads((tree.folder / "pyproject.toml").read_text())["project"]
        dependencies = tuple(project.get("dependencies", ()))
    except (FileNotFoundError, KeyError):
        dependencies = ()
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{tree.name}: pyproject.toml is not TOML: {error}") from None
    pinned = tree.folder / constraints
    return Lock(dependencies, pinned.read_text(errors="replace") if pinned.is_file() else "")


def _own_first(tree: Tree, path: list[str]) -> tuple[str, ...]:
    """Where a side looks for modules: what lies in the repository, in its own tree first."""
    found = [tree.folder]
    if (tree.folder / "src").is_dir():
        found.append(tree.folder / "src")
    for entry in path:
        place = Path(entry or Path.cwd()).resolve()
        inside = place.is_relative_to(tree.repository)
        own = tree.folder / place.relative_to(tree.repository) if inside else place
        found.append(own if own.exists() else place)  # a .nox/ is in the repository, not in git
    return tuple(dict.fromkeys(map(str, found)))


def _same_place(tree: Tree) -> Path:
    """Where in the tree we stand in the repository, so that relative names mean the same."""
    place = tree.folder / Path.cwd().resolve().relative_to(tree.repository)
    return place if place.is_dir() else tree.folder
