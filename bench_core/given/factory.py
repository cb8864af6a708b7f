"""package.module:factory — the user's own code: it gives a module and example inputs, or a Model.

What it gives is called up twice: once to be described, when example inputs are kept in a file,
and in each process that builds it. A mode that loads a finished artefact then needs neither the
factory nor what it imports.
"""

import importlib
import sys
from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench_core.cache_folder import default_cache
from bench_core.errors import UsageError
from bench_core.model import Model
from bench_core.runner import Inputs
from bench_core.runtimes.torch_state import measure

if TYPE_CHECKING:
    from torch import nn

EXPECTED = "expected a Model, or an nn.Module and a tuple of example inputs (batch first)"


def model(place: str) -> Model:
    """What the factory gives, as a Model.

    Raises: UsageError if there is no such factory, or it gives something else.
    """
    made = _made(place)
    if isinstance(made, Model):
        return made
    module, arrays = _checked(place, made)
    _, sha256 = measure(module)
    kept = default_cache() / "given" / f"{sha256[:24]}.npz"
    kept.parent.mkdir(parents=True, exist_ok=True)
    np.savez(kept, *arrays)
    names = tuple(f"input_{number}" for number in range(len(arrays)))
    code = Path(str(sys.modules[place.partition(":")[0]].__file__))
    return Model(
        name=place.rpartition(":")[2].rpartition(".")[2],
        summary=f"{type(module).__name__} of {place}",
        length_axis="(as in the example)",
        lengths=(1,),
        input_names=names,
        output_name="output",
        dynamic_axes={value: {0: "batch"} for value in (*names, "output")},
        build=lambda: module,
        inputs=partial(_like_the_example, kept),
        files=lambda: (code, kept),
        bound="compute",
        weights="given",
        licence="the user's own",
        source=f"{place}, its state {sha256[:16]}",
    )


def again(place: str, described: Model) -> Model:
    """The Model that was described, ready to be built in this process."""
    if described.weights != "given":
        return model(place)  # a Model says itself how it is built
    kept = described.files()[1]
    return replace(
        described,
        build=lambda: _checked(place, _made(place))[0],
        inputs=partial(_like_the_example, kept),
    )


@cache
def _made(place: str) -> Any:
    """What the factory gives, torch's generator seeded with 0: the same in every process."""
    module, _, path = place.partition(":")
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))  # as `python -m` has it; a command has not
    try:
        found: Any = importlib.import_module(module)
        for name in path.split("."):
            found = getattr(found, name)
    except (ImportError, AttributeError) as error:
        raise UsageError(f"{place}: expected package.module:factory; {error}") from None
    if isinstance(found, Model):
        return found
    if not callable(found):
        raise UsageError(f"{place}: expected a function to call, found {type(found).__name__}")
    if torch := sys.modules.get("torch"):
        torch.manual_seed(0)
    return found()


def _checked(place: str, made: Any) -> tuple["nn.Module", list[np.ndarray]]:
    from torch import Tensor, nn

    module, inputs = made if isinstance(made, tuple) and len(made) == 2 else (made, None)
    inputs = (inputs,) if isinstance(inputs, Tensor | np.ndarray) else inputs
    if not isinstance(module, nn.Module) or not isinstance(inputs, tuple | list) or not inputs:
        raise UsageError(f"{place}: {EXPECTED}, found {_kinds(made)}")
    arrays = [np.asarray(x.detach() if isinstance(x, Tensor) else x) for x in inputs]
    if len({array.shape[:1] for array in arrays}) != 1 or arrays[0].ndim == 0:
        shapes = [array.shape for array in arrays]
        raise UsageError(f"{place}: expected inputs with one batch in front, found {shapes}")
    return module, arrays


def _like_the_example(kept: Path, _length: int, batch: int, seed: int, _padded: bool) -> Inputs:
    """Rows of the example in a random order, the values of each shuffled.

    So shapes and distribution are the example's, and no value is one that it has not.
    """
    rng = np.random.default_rng(seed)
    with np.load(kept, allow_pickle=False) as file:
        arrays = [file[name] for name in file.files]
    rows = rng.integers(len(arrays[0]), size=batch)
    return tuple(
        rng.permuted(array[rows].reshape(batch, -1), axis=1).reshape(batch, *array.shape[1:])
        for array in arrays
    )


def _kinds(made: Any) -> str:
    if isinstance(made, tuple):
        return f"({', '.join(type(part).__name__ for part in made)})"
    return type(made).__name__
