"""What a place holds: found out in an interpreter of its own, and loaded where it runs.

Nothing in a directory or an .onnx file is trusted: no pickle is read and no code of theirs is
run. A factory is the user's own code, and is.
"""

from functools import cache
from pathlib import Path
from typing import Any

from bench_core.errors import BenchError, Unsupported, UsageError, WorkerCrashed, WorkerTimeout
from bench_core.given import directory, factory, onnx_file
from bench_core.interpreter import answer, ask
from bench_core.model import Model, Task

LIMIT_S = 300.0
"""Importing a user's code and reading gigabytes of weights can take its time."""


def is_place(text: str) -> bool:
    """Whether a model is asked for by its place rather than its name."""
    return any((":" in text, text.endswith(".onnx"), "/" in text, Path(text).is_dir()))


def load(place: str, facts: dict[str, Any] | None = None) -> Model:
    """The model at `place`, ready to be built in this process.

    facts: what `to_json` gave of it, if it was described before.
    Raises: UsageError if there is none, or it may not be read.
    """
    path = Path(place)
    if place.endswith(".onnx"):
        return onnx_file.model(_existing(path))
    if path.exists() or ":" not in place:
        return directory.model(_existing(path))
    return factory.again(place, _from_json(facts)) if facts else factory.model(place)


def _existing(path: Path) -> Path:
    if not path.exists():
        raise UsageError(
            f"expected a model at {path}, found nothing there; a model is given by its name, "
            "as package.module:factory, as a DIRECTORY (transformers), or as a FILE.onnx"
        )
    return path.resolve()


@cache
def describe(place: str) -> Model:
    """The facts of the model at `place`; building it or making its inputs is for others.

    Raises: UsageError, in one line, for whatever is wrong with it.
    """
    try:
        found = ask("bench_core.given.places:main", place, limit_s=LIMIT_S)
    except (WorkerCrashed, WorkerTimeout) as error:
        raise UsageError(f"{place} could not be looked at: {error}") from None
    if problem := found.get("error"):
        raise UsageError(problem)
    return _from_json(found)


def main(place: str) -> None:
    """The interpreter of `describe`."""
    try:
        found = to_json(load(place))
    except BenchError as error:
        found = {"error": str(error)}
    except Exception as error:  # noqa: BLE001  (a user's code may raise anything)
        found = {"error": f"{place}: {type(error).__name__}: {str(error).strip()}"}
    answer(found)


_CALLABLES = ("build", "inputs", "files", "task", "calibration", "pad")


def to_json(model: Model) -> dict[str, Any]:
    """All of it but its functions."""
    task = model.task
    facts = {name: value for name, value in vars(model).items() if name not in _CALLABLES}
    if model.pad is not None:
        facts["pad"] = True  # else absent: a base from before there was one reads it too
    return facts | {
        "onnx": model.onnx and str(model.onnx),
        "files": [str(file) for file in model.files()],
        "task": task and {name: getattr(task, name) for name in ("name", "length", "macro")},
        "dynamic_axes": [[name, list(axes.items())] for name, axes in model.dynamic_axes.items()],
    }


def _from_json(found: dict[str, Any]) -> Model:
    facts = dict(found)
    files, task = tuple(map(Path, facts.pop("files"))), facts.pop("task")
    pad = _elsewhere if facts.pop("pad", False) else None
    facts |= {name: tuple(facts[name]) for name in ("lengths", "input_names", "frameworks")}
    facts["dynamic_axes"] = {name: dict(axes) for name, axes in facts["dynamic_axes"]}
    facts["onnx"] = facts["onnx"] and Path(facts["onnx"])
    return Model(
        **facts,
        build=_elsewhere,
        inputs=_elsewhere,
        files=lambda: files,
        task=task and Task(**task, load=_elsewhere),
        pad=pad,
    )


def _elsewhere(*_: Any) -> Any:
    raise Unsupported("a given model is built in a worker, and nowhere else")
