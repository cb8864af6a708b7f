"""What a measurement depends on, as short keys: another key, and it is measured again."""

import hashlib
import json
import os
import platform
import subprocess
from collections.abc import Iterable
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import bench_core
from bench_core import discover
from bench_core.errors import BenchError
from bench_core.hardware import cpu, memory

_PACKAGE = Path(bench_core.__file__).parent
_MAKING = (
    "models",
    "given",
    "modes",
    "runtimes",
    "quantization",
    "fusion",
    "onnx_graph",
    "mode.py",
    "model.py",
    "runner.py",
)
"""What decides how an artefact is built; the rest decides only how it is measured."""

_DISTRIBUTIONS = (
    "torch",
    "torchao",
    "bitsandbytes",
    "onnxruntime",
    "onnx",
    "onnx-ir",
    "onnxscript",
    "transformers",
    "tokenizers",
    "safetensors",
    "scikit-learn",
    "numpy",
    "scipy",
    "pytest",
    "pytest-benchmark",
)
_BINDING = ("OMP_", "KMP_", "MKL_", "ONEDNN_", "OPENBLAS_", "MALLOC_", "LD_PRELOAD")
"""Prefixes of the environment variables that a runtime reads when it is imported."""


@cache
def versions() -> dict[str, str]:
    """Of everything that can change a number. What is not installed is left out."""
    found = {"python": platform.python_version()}
    for name in _DISTRIBUTIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@cache
def machine() -> dict[str, Any]:
    """What the numbers hold for."""
    return {
        "cpu": cpu.facts(),
        "memory_bytes": memory.total_bytes(),
        "system": f"{platform.system()} {platform.release()}",
    }


def environment() -> dict[str, str]:
    """The variables that bind when a runtime is imported: the same for both sides of a duel."""
    return {name: value for name, value in os.environ.items() if name.startswith(_BINDING)}


@cache
def git() -> dict[str, Any] | None:
    """Revision of the repository we stand in, and whether it has changes; None outside of one."""
    try:
        revision = _git("rev-parse", "HEAD")
        return {"revision": revision, "dirty": bool(_git("status", "--porcelain"))}
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(*arguments: str) -> str:
    return subprocess.run(
        ["git", *arguments], capture_output=True, text=True, check=True, timeout=10
    ).stdout.strip()


@cache
def making_key(
    model: str, package: Path = _PACKAGE, beside: Path | None = None, python: str | None = None
) -> str:
    """Names what artefacts of that model are made from, and the machine that they are made for.

    package: the bench_core that makes them. beside: a folder whose Python files do too.
    python: the interpreter that they are made under, whose versions differ from ours.
    """
    return _key(
        _sources(package, _MAKING),
        _hash_files(sorted(beside.rglob("*.py"))) if beside else None,
        python,
        discover.model(model).source,
        _weights(model),
        versions(),
        machine()["cpu"],
    )


@cache
def measuring_key(model: str, settings: tuple[Any, ...]) -> str:
    """Names all that a record depends on: the same key, and it need not be measured again."""
    return _key(
        _sources(_PACKAGE, ("",)),
        discover.model(model).source,
        _weights(model),
        versions(),
        machine(),
        environment(),
        settings,
    )


def _weights(model: str) -> str:
    """What its files hold; where they are not to be had, why, which its cells will say too."""
    try:
        return _hash_files(discover.model(model).files())
    except BenchError as error:
        return str(error)


def _sources(package: Path, parts: tuple[str, ...]) -> str:
    """Of all files: a runner in C++ and weights make a difference as code in Python does."""
    files: list[Path] = []
    for part in parts:
        place = package / part
        files += sorted(place.rglob("*")) if place.is_dir() else [place]
    return _hash_files(file for file in files if file.is_file() and file.suffix != ".pyc")


def _hash_files(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _key(*parts: Any) -> str:
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
