"""What the judging wing reads of a session; the rest of it is for people and machines to keep."""

from dataclasses import dataclass
from typing import Any

from bench_core.errors import UsageError


@dataclass(frozen=True)
class NoiseFloor:
    """Of one class of models, from A/A duels: how far identical programs seem to differ.

    sd: of the launch values seen, None without any. pooled_sd: with the prior, as it enters
    every interval.
    """

    launches: int
    sd: float | None
    pooled_sd: float


@dataclass(frozen=True)
class Facts:
    """What is known of a session; what it does not say is empty.

    length_axes, places: by model; only a model of the user's own was given by its place.
    """

    machine: str
    threads: int | None
    versions: dict[str, str]
    revision: str
    noise: dict[str, NoiseFloor]
    length_axes: dict[str, str]
    places: dict[str, str]
    warnings: tuple[str, ...]


def facts(session: dict[str, Any]) -> Facts:
    """Read a session, whose keys may all be missing.

    machine.cpu.model, machine.cpu.usable_cores (a list), threads, versions (name → version),
    git.revision, git.dirty, aa (class → launches, sd, pooled_sd), models (name →
    length_axis, place), warnings.
    Raises: UsageError, naming the key, where one is there and is not what it should be.
    """
    git = _get(session, "git", dict, {})
    revision = _get(git, "revision", str, "")[:10]
    noise = _get(session, "aa", dict, {})
    models = _get(session, "models", dict, {})
    threads = _get(session, "threads", int, 0)
    return Facts(
        machine=_machine(_get(session, "machine", dict, {})),
        threads=threads or None,
        versions={name: str(v) for name, v in _get(session, "versions", dict, {}).items()},
        revision=f"{revision}, dirty" if revision and _get(git, "dirty", bool, False) else revision,
        noise={name: _noise(of_class, name) for name, of_class in noise.items()},
        length_axes={name: _of_model(model, name, "length_axis") for name, model in models.items()},
        places={
            name: place
            for name, model in models.items()
            if (place := _of_model(model, name, "place"))
        },
        warnings=tuple(str(text) for text in _get(session, "warnings", list, [])),
    )


def _machine(machine: dict[str, Any]) -> str:
    cpu = _get(machine, "cpu", dict, {})
    cores = len(_get(cpu, "usable_cores", list, []))
    counted = f"{cores} core{'s' if cores != 1 else ''}" if cores else ""
    known = [_get(cpu, "model", str, ""), counted]
    return ", ".join(part for part in known if part)


def _noise(data: Any, name: str) -> NoiseFloor:
    if not isinstance(data, dict):
        raise UsageError(f"session.aa.{name}: expected an object, found {data!r:.40}")
    sd, pooled_sd = _get(data, "sd", float, None), _get(data, "pooled_sd", float, 0.0)
    return NoiseFloor(_get(data, "launches", int, 0), sd, pooled_sd)


def _of_model(data: Any, name: str, key: str) -> str:
    if not isinstance(data, dict):
        raise UsageError(f"session.models.{name}: expected an object, found {data!r:.40}")
    text: str = _get(data, key, str, "")
    return text


def _get(data: dict[str, Any], key: str, kind: type, default: Any) -> Any:
    value = data.get(key)
    if value is None:
        return default
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise UsageError(f"session {key!r}: expected {kind.__name__}, found {value!r:.40}")
    return value
