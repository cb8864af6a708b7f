"""The model made ready to run by one mode."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Inputs = tuple[np.ndarray, ...]
"""One call's inputs, in the order of the model's `input_names`."""


@dataclass(frozen=True)
class Runner:
    """A model ready to run. Only `call` is timed.

    feed: inputs → whatever `call` takes (tensors, a dict of arrays, a binding).
    call: **returns when the outputs are ready**, so nobody else synchronises.
    read: what `call` returned → float64 copies (runtimes reuse their output buffers).
    evidence: what the built artefact or the runtime says of itself, asked after a call;
        never what was requested. JSON values only.
    artifact_bytes: what must be shipped to run this.
    artifact_sha256: names the content of what is shipped.
    """

    call: Callable[[Any], Any]
    feed: Callable[[Inputs], Any]
    read: Callable[[Any], list[np.ndarray]]
    evidence: Callable[[], dict[str, Any]]
    artifact_bytes: int
    artifact_sha256: str
