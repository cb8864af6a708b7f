"""The network against NumPy, what serves every length, and what int8 buys and costs."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bench_core.models import digits
from bench_core.models.digits_lstm import DIGITS_LSTM
from bench_core.modes.eager import EAGER_INFERENCE_MODE
from bench_core.modes.int8 import INT8_DYNAMIC
from bench_core.modes.ort import ORT_ALL_ONLINE
from bench_core.modes.ort_int8 import ORT_INT8_DYNAMIC
from bench_core.runner import Runner
from bench_core.runtimes import oracle
from tests.modes.small import job

EPSILON = np.finfo(np.float32).eps


def sigmoid(x: np.ndarray) -> np.ndarray:
    y: np.ndarray = 1 / (1 + np.exp(-x))
    return y


def by_numpy(state: dict[str, np.ndarray], rows: np.ndarray) -> np.ndarray:
    """The formulas of PyTorch's LSTM and of the minimal gated unit, in float64."""
    hidden = cell = np.zeros((len(rows), 128))
    outputs = []
    for step in np.moveaxis(rows, 1, 0).astype(np.float64):
        gates = step @ state["lstm.weight_ih_l0"].T + state["lstm.bias_ih_l0"]
        gates = gates + hidden @ state["lstm.weight_hh_l0"].T + state["lstm.bias_hh_l0"]
        take, keep, new, show = np.split(gates, 4, axis=1)
        cell = sigmoid(keep) * cell + sigmoid(take) * np.tanh(new)
        hidden = sigmoid(show) * np.tanh(cell)
        outputs.append(hidden)
    bounds = [len(outputs) * part // 4 for part in range(5)]
    last = np.zeros((len(rows), 32))
    for start, stop in pairwise(bounds):
        mean = np.mean(outputs[start:stop], axis=0)
        both = np.concatenate((mean, last), axis=1)
        forget = sigmoid(both @ state["cell.forget"] + state["cell.forget_bias"])
        both = np.concatenate((mean, forget * last), axis=1)
        proposed = np.tanh(both @ state["cell.propose"] + state["cell.propose_bias"])
        last = (1 - forget) * last + forget * proposed
    logits: np.ndarray = last @ state["classify.weight"].T + state["classify.bias"]
    return logits


@settings(max_examples=15, deadline=None)
@given(st.integers(4, 40), st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_the_float64_oracle_is_what_numpy_computes(length: int, batch: int, seed: int) -> None:
    module = DIGITS_LSTM.build()
    (rows,) = DIGITS_LSTM.inputs(length, batch, seed, False)
    state = {name: value.double().numpy() for name, value in module.state_dict().items()}
    (exact,), name, below = oracle.run(module, [(rows,)])
    assert (name, below) == ("float64", [])
    # Sums of 136 products of order 1, up to 44 in a row, in float64: some 1e-13.
    np.testing.assert_allclose(exact, by_numpy(state, rows), rtol=0, atol=1e-11)


def test_the_shipped_weights_read_97_percent_of_900_held_out_digits() -> None:
    assert DIGITS_LSTM.task is not None
    assert DIGITS_LSTM.task.macro
    data = DIGITS_LSTM.task.load()
    module = DIGITS_LSTM.build().eval()
    with torch.inference_mode():
        outputs = [module(torch.from_numpy(rows)).numpy() for (rows,) in data.batches]
    assert len(data.expected) == 900
    assert (data.predict(outputs) == data.expected).mean() >= 0.97


def test_the_weights_file_is_under_a_megabyte_and_mostly_the_lstm_s() -> None:
    assert digits.weights("digits_lstm").stat().st_size < 1_000_000
    module = DIGITS_LSTM.build()
    sizes = {name: value.numel() for name, value in module.state_dict().items()}
    lstm = sum(size for name, size in sizes.items() if name.startswith("lstm"))
    assert lstm > 0.8 * sum(sizes.values())


def test_it_comes_in_train_mode_as_a_module_does() -> None:
    assert all(part.training for part in DIGITS_LSTM.build().modules())


@pytest.mark.parametrize("how", ["trace", "script"])
@pytest.mark.filterwarnings(r"ignore:`torch\.jit\..*:DeprecationWarning")
@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@pytest.mark.filterwarnings("ignore:.* is deprecated:FutureWarning")
def test_a_trace_and_a_script_serve_every_length_and_batch(how: str) -> None:
    module = DIGITS_LSTM.build().eval()
    (example,) = map(torch.from_numpy, DIGITS_LSTM.inputs(8, 2, 0, False))
    with torch.no_grad():
        make = (
            torch.jit.script if how == "script" else lambda given: torch.jit.trace(given, example)
        )
        made = make(module)
        for length, batch in ((4, 1), (5, 3), (30, 2), (64, 1)):
            (x,) = map(torch.from_numpy, DIGITS_LSTM.inputs(length, batch, 1, False))
            # The same operators in the same order; logits below 16.
            assert (made(x) - module(x)).abs().max() <= 16 * EPSILON


def right_of(runner: Runner) -> int:
    assert DIGITS_LSTM.task is not None
    data = DIGITS_LSTM.task.load()
    outputs = [runner.read(runner.call(runner.feed(batch)))[0] for batch in data.batches]
    return int((data.predict(outputs) == data.expected).sum())


@pytest.mark.parametrize(
    ("float_mode", "int8_mode", "proof"),
    [
        (EAGER_INFERENCE_MODE, INT8_DYNAMIC, ("quantised", "LSTM")),
        (ORT_ALL_ONLINE, ORT_INT8_DYNAMIC, ("fused", "DynamicQuantizeLSTM")),
    ],
    ids=["torch", "onnxruntime"],
)
@pytest.mark.filterwarnings("ignore:Exporting a model to ONNX with a batch_size:UserWarning")
def test_int8_is_less_than_half_the_file_for_less_than_a_point(
    tmp_path: Path, float_mode, int8_mode, proof
) -> None:
    runners = []
    for mode in (float_mode, int8_mode):
        folder = tmp_path / mode.name
        folder.mkdir()
        runners.append(mode.prepare(job(DIGITS_LSTM, folder, length=8)))
    whole, small = runners
    parameters = sum(value.numel() for value in DIGITS_LSTM.build().state_dict().values())
    # Either holds at least its parameters, at 4 bytes and at 1.
    assert whole.artifact_bytes > 4 * parameters
    assert parameters < small.artifact_bytes < whole.artifact_bytes / 2
    assert abs(right_of(small) - right_of(whole)) < 9  # of 900: a point
    key, name = proof
    evidence = small.evidence()
    assert int8_mode.engaged(evidence) is None
    assert evidence[key][name] == 1
