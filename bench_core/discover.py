"""Finds models and modes: those in this package by being there, others by entry point.

A model may also be given by its place: see bench_core/given.
"""

import importlib
import pkgutil
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import Any, TypeVar

import bench_core.models
import bench_core.modes
from bench_core.errors import UsageError
from bench_core.given import places
from bench_core.mode import Mode
from bench_core.model import Model

Noun = TypeVar("Noun", Model, Mode)


@cache
def models() -> dict[str, Model]:
    """Every model by name."""
    return _together("models", _inhabitants(bench_core.models, Model), Model)


@cache
def modes() -> dict[str, Mode]:
    """Every mode by name."""
    return _together("modes", _inhabitants(bench_core.modes, Mode), Mode)


_places: dict[str, tuple[str, dict[str, Any]]] = {}
_given: dict[str, Model] = {}


def model(name: str) -> Model:
    """The model of that name: one of `models`, or one that was given."""
    if name in _places and name not in _given:
        _given[name] = places.load(*_places[name])
    return _given.get(name) or models()[name]


def give(by_name: Mapping[str, tuple[str, dict[str, Any]]]) -> None:
    """Take over models that were given to another process; each is loaded when asked for."""
    _places.update(by_name)


def given() -> dict[str, tuple[str, dict[str, Any]]]:
    """By name, the place of each model that was given, and its facts."""
    return dict(_places)


def resolve(text: str) -> Model:
    """The model that a user asks for by name or by place.

    A place is looked at in an interpreter of its own: ours imports no framework, and the model
    returned knows its facts but cannot be built here.
    Raises: UsageError for what is neither, or holds no model.
    """
    if text in models() or not places.is_place(text):
        return choose("model", models(), [text])[0]
    described = places.describe(text)
    name = described.name
    if name in models() or (name in _places and _places[name][0] != text):
        raise UsageError(f"{text} gives a model called {name!r}, which is taken; rename it")
    _places[name] = text, places.to_json(described)
    _given[name] = described
    return described


def choose(kind: str, known: dict[str, Noun], names: list[str]) -> list[Noun]:
    """The ones named, in that order.

    Raises: UsageError for a name that is not known, offering the nearest that are.
    """
    for name in names:
        if name not in known:
            near = get_close_matches(name, known, n=3, cutoff=0.4)
            hint = f"did you mean {', '.join(near)}?" if near else f"there are {', '.join(known)}"
            raise UsageError(f"no {kind} is called {name!r}; {hint}")
    return [known[name] for name in names]


def _inhabitants(folder: ModuleType, noun: type[Noun]) -> dict[str, Noun]:
    found: dict[str, Noun] = {}
    for info in pkgutil.iter_modules(folder.__path__, f"{folder.__name__}."):
        for value in vars(importlib.import_module(info.name)).values():
            if isinstance(value, noun) and found.setdefault(value.name, value) is not value:
                raise UsageError(f"{info.name} defines {value.name!r}, which is taken")
    return found


def _together(kind: str, ours: dict[str, Noun], noun: type[Noun]) -> dict[str, Noun]:
    """Ours, and those that other packages offer under names that are free."""
    group = f"bench_core.{kind}"
    found = dict(ours)
    for entry in entry_points(group=group):
        try:
            value = entry.load()
        except Exception as error:  # the package is not ours: its import may raise anything
            said = f"{type(error).__name__}: {error}".splitlines()[0]
            raise UsageError(
                f"entry point {entry.name!r} of group {group} does not load {entry.value} "
                f"({said}); {_distribution(entry)}"
            ) from error
        if not isinstance(value, noun) or value.name != entry.name:
            raise UsageError(
                f"entry point {entry.name!r} of group {group} must name a {noun.__name__} "
                f"of that name; {entry.value} is {value!r:.80}; {_distribution(entry)}"
            )
        if found.setdefault(entry.name, value) is not value:
            raise UsageError(
                f"entry point {entry.name!r} of group {group} has a name that is taken; "
                f"{_distribution(entry)}"
            )
    return found


def _distribution(entry: EntryPoint) -> str:
    """Which distribution an entry point came with, and how to be rid of it."""
    name = entry.dist.name if entry.dist else "?"
    return f"it came with {name}: mend that, or pip uninstall {name}"
