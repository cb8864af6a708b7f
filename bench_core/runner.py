"""The model made ready to run by one mode."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np

Inputs = tuple[np.ndarray, ...]
"""One call's inputs, in the order of the model's `input_names`."""


class Loop(Protocol):
    """The timed loop of a model that lives in a process of its own, `pid`."""

    @property
    def pid(self) -> int: ...
    def warm_up(self, feeds: Sequence[Any]) -> float:
        """Call until it stops getting faster → the median of the last calls, in seconds."""

    def block(
        self, feeds: Sequence[Any], samples: int, calls: int
    ) -> tuple[np.ndarray, tuple[int, int]]:
        """One timed block → ns of each sample of `calls` calls, and the canaries around it."""


class Event(NamedTuple):
    """One operator of a call, as a profiler saw it.

    inside: the operator that called it, "" for none; leaf: it calls none itself.
    node: the name that a graph gives it, "" where there is none.
    self_ns: its time without that of the operators that it called.
    """

    operator: str
    inside: str
    leaf: bool
    node: str
    self_ns: int


@dataclass(frozen=True)
class ProfiledCall:
    """What a call took under a profiler, by our own clock, and what ran in it."""

    took_ns: int
    events: list[Event]


@dataclass(frozen=True)
class Profiler:
    """What the calls of a runner can be made under.

    name: as its users know it.
    record: (inputs in rotation, calls, settle) → so many calls, warmed up; `settle` is called
        once the threads are up, to place them.
    """

    name: str
    record: Callable[[Sequence[Inputs], int, Callable[[], object]], list[ProfiledCall]]


@dataclass(frozen=True)
class Runner:
    """A model ready to run. Only `call` is timed.

    feed: inputs → whatever `call` takes (tensors, a dict of arrays, a binding).
    call: **returns when the outputs are ready**, so nobody else synchronises.
    read: what `call` returned → float64 copies (runtimes reuse their output buffers).
    evidence: what the built artefact or the runtime says of itself, asked after a call;
        never what was requested. JSON values only. `analysis/evidence.py` has the keys that
        mean the same in every mode.
    artifact_bytes: what must be shipped to run this.
    artifact_sha256: names the content of what is shipped.
    loop: times the calls where they are made, if that is another process. None: `call` is
        timed in the worker itself.
    profiler: shows what runs in a call. None: PyTorch's does.
    """

    call: Callable[[Any], Any]
    feed: Callable[[Inputs], Any]
    read: Callable[[Any], list[np.ndarray]]
    evidence: Callable[[], dict[str, Any]]
    artifact_bytes: int
    artifact_sha256: str
    loop: Loop | None = None
    profiler: Profiler | None = None
