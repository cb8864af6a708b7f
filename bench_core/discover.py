"""Finds models and modes: those in this package by being there, others by entry point."""

import importlib
import pkgutil
from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points
from types import ModuleType
from typing import TypeVar

import bench_core.models
import bench_core.modes
from bench_core.errors import UsageError
from bench_core.mode import Mode
from bench_core.model import Model

Noun = TypeVar("Noun", Model, Mode)


@cache
def models() -> dict[str, Model]:
    """Every model by name."""
    return {**_inhabitants(bench_core.models, Model), **_plugins("bench_core.models", Model)}


@cache
def modes() -> dict[str, Mode]:
    """Every mode by name."""
    return {**_inhabitants(bench_core.modes, Mode), **_plugins("bench_core.modes", Mode)}


def choose(kind: str, known: dict[str, Noun], names: list[str]) -> list[Noun]:
    """The ones named, in that order.

    Raises: UsageError for a name that is not known, offering the nearest that are.
    """
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=3, cutoff=0.4) or sorted(known)
            raise UsageError(f"no {kind} is called {name!r}; did you mean {', '.join(near)}?")
    return [known[name] for name in names]


def _inhabitants(folder: ModuleType, noun: type[Noun]) -> dict[str, Noun]:
    found: dict[str, Noun] = {}
    for info in pkgutil.iter_modules(folder.__path__, f"{folder.__name__}."):
        for value in vars(importlib.import_module(info.name)).values():
            if isinstance(value, noun) and found.setdefault(value.name, value) is not value:
                raise UsageError(f"{info.name} defines {value.name!r}, which is taken")
    return found


def _plugins(group: str, noun: type[Noun]) -> dict[str, Noun]:
    found: dict[str, Noun] = {}
    for entry in entry_points(group=group):
        value = entry.load()
        if not isinstance(value, noun) or value.name != entry.name:
            raise UsageError(
                f"entry point {entry.name!r} of group {group} must name a {noun.__name__} "
                f"of that name; {entry.value} is {value!r:.80}"
            )
        found[entry.name] = value
    return found
