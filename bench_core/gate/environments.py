"""What each side runs under: one interpreter for both, unless what they depend on differs."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench_core.duel.environment import Environment
from bench_core.errors import BenchError, UsageError
from bench_core.gate.trees import Tree
from bench_core.sweep.cache import drop_unused

_COMPLETE = "complete"
_TOLD = ("torch", "onnxruntime")
_INSTALL_LIMIT_S = 3600


@dataclass(frozen=True)
class Lock:
    """What a tree depends on: its pyproject.toml's dependencies, and the constraints on them."""

    dependencies: tuple[str, ...]
    constraints: str

    @property
    def key(self) -> str:
        what = json.dumps([self.dependencies, self.constraints, sys.version])
        return hashlib.sha256(what.encode()).hexdigest()[:16]


def environments(
    cache: Path, trees: tuple[Tree, Tree], constraints: str, say: Callable[[str], None]
) -> tuple[Environment, Environment]:
    """For base and head. Where their locks are equal, both run under our own interpreter.

    constraints: the name of the file with pinned versions; a tree need not have one.
    Raises: BenchError, with pip's last words, if one cannot be installed.
    """
    locks = [_lock(tree, constraints) for tree in trees]
    if locks[0] == locks[1]:
        pythons = [sys.executable] * 2
        paths = [[*sys.path]] * 2
    else:  # then for both: paths are equally long, and neither has what only we installed
        drop_unused((cache / "gate").glob("env-*"))  # each can hold gigabytes
        pythons = [_installed(cache, lock, say) for lock in locks]
        paths = [_path_of(python) for python in pythons]
    found = [
        Environment(python, _own_first(tree, path), _same_place(tree))
        for tree, python, path in zip(trees, pythons, paths, strict=True)
    ]
    return found[0], found[1]


def described(python: str) -> str:
    """An interpreter by its path, and with its own versions where they are not ours."""
    if python == sys.executable:
        return python
    script = (
        "import importlib.metadata, sys; told = sys.argv[1:]; "
        "print(*(f'{d.name} {d.version}' for d in importlib.metadata.distributions() "
        "if d.name in told), sep=', ')"
    )
    return f"{python}, {_run([python, '-c', script, *_TOLD]).strip()}"


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


def _installed(cache: Path, lock: Lock, say: Callable[[str], None]) -> str:
    """The interpreter of a virtual environment with that lock, made if it is not there yet."""
    folder = cache / "gate" / f"env-{lock.key}"
    python = folder / "bin" / "python"
    if not (folder / _COMPLETE).exists():
        shutil.rmtree(folder, ignore_errors=True)
        say(f"installing {len(lock.dependencies)} dependencies, which differ from base to head")
        _run([sys.executable, "-m", "venv", str(folder)])
        pinned = folder / "constraints.txt"
        pinned.write_text(lock.constraints)
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if lock.dependencies:
            _run([*command, "--constraint", str(pinned), *lock.dependencies])
        (folder / _COMPLETE).touch()
    os.utime(folder)
    return str(python)


def _path_of(python: str) -> list[str]:
    found: list[str] = json.loads(
        _run([python, "-c", "import json, sys; print(json.dumps(sys.path))"])
    )
    return [entry for entry in found if entry]


def _run(command: list[str]) -> str:
    """Raises: BenchError with the end of what it wrote."""
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_INSTALL_LIMIT_S
        )
    except subprocess.TimeoutExpired:
        raise BenchError(f"{' '.join(command[:4])} … took more than an hour") from None
    if done.returncode:
        said = " ".join(done.stderr.split())[-400:]
        raise BenchError(f"{' '.join(command[:4])} … ended with {done.returncode}: {said}")
    return done.stdout
