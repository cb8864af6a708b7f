"""Modes that really do what they are named for, and models that bring the worst out of some."""

import contextlib
import ctypes
import hashlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from bench_core import interpreter
from bench_core.errors import Unavailable, Unsupported
from bench_core.mode import Job, Mode
from bench_core.model import Examples, Task
from bench_core.models.mlp import MLP
from bench_core.modes.eager import EAGER_INFERENCE_MODE
from bench_core.runner import Inputs, Runner

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


def _raise_escapes() -> None:
    raise RuntimeError("\x1b[31mred\x1b]0;title\x07 <script>alert(1)</script>\r\x9b2Kgone\n\u202e")


def _take_all_memory() -> Any:
    """3 GiB, as a runtime would: a piece at a time, each one touched."""
    import torch

    return [torch.ones(1 << 26) for _ in range(12)]


def _take_all_memory_in_ort(job: Job) -> Runner:
    """ONNX Runtime's own arena asked for an output of 2 GiB."""
    import onnx
    import onnxruntime as ort

    node = onnx.helper.make_node("Expand", ["x", "shape"], ["y"])
    shape = onnx.helper.make_tensor("shape", onnx.TensorProto.INT64, [1], [1 << 29])
    graph = onnx.helper.make_graph(
        [node],
        "expands",
        [onnx.helper.make_tensor_value_info("x", onnx.TensorProto.FLOAT, [1])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, None)],
        [shape],
    )
    opsets = [onnx.helper.make_opsetid("", 17)]
    model = onnx.helper.make_model(graph, opset_imports=opsets, ir_version=8)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    one = np.ones(1, np.float32)
    return _faulty(lambda: session.run(None, {"x": one}), 0)(job)


def _die_of_bad_alloc() -> None:
    os.write(2, b"terminate called after throwing an instance of 'std::bad_alloc'\n")
    os.abort()


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


def _leaves_daemon(job: Job) -> Runner:
    """A grandchild in a session of its own: no signal to our process group reaches it."""
    subprocess.run(["setsid", "--fork", "sleep", "987655"], check=True)
    return _eager(job)


def _leaves_thread(job: Job) -> Runner:
    """A thread that computes for ever without holding the GIL, as a runtime's pool may."""
    endless = partial(hashlib.pbkdf2_hmac, "sha256", b"", b"", 2**31 - 1)
    threading.Thread(target=endless, daemon=True).start()
    return _eager(job)


def _stops_reading(job: Job) -> Runner:
    """Alive, and never again at its socket once it has answered: its GIL is gone."""
    runner = _eager(job)
    threading.Timer(0.3, ctypes.PyDLL(None).pause).start()
    return runner


def _chatters(job: Job) -> Runner:
    """Binary junk and escape sequences on stdout and stderr, then death."""
    for fd in (1, 2):
        os.write(fd, bytes(range(256)) * 1000 + b"\x1b[31mred\x1b]0;title\x07")
    return _faulty(lambda: os.abort())(job)


def _answers_junk(job: Job) -> Runner:
    """Writes to every file it finds open, as a stray pointer may: our socket is one."""

    def write_everywhere() -> None:
        for fd in range(3, 256):
            with contextlib.suppress(OSError):
                os.write(fd, b"\xff" * 64)

    return _faulty(write_everywhere)(job)


def _returns(change: Callable[[np.ndarray], Any]) -> Callable[[Job], Runner]:
    """Outputs as `change` makes them of the right ones."""

    def prepare(job: Job) -> Runner:
        runner = _eager(job)
        return replace(runner, read=lambda outputs: [change(one) for one in runner.read(outputs)])

    return prepare


def _dawdles(job: Job) -> Runner:
    def read(outputs: Any) -> Any:
        time.sleep(3)
        return runner.read(outputs)

    runner = _eager(job)
    return replace(runner, read=read)


def _made(**changed: Any) -> Callable[[Job], Runner]:
    return lambda job: replace(_eager(job), **changed)


