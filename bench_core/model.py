"""A model that can be swept, and the real task it is judged by."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bench_core.runner import Inputs

if TYPE_CHECKING:
    from torch import nn


@dataclass(frozen=True)
class Examples:
    """A task's data, ready to run.

    batches: inputs, to be run in this order.
    expected: what is right, one integer per item (a class, or the index of the body sought).
    predict: the batches' outputs, in order → one integer per item.
    corpus_sha256: names the data.
    """

    batches: list[Inputs]
    expected: np.ndarray
    predict: Callable[[list[np.ndarray]], np.ndarray]
    corpus_sha256: str


@dataclass(frozen=True)
class Task:
    """A real task with a real metric: the share of items whose prediction is the expected one.

    length: the length it runs at, in the model's own unit.
    macro: also report precision, recall and F1, averaged over classes.
    """

    name: str
    length: int
    load: Callable[[], Examples]
    macro: bool = False


@dataclass(frozen=True)
class Calibration:
    """What a quantiser takes its ranges from.

    batches: inputs, none of which is timed, verified on, or an item of the task.
    source: whether they are of the task's kind, or the model's random inputs.
    """

    batches: list[Inputs]
    source: Literal["task-like", "random inputs"]

    def facts(self) -> dict[str, Any]:
        """For the evidence of whoever was calibrated with them."""
        return {"source": self.source, "items": sum(len(batch[0]) for batch in self.batches)}


@dataclass(frozen=True)
class Model:
    """A model that can be swept.

    build: the float32 CPU module **as its loader leaves it** (train or eval). It takes the
        inputs as positional tensors and returns one tensor, batch first.
    inputs: (length, batch, seed, padded) → arrays. Padded ones carry padding where the
        model knows such a thing (of differing amounts where batch > 1).
    input_names, dynamic_axes: as ONNX export wants them, e.g. {"input_ids": {0: "batch"}}.
    frameworks: modules that `build` imports besides torch.
    bound: what limits a call, the class in which launch-to-launch spread is pooled.
    files: what the weights are read from (hashed, so a change is noticed).
    weights: "real", "random" or "given" (a user's own: not ours to say); `source` says whence.
    reference: the mode that the others are timed against, unless the user names another.
    calibration: inputs of the task's own kind, in batches, none of which it judges by. None: a
        job calibrates with random `inputs`, and says so.
    onnx: a graph in a file, where that is all there is: `build` is then Unsupported.
    fixed_batch: the one batch it takes. None: any.
    pad: (inputs, length) → the same and, at their end, masked padding up to that length, which
        changes no output of what they held. None: the model knows no padding.
    """

    name: str
    summary: str
    length_axis: str
    lengths: tuple[int, ...]
    input_names: tuple[str, ...]
    output_name: str
    dynamic_axes: dict[str, dict[int, str]]
    build: "Callable[[], nn.Module]"
    inputs: Callable[[int, int, int, bool], Inputs]
    files: Callable[[], tuple[Path, ...]]
    bound: Literal["compute", "memory", "dispatch"]
    weights: Literal["real", "random", "given"]
    licence: str
    source: str
    frameworks: tuple[str, ...] = ()
    task: Task | None = None
    calibration: Callable[[], list[Inputs]] | None = None
    reference: str = "eager_inference_mode"
    onnx: Path | None = None
    fixed_batch: int | None = None
    pad: Callable[[Inputs, int], Inputs] | None = None
