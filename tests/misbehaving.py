"""Modes that really do what they are named for, and models that bring the worst out of some."""

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from bench_core.errors import Unavailable, Unsupported
from bench_core.mode import Job, Mode
from bench_core.model import Examples, Task
from bench_core.models.mlp import MLP
from bench_core.modes.eager import EAGER_INFERENCE_MODE
from bench_core.runner import Runner

AFTER_CALLS = 40
"""A fault in the middle of a duel: the cell has been built and verified by then."""


def _eager(job: Job) -> Runner:
    return EAGER_INFERENCE_MODE.prepare(job)


def _faulty(fault: Callable[[], Any], after_calls: int = AFTER_CALLS) -> Callable[[Job], Runner]:
    """Eager, until so many calls have been made."""

    def prepare(job: Job) -> Runner:
        runner = _eager(job)
        left = after_calls

        def call(feed: Any) -> Any:
            nonlocal left
            left -= 1
            if left < 0:
                fault()
            return runner.call(feed)

        return replace(runner, call=call)

    return prepare


def _raise() -> None:
    raise RuntimeError("the kernel refused [bold]all[/bold] of it")


def _mode(name: str, prepare: Callable[[Job], Runner], **changed: Any) -> Mode:
    return replace(
        EAGER_INFERENCE_MODE,
        name=name,
        family="misbehaving",
        prepare=prepare,
        engaged=lambda evidence: None,
        **changed,
    )


def _wrong(job: Job) -> Runner:
    runner = _eager(job)
    return replace(runner, read=lambda outputs: [one * 1.001 for one in runner.read(outputs)])


def _low_precision(job: Job) -> Runner:
    """One layer's weight rounded to bfloat16: what a lossless mode must not do."""
    import torch

    weight = next(p for p in job.module.parameters() if p.dim() == 2)
    with torch.no_grad():
        weight.copy_(weight.to(torch.bfloat16).to(torch.float32))
    return _eager(job)


def _turns_wrong(job: Job) -> Runner:
    """Right at first, and wrong once it has been timed."""
    runner = _eager(job)
    calls = 0

    def call(feed: Any) -> Any:
        nonlocal calls
        calls += 1
        return runner.call(feed)

    def read(outputs: Any) -> Any:
        return [one + (calls > AFTER_CALLS) for one in runner.read(outputs)]

    return replace(runner, call=call, read=read)


def _twice(job: Job) -> Runner:
    runner = _eager(job)

    def call(feed: Any) -> Any:
        runner.call(feed)
        return runner.call(feed)

    return replace(runner, call=call)


def _unsupported(job: Job) -> Runner:
    raise Unsupported("this model has no ears")


def _unavailable(job: Job) -> Runner:
    raise Unavailable("this machine has no ears")


def _leaves_child(job: Job) -> Runner:
    subprocess.Popen(["sleep", "987654"])
    return _eager(job)


segfaults = _mode("segfaults", _faulty(lambda: ctypes.string_at(0)))
hangs = _mode("hangs", _faulty(lambda: time.sleep(10_000)))
raises = _mode("raises", _faulty(_raise))
exits = _mode("exits", _faulty(lambda: os._exit(3)))
is_killed = _mode("is_killed", _faulty(lambda: os.kill(os.getpid(), signal.SIGKILL)))
runs_out = _mode("runs_out", _faulty(lambda: bytearray(1 << 60)))
is_wrong = _mode("is_wrong", _wrong)
turns_wrong = _mode("turns_wrong", _turns_wrong)
low_precision = _mode("low_precision", _low_precision)
runs_twice = _mode("runs_twice", _twice)
is_unsupported = _mode("is_unsupported", _unsupported)
is_unavailable = _mode("is_unavailable", _unavailable)
leaves_child = _mode("leaves_child", _leaves_child)
lies = replace(_mode("lies", _eager), engaged=lambda evidence: "nothing was done")


def _build_branching() -> Any:
    from torch import nn

    class Branching(nn.Module):
        """Control flow that depends on the data: tracing keeps the one branch it saw."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = MLP.build()

        def forward(self, x: Any) -> Any:
            y = self.inner(x)
            return y if x.sum() > self.threshold else -y

        threshold = 0.0

    return Branching()


def _examples() -> Examples:
    """600 items that cannot be told wrong: a task must have that many to clear a mode."""
    batches = [MLP.inputs(1, 100, seed, False) for seed in range(6)]
    expected = np.zeros(600, np.int64)
    return Examples(batches, expected, lambda outputs: 0 * np.concatenate(outputs)[:, 0, 0], "none")


tasked = replace(MLP, name="tasked", task=Task("survival", 1, _examples))
branching = replace(MLP, name="branching", build=_build_branching)

MODES = [name for name, value in globals().items() if isinstance(value, Mode) and name.islower()]
MODELS = ["branching", "tasked"]