def _tells(evidence: Callable[[], Any]) -> Callable[[Job], Runner]:
    return lambda job: replace(_eager(job), evidence=evidence)


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
leaves_daemon = _mode("leaves_daemon", _leaves_daemon)
leaves_thread = _mode("leaves_thread", _leaves_thread)
hangs_natively = _mode("hangs_natively", _faulty(lambda: ctypes.PyDLL(None).pause()))
stops_reading = _mode("stops_reading", _stops_reading)
chatters = _mode("chatters", _chatters)
answers_junk = _mode("answers_junk", _answers_junk)
takes_all_memory = _mode("takes_all_memory", _faulty(_take_all_memory, 0))
takes_all_memory_in_ort = _mode("takes_all_memory_in_ort", _take_all_memory_in_ort)
dies_of_bad_alloc = _mode("dies_of_bad_alloc", _faulty(_die_of_bad_alloc))
raises_escapes = _mode("raises_escapes", _faulty(_raise_escapes, 0))
is_nan = _mode("is_nan", _returns(lambda one: one * np.nan))
is_short = _mode("is_short", _returns(lambda one: one[..., :-1]))
is_integer = _mode("is_integer", _returns(lambda one: np.rint(one * 1000).astype(np.int64)))
is_text = _mode("is_text", _returns(lambda one: one.astype(str)))
is_object = _mode("is_object", _returns(lambda one: one.astype(object)))
is_no_array = _mode("is_no_array", _returns(lambda one: None))
dawdles = _mode("dawdles", _dawdles)
tells_nan = _mode("tells_nan", _tells(lambda: {"nodes": float("nan")}))
tells_objects = _mode("tells_objects", _tells(lambda: {"nodes": object()}))
tells_a_list = _mode("tells_a_list", _tells(lambda: ["no", "names"]))
tells_too_much = _mode("tells_too_much", _tells(lambda: {"nodes": "x" * (1 << 28)}))
tells_nothing = _mode("tells_nothing", _tells(lambda: 1 / 0))
judges_badly = replace(_mode("judges_badly", _eager), engaged=lambda evidence: 1 / 0)
judges_in_silence = replace(_mode("judges_in_silence", _eager), engaged=lambda evidence: "")
judges_oddly = replace(_mode("judges_oddly", _eager), engaged=lambda evidence: True)
weighs_nothing = _mode("weighs_nothing", _made(artifact_bytes=None))
has_no_hash = _mode("has_no_hash", _made(artifact_sha256=object()))
lies = replace(_mode("lies", _eager), engaged=lambda evidence: "nothing was done")


def answer_and_leave() -> None:
    """What a fresh interpreter may be asked: its answer, and a child and a daemon left behind."""
    subprocess.Popen(["sleep", "987656"])
    subprocess.run(["setsid", "--fork", "sleep", "987657"], check=True)
    interpreter.answer({"found": 1})


def hang() -> None:
    """Without a Python instruction ever run again."""
    ctypes.PyDLL(None).pause()


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


def _build_mean() -> Any:
    from torch import nn

    class Mean(nn.Module):
        """The mean over the rows that are not masked."""

        def __init__(self) -> None:
            super().__init__()
            self.inner = MLP.build()

        def forward(self, x: Any, mask: Any) -> Any:
            return (self.inner(x) * mask).sum(1) / mask.sum(1)

    return Mean()


def _mean_inputs(length: int, batch: int, seed: int, padded: bool) -> Inputs:
    (rows,) = MLP.inputs(length, batch, seed, padded)
    return rows, np.ones((batch, length, 1), np.float32)


def _pad(mask: float, inputs: Inputs, length: int) -> Inputs:
    rows, kept = inputs
    room = ((0, 0), (0, length - rows.shape[1]), (0, 0))
    return np.pad(rows, room, constant_values=9), np.pad(kept, room, constant_values=mask)


tasked = replace(MLP, name="tasked", task=Task("survival", 1, _examples))
masked = replace(
    MLP,
    name="masked",
    input_names=("x", "mask"),
    dynamic_axes={name: {0: "batch", 1: "length"} for name in ("x", "mask")} | {"y": {0: "batch"}},
    build=_build_mean,
    inputs=_mean_inputs,
    pad=partial(_pad, 0),
)
padding_shows = replace(masked, name="padding_shows", pad=partial(_pad, 1))
by_row = replace(MLP, name="by_row", pad=lambda rows, length: _pad(1, (*rows, rows[0]), length)[:1])
branching = replace(MLP, name="branching", build=_build_branching)

MODES = [name for name, value in globals().items() if isinstance(value, Mode) and name.islower()]
MODELS = ["branching", "tasked", "masked", "padding_shows", "by_row"]
